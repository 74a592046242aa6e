/* Values as text, for frames of the bus (bus.h). Private to core/engine.
 *
 * A number is decimal and ends with a space; a text is its length, a colon and its bytes, or "-"
 * when absent; a UUID is 32 hex digits. Written into a buffer that grows; read from bytes that may
 * be anything: after the first value that is none, every further one is zero, nil or absent, and
 * `failed` tells. A reader does not care for what follows the values it asks for, so that newer
 * nodes may say more. */
#ifndef DRAGOMAN_ENGINE_WIRE_H
#define DRAGOMAN_ENGINE_WIRE_H

#include "core/base/buf.h"
#include "core/base/uuid.h"

void wire_put_int(struct buf *buf, int64_t value);
void wire_put_uint(struct buf *buf, uint64_t value);
void wire_put_text(struct buf *buf, struct dm_slice text);
void wire_put_uuid(struct buf *buf, const struct dm_uuid *uuid);

struct wire_reader {
    const char *at;
    const char *end;
    int failed;
};

void wire_reader_init(struct wire_reader *reader, struct dm_slice bytes);
int64_t wire_int(struct wire_reader *reader);
uint64_t wire_uint(struct wire_reader *reader);

/* How many of something follow, each at least one byte long: more than that is no count. */
size_t wire_count(struct wire_reader *reader);

/* Borrows the bytes. */
struct dm_slice wire_text(struct wire_reader *reader);
void wire_uuid(struct wire_reader *reader, struct dm_uuid *ret_uuid);

#endif
