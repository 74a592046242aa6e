#include "core/adapter/out.h"

#include <errno.h>

#include "core/adapter/json_alc.h"
#include "core/base/clock.h"
#include "core/base/utf8.h"

#define ARENA_CHUNK 32768
#define BYTES_KEPT 262144
#define VALUES_AT_ONCE 64

/* All there are in this thread (a reload tries its adapters in one of the pool), so that a stray
 * pointer is told from one of ours before it is followed. */
static _Thread_local struct out *all_outs;

void out_init(struct out *out, const struct dm_host *host, const struct out_sink *sink) {
    memset(out, 0, sizeof(*out));
    out->base.host = host;
    out->sink = sink;
    arena_init(&out->arena, ARENA_CHUNK);
    out->alc = json_arena_alc(&out->arena);
    out->next = all_outs;
    all_outs = out;
}

void out_fini(struct out *out) {
    struct out **at = &all_outs;

    while (*at != out)
        at = &(*at)->next;
    *at = out->next;
    buf_fini(&out->bytes);
    buf_fini(&out->scratch);
    buf_fini(&out->attached);
    arena_fini(&out->arena);
}

/* Forgets the value under way. */
static void drop_value(struct out *out) {
    out->doc = NULL;
    out->depth = 0;
    if (arena_used(&out->arena))
        arena_reset(&out->arena);
}

/* Forgets what belonged to one frame beside its value. */
static void drop_extras(struct out *out) {
    out->flags = 0;
    out->attachment_count = 0;
    buf_trim(&out->attached, BYTES_KEPT);
}

void out_begin(struct out *out, void *owner) {
    drop_value(out);
    drop_extras(out);
    buf_trim(&out->bytes, BYTES_KEPT);
    out->state = OUT_OPEN;
    out->fault = NULL;
    out->owner = owner;
}

int out_end(struct out *out) {
    int left = out->state == OUT_BROKEN || out->depth > 0 || out->bytes.len > 0;

    drop_value(out);
    buf_reset(&out->bytes);
    out->state = OUT_IDLE;
    out->owner = NULL;
    return left;
}

int out_body(struct out *out, struct dm_slice *ret_body) {
    if (out->state == OUT_OPEN && out->depth > 0)
        out->fault = "a value was left open";
    if (out->state != OUT_OPEN || out->fault)
        return -EINVAL;
    *ret_body = buf_slice(&out->bytes);
    return 0;
}

/* The one with that address, or NULL. */
static struct out *find(const struct dm_out *base) {
    struct out *out = all_outs;

    while (out && &out->base != base)
        out = out->next;
    return out;
}

/* NULL when nothing may be put now. */
static struct out *out_of(const struct dm_out *base) {
    struct out *out = find(base);

    return out && out->state == OUT_OPEN ? out : NULL;
}

static void break_off(struct out *out, const char *fault) {
    out->state = OUT_BROKEN;
    out->fault = fault;
}

/* 1 when the bytes can be there and fit; else 0, after breaking off. */
static int takes(struct out *out, struct dm_slice bytes) {
    if (bytes.len && !bytes.ptr)
        break_off(out, "bytes that are nowhere");
    else if (bytes.len > OUT_BYTES_MAX || out->bytes.len + out->attached.len > OUT_BYTES_MAX)
        break_off(out, "a frame or body that is too long");
    return out->state == OUT_OPEN;
}

static yyjson_mut_doc *doc_of(struct out *out) {
    if (!out->doc) {
        out->doc = yyjson_mut_doc_new(&out->alc);
        (void)yyjson_mut_doc_set_val_pool_size(out->doc, VALUES_AT_ONCE);
    }
    return out->doc;
}

/* The outermost value is complete: it becomes bytes. */
static void write_root(struct out *out, yyjson_mut_val *root) {
    size_t len = 0;
    char *text;

    /* Of a document yyjson knows how many values it has, and guesses the size well. */
    yyjson_mut_doc_set_root(out->doc, root);
    text = yyjson_mut_write_opts(out->doc, YYJSON_WRITE_NOFLAG, &out->alc, &len, NULL);
    if (text)
        buf_append(&out->bytes, text, len);
    else
        break_off(out, "a string is no UTF-8");
    drop_value(out);
}

