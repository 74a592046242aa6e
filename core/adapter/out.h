/* Where adapters write: JSON values and raw bytes, gathered into one frame or body at a time. */
#ifndef DRAGOMAN_ADAPTER_OUT_H
#define DRAGOMAN_ADAPTER_OUT_H

#include <yyjson.h>

#include "core/adapter/adapter.h"
#include "core/base/arena.h"
#include "core/base/buf.h"

#define OUT_DEPTH_MAX 64
#define OUT_ATTACHMENTS_MAX 16
#define OUT_BYTES_MAX (64u << 20) /* of one frame or body */

enum out_flag {
    OUT_ACK = 1u << 0, /* the frame is an acknowledgement */
    OUT_RAW = 1u << 1, /* it holds bytes that nobody has looked at */
};

enum out_state {
    OUT_IDLE = 0, /* nobody's: whatever is put is dropped */
    OUT_OPEN,     /* a hook writes */
    OUT_BROKEN,   /* something impossible was put: the frame or body is dropped at its end */
};

struct out;

/* What the owner does with what was written. */
struct out_sink {
    /* A frame is complete. payload is borrowed for the call. */
    void (*frame)(struct out *out, enum dm_frame_kind kind, struct dm_slice payload,
                  const char *type);
    /* Appends the URL of one of the gateway's own files; nothing appended: there is none. */
    void (*file_url)(struct out *out, const struct dm_attachment *attachment,
                     struct buf *ret_url);
    /* A frame was dropped because of a wrong call. */
    void (*broken)(struct out *out, const char *fault);
};

/* One per host. `base` is what adapters hold. */
struct out {
    struct dm_out base;
    struct out *next; /* of all there are */
    const struct out_sink *sink;
    enum out_state state;
    const char *fault;      /* BROKEN: why */
    void *owner;            /* the sink's */
    struct buf bytes;       /* finished values and raw bytes of this frame or body */
    struct arena arena;     /* of the value under way */
    yyjson_alc alc;
    yyjson_mut_doc *doc;
    uint32_t depth;
    yyjson_mut_val *stack[OUT_DEPTH_MAX]; /* open containers */
    struct buf scratch;

    /* Socket.IO, of this frame */
    uint32_t flags;         /* enum out_flag */
    uint32_t attachment_count;
    uint64_t ack;
    struct buf attached;    /* the attachments, one behind the other */
    size_t attachment_len[OUT_ATTACHMENTS_MAX];
};

void out_init(struct out *out, const struct dm_host *host, const struct out_sink *sink);
void out_fini(struct out *out);

/* Opens it, empty, for an owner. */
void out_begin(struct out *out, void *owner);

/* Closes it. What was not ended is dropped; 1 when there was any, else 0. */
int out_end(struct out *out);

/* What was written, when it is complete and sound: 0; else -EINVAL, with out->fault set. ret_body
 * is borrowed until the next begin. */
int out_body(struct out *out, struct dm_slice *ret_body);

/* The contract's functions; out may be any pointer: one that is no `out` is ignored. */
void out_put_object(struct dm_out *base, const char *key);
void out_put_array(struct dm_out *base, const char *key);
void out_put_end(struct dm_out *base);
void out_put_string(struct dm_out *base, const char *key, struct dm_slice value);
void out_put_int(struct dm_out *base, const char *key, int64_t value);
void out_put_bool(struct dm_out *base, const char *key, int value);
void out_put_null(struct dm_out *base, const char *key);
void out_put_json(struct dm_out *base, const char *key, struct dm_slice json);
void out_put_uuid(struct dm_out *base, const char *key, const struct dm_uuid *uuid);
void out_put_time(struct dm_out *base, const char *key, int64_t us, enum dm_time_style style);
void out_put_url(struct dm_out *base, const char *key, const struct dm_attachment *attachment);
void out_put_message_text(struct dm_out *base, const char *key, const struct dm_message *message);
void out_put_raw(struct dm_out *base, struct dm_slice bytes);
void out_frame_end(struct dm_out *base, enum dm_frame_kind kind, const char *type);
void out_ack_end(struct dm_out *base, uint64_t ack, const char *type);
void out_put_attachment(struct dm_out *base, struct dm_slice bytes);

#endif
