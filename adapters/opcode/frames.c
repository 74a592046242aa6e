/* The codec: frames in, values out, and back. */
#include "adapters/opcode/opcode.h"

#include <stddef.h>

/* What the wire has. */
struct envelope {
    int64_t o;
    const struct dm_json *d;
    const struct dm_json *e;
};

static const struct dm_field envelope_rows[] = {
    { "o", DM_FIELD_INT, DM_FIELD_REQUIRED, offsetof(struct envelope, o) },
    { "d", DM_FIELD_VALUE, DM_FIELD_REQUIRED, offsetof(struct envelope, d) },
    { "e", DM_FIELD_VALUE, 0, offsetof(struct envelope, e) },
};
static const struct dm_table envelope_table = DM_TABLE(envelope_rows);

static int is_opcode(int64_t number) {
    switch (number) {
    case OPCODE_DISPATCH:
    case OPCODE_IDENTIFY:
    case OPCODE_INVALID_SESSION:
    case OPCODE_HELLO:
    case OPCODE_UNKNOWN_ERROR:
    case OPCODE_UNKNOWN_OPCODE:
    case OPCODE_DECODE_ERROR:
    case OPCODE_NOT_AUTHENTICATED:
    case OPCODE_AUTHENTICATION_FAILED:
    case OPCODE_ALREADY_AUTHENTICATED:
    case OPCODE_RATE_LIMITED:
    case OPCODE_SESSION_TIMEOUT:
        return 1;
    default:
        return 0;
    }
}

int opcode_decode(const struct dm_host *host, struct dm_slice text,
                  struct opcode_frame *ret_frame) {
    struct envelope envelope = { 0 };
    const char *field;

    if (dm_json_decode(host, dm_json_parse(host, text), &envelope_table, &envelope, &field) != 0
        || !is_opcode(envelope.o))
        return -1;
    ret_frame->code = (enum opcode)envelope.o;
    ret_frame->event = DM_SLICE_NONE;
    ret_frame->data = envelope.d;
    if (ret_frame->code == OPCODE_DISPATCH) {
        ret_frame->event = dm_json_string(host, envelope.e);
        if (!ret_frame->event.ptr)
            return -1;
    }
    if (dm_json_type(host, envelope.d) == DM_JSON_STRING)
        ret_frame->data = dm_json_parse(host, dm_json_string(host, envelope.d));
    return ret_frame->data ? 0 : -1;
}

const char *opcode_frame_type(const struct opcode_frame *frame) {
    if (frame->code == OPCODE_IDENTIFY)
        return "IDENTIFY";
    if (frame->code != OPCODE_DISPATCH)
        return "UNKNOWN_OPCODE";
    if (dm_slice_eq_nocase(frame->event, DM_SLICE("SEND_MESSAGE")))
        return "SEND_MESSAGE";
    return "UNKNOWN_EVENT";
}

static const char *bare_type(enum opcode code) {
    switch (code) {
    case OPCODE_INVALID_SESSION: return "INVALID_SESSION";
    case OPCODE_HELLO: return "HELLO";
    case OPCODE_UNKNOWN_OPCODE: return "UNKNOWN_OPCODE";
    case OPCODE_DECODE_ERROR: return "DECODE_ERROR";
    case OPCODE_NOT_AUTHENTICATED: return "NOT_AUTHENTICATED";
    case OPCODE_AUTHENTICATION_FAILED: return "AUTHENTICATION_FAILED";
    case OPCODE_ALREADY_AUTHENTICATED: return "ALREADY_AUTHENTICATED";
    case OPCODE_RATE_LIMITED: return "RATE_LIMITED";
    case OPCODE_SESSION_TIMEOUT: return "SESSION_TIMEOUT";
    default: return "UNKNOWN_ERROR";
    }
}

void opcode_put_bare(struct dm_out *out, enum opcode code) {
    dm_put_object(out, NULL);
    dm_put_int(out, "o", code);
    dm_put_object(out, "d");
    dm_put_end(out);
    dm_put_null(out, "e");
    dm_put_end(out);
    dm_frame_end(out, DM_FRAME_TEXT, bare_type(code));
}

void opcode_put_event(struct dm_out *out, const char *event) {
    dm_put_object(out, NULL);
    dm_put_int(out, "o", OPCODE_DISPATCH);
    dm_put_str(out, "e", event);
    dm_put_object(out, "d");
}

void opcode_end_event(struct dm_out *out, const char *event) {
    dm_put_end(out);
    dm_put_end(out);
    dm_frame_end(out, DM_FRAME_TEXT, event);
}

/* The token is the dialect's only secret in a frame. What is no frame, or has a token in it, might
 * be a broken IDENTIFY, so nothing of it is shown. */
void opcode_redact(struct dm_instance *instance, const struct dm_frame *frame,
                   struct dm_out *out) {
    const struct dm_host *host = instance->host;
    struct opcode_frame decoded;

    if (opcode_decode(host, frame->data, &decoded) != 0
        || (decoded.code != OPCODE_IDENTIFY && dm_json_get(host, decoded.data, "token"))) {
        dm_put_raw(out, DM_SLICE("***"));
    } else if (decoded.code != OPCODE_IDENTIFY) {
        dm_put_raw(out, frame->data);
    } else {
        const struct dm_json *properties = dm_json_get(host, decoded.data, "properties");

        dm_put_object(out, NULL);
        dm_put_int(out, "o", OPCODE_IDENTIFY);
        dm_put_object(out, "d");
        dm_put_string(out, "os", dm_json_member(host, properties, "os"));
        dm_put_string(out, "device", dm_json_member(host, properties, "device"));
        dm_put_str(out, "token", "***");
        dm_put_end(out);
        dm_put_end(out);
    }
    dm_frame_end(out, frame->kind, "redacted");
}