/* Hangs val into the innermost open container; 0, or -1 after breaking off. */
static int hang(struct out *out, const char *key, yyjson_mut_val *val) {
    yyjson_mut_val *parent = out->depth ? out->stack[out->depth - 1] : NULL;

    if (!parent)
        return 0;
    if (yyjson_mut_is_arr(parent)) {
        (void)yyjson_mut_arr_append(parent, val);
        return 0;
    }
    if (!key) {
        break_off(out, "a member without a key");
        return -1;
    }
    (void)yyjson_mut_obj_add(parent, yyjson_mut_strn(out->doc, key, strlen(key)), val);
    return 0;
}

static void put(struct out *out, const char *key, yyjson_mut_val *val) {
    if (hang(out, key, val) == 0 && out->depth == 0)
        write_root(out, val);
}

static void open_container(struct out *out, const char *key, yyjson_mut_val *val) {
    if (out->depth == OUT_DEPTH_MAX) {
        break_off(out, "values nested too deep");
        return;
    }
    if (hang(out, key, val) == 0)
        out->stack[out->depth++] = val;
}

void out_put_object(struct dm_out *base, const char *key) {
    struct out *out = out_of(base);

    if (out)
        open_container(out, key, yyjson_mut_obj(doc_of(out)));
}

void out_put_array(struct dm_out *base, const char *key) {
    struct out *out = out_of(base);

    if (out)
        open_container(out, key, yyjson_mut_arr(doc_of(out)));
}

void out_put_end(struct dm_out *base) {
    struct out *out = out_of(base);

    if (!out)
        return;
    if (out->depth == 0) {
        break_off(out, "an end without an object or array");
        return;
    }
    if (--out->depth == 0)
        write_root(out, out->stack[0]);
}

void out_put_string(struct dm_out *base, const char *key, struct dm_slice value) {
    struct out *out = out_of(base);

    if (!out || !takes(out, value))
        return;
    put(out, key, value.ptr ? yyjson_mut_strn(doc_of(out), value.ptr, value.len)
                            : yyjson_mut_null(doc_of(out)));
}

void out_put_int(struct dm_out *base, const char *key, int64_t value) {
    struct out *out = out_of(base);

    if (out)
        put(out, key, yyjson_mut_sint(doc_of(out), value));
}

void out_put_bool(struct dm_out *base, const char *key, int value) {
    struct out *out = out_of(base);

    if (out)
        put(out, key, yyjson_mut_bool(doc_of(out), value != 0));
}

void out_put_null(struct dm_out *base, const char *key) {
    struct out *out = out_of(base);

    if (out)
        put(out, key, yyjson_mut_null(doc_of(out)));
}

void out_put_json(struct dm_out *base, const char *key, struct dm_slice json) {
    struct out *out = out_of(base);

    if (!out || !takes(out, json))
        return;
    put(out, key, json.len ? yyjson_mut_rawn(doc_of(out), json.ptr, json.len)
                           : yyjson_mut_null(doc_of(out)));
}

/* text lives in the arena. */
static void put_text(struct out *out, const char *key, const char *text, size_t len) {
    put(out, key, yyjson_mut_strn(doc_of(out), text, len));
}

void out_put_uuid(struct dm_out *base, const char *key, const struct dm_uuid *uuid) {
    struct out *out = out_of(base);
    char *text;

    if (!out)
        return;
    if (!uuid) {
        put(out, key, yyjson_mut_null(doc_of(out)));
        return;
    }
    text = arena_alloc(&out->arena, DM_UUID_TEXT_LEN + 1);
    dm_uuid_format(uuid, text);
    put_text(out, key, text, DM_UUID_TEXT_LEN);
}

