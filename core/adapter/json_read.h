/* JSON reading behind the contract: parse, look, decode by table. */
#ifndef DRAGOMAN_ADAPTER_JSON_READ_H
#define DRAGOMAN_ADAPTER_JSON_READ_H

#include "core/adapter/adapter.h"
#include "core/base/arena.h"

#define JSON_DEPTH_MAX 128

struct json_large;

/* Owns everything that was parsed since its last reset. Small texts (nearly all) live in the
 * arena, large ones in memory of their own. */
struct json_reader {
    struct arena arena;
    struct json_large *large;
};

void json_reader_init(struct json_reader *reader);
void json_reader_fini(struct json_reader *reader);

/* Every value, text and string given out becomes invalid. */
void json_reader_reset(struct json_reader *reader);

/* RFC 8259, strictly: NULL for anything else, for lone surrogates, for a depth over
 * JSON_DEPTH_MAX, and for trailing bytes. Numbers are kept as written. Of members with the same
 * name the first counts. */
const struct dm_json *json_reader_parse(struct json_reader *reader, struct dm_slice text);

/* The value as text, owned by the reader. NULL gives "null". */
struct dm_slice json_reader_text(struct json_reader *reader, const struct dm_json *value);

/* As adapter.h describes them. */
enum dm_json_type json_value_type(const struct dm_json *value);
const struct dm_json *json_value_get(const struct dm_json *object, const char *key);
const struct dm_json *json_value_next(const struct dm_json *array,
                                      const struct dm_json *previous);
size_t json_value_count(const struct dm_json *container);
struct dm_slice json_value_string(const struct dm_json *value);
int64_t json_value_int(const struct dm_json *value);

/* An object that is none, and a table that is ill-formed, give -1 with ret_field "". */
int json_reader_decode(struct json_reader *reader, const struct dm_json *object,
                       const struct dm_table *fields, void *dest, const char **ret_field);

#endif
