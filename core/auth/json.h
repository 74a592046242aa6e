/* Reading the JSON of tokens and keys. */
#ifndef DRAGOMAN_AUTH_JSON_H
#define DRAGOMAN_AUTH_JSON_H

#include <yyjson.h>

#include "core/base/buf.h"

/* Memory for one document at a time, so that a token costs no allocation. */
struct json_scratch {
    void *mem;
    size_t size;
    yyjson_alc alc;
};

/* For texts of at most max_len bytes. */
void json_scratch_init(struct json_scratch *scratch, size_t max_len);
void json_scratch_fini(struct json_scratch *scratch);

/* Bytes that must lie behind a text given to json_read_object, for the reader's use. */
#define JSON_PADDING YYJSON_PADDING_SIZE

/* Reads one JSON object (RFC 8259) that fills len bytes at text, in place: strings of the document
 * lie in text, and live as long as it does. Returns the root, or NULL when the text is anything
 * else, holds the same key twice at its top (RFC 7519 section 4 and RFC 7515 section 4 let us
 * refuse that), or more than 256 keys there. The document dies with the next read. */
yyjson_val *json_read_object(struct json_scratch *scratch, char *text, size_t len);

/* 1 when no two keys of the object are the same, and there are at most 256; else 0. */
int json_keys_unique(yyjson_val *object);

/* The member's string; absent when there is no such member or it is no string. */
struct dm_slice json_string(yyjson_val *object, const char *key);

/* The string of a value; absent when it is none, or NULL. */
struct dm_slice json_text(yyjson_val *value);

#endif