void out_put_time(struct dm_out *base, const char *key, int64_t us, enum dm_time_style style) {
    struct out *out = out_of(base);
    enum time_zone_suffix suffix = style == DM_TIME_Z        ? TIME_Z
                                   : style == DM_TIME_OFFSET ? TIME_OFFSET
                                                             : TIME_BARE;
    char *text;

    if (!out)
        return;
    text = arena_alloc(&out->arena, TIME_ISO_SIZE);
    put_text(out, key, text, time_format_iso(us, suffix, text));
}

/* Appends the attachment's URL to out->scratch; 1 when there is one, else 0. */
static int append_url(struct out *out, const struct dm_attachment *attachment) {
    size_t before = out->scratch.len;

    if (attachment->url.ptr)
        buf_append_slice(&out->scratch, attachment->url);
    else if (attachment->file_id)
        out->sink->file_url(out, attachment, &out->scratch);
    return out->scratch.len > before;
}

void out_put_url(struct dm_out *base, const char *key, const struct dm_attachment *attachment) {
    struct out *out = out_of(base);

    if (!out)
        return;
    buf_reset(&out->scratch);
    if (attachment && append_url(out, attachment))
        put_text(out, key, arena_dup(&out->arena, out->scratch.data, out->scratch.len),
                 out->scratch.len);
    else
        put(out, key, yyjson_mut_null(doc_of(out)));
}

void out_put_message_text(struct dm_out *base, const char *key,
                          const struct dm_message *message) {
    struct out *out = out_of(base);

    if (!out || !message)
        return;
    if (message->attachment_count == 0) {
        out_put_string(base, key, message->text);
        return;
    }
    buf_reset(&out->scratch);
    buf_append_slice(&out->scratch, message->text);
    for (size_t i = 0; i < message->attachment_count; i++) {
        size_t before = out->scratch.len;

        if (before)
            buf_append_char(&out->scratch, '\n');
        if (!append_url(out, message->attachments[i]))
            out->scratch.len = before;
    }
    put_text(out, key, arena_dup(&out->arena, out->scratch.data, out->scratch.len),
             out->scratch.len);
}

void out_put_raw(struct dm_out *base, struct dm_slice bytes) {
    struct out *out = out_of(base);

    if (!out || !takes(out, bytes))
        return;
    out->flags |= OUT_RAW;
    if (out->depth)
        break_off(out, "raw bytes inside a value");
    else
        buf_append_slice(&out->bytes, bytes);
}

void out_frame_end(struct dm_out *base, enum dm_frame_kind kind, const char *type) {
    struct out *out = find(base);
    struct dm_slice payload;

    if (!out || out->state == OUT_IDLE)
        return;
    if ((unsigned)kind > DM_FRAME_BINARY)
        break_off(out, "a frame of an unknown kind");
    else if (kind == DM_FRAME_TEXT && (out->flags & OUT_RAW)
             && !utf8_valid(buf_slice(&out->bytes)))
        break_off(out, "a text frame that is no UTF-8");
    if (out_body(out, &payload) == 0)
        out->sink->frame(out, kind, payload, type);
    else
        out->sink->broken(out, out->fault);
    drop_value(out);
    drop_extras(out);
    buf_reset(&out->bytes);
    out->state = OUT_OPEN;
    out->fault = NULL;
}

void out_ack_end(struct dm_out *base, uint64_t ack, const char *type) {
    struct out *out = out_of(base);

    if (!out)
        return;
    out->flags |= OUT_ACK;
    out->ack = ack;
    out_frame_end(base, DM_FRAME_TEXT, type);
}

void out_put_attachment(struct dm_out *base, struct dm_slice bytes) {
    struct out *out = out_of(base);

    if (!out || !takes(out, bytes))
        return;
    if (out->attachment_count == OUT_ATTACHMENTS_MAX) {
        break_off(out, "too many attachments");
        return;
    }
    buf_append_slice(&out->attached, bytes);
    out->attachment_len[out->attachment_count++] = bytes.len;
}
