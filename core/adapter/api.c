/* The functions that adapters call. Each checks what it gets: an adapter's mistake is logged and
 * has no effect. */
#include <errno.h>
#include <stdlib.h>

#include "core/adapter/internal.h"
#include "core/base/base64.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/utf8.h"

#define LOG_TEXT_MAX 500

static struct host *host_of(const struct dm_host *api) {
    return (struct host *)(uintptr_t)api;
}

static void complain(const char *adapter, const char *what) {
    log_event(LOG_LEVEL_ERROR, "adapter broke the contract", LOG_STR("adapter", adapter),
              LOG_STR("what", what));
}

static struct session *session_of(struct dm_session *pub, const char *function) {
    struct session *session = container_of(pub, struct session, pub);

    if (!pub || session->magic != SESSION_MAGIC || session->state == SESSION_GONE) {
        complain(NULL, function);
        return NULL;
    }
    return session;
}

static const struct instance *instance_of(const struct dm_instance *pub) {
    const struct instance *instance = (const struct instance *)(const void *)pub;

    if (!pub || &instance->host->api != pub->host) {
        complain(NULL, "no instance");
        return NULL;
    }
    return instance;
}

static int may_set_principal(const struct dm_command *command) {
    return command->kind == DM_CMD_AUTHENTICATE || command->kind == DM_CMD_LOGIN
           || (command->kind == DM_CMD_REGISTER && (command->flags & DM_CMD_LOGIN_AFTER));
}

static void api_submit(struct dm_session *pub, const struct dm_command *command,
                       struct dm_slice cookie) {
    struct session *session = session_of(pub, "submit: no session");
    struct dm_command copy = { 0 };
    uint32_t flags;

    if (!session)
        return;
    if (!command || command->size < offsetof(struct dm_command, user)
        || cookie.len > COOKIE_MAX) {
        complain(session->instance->name, "submit: bad command or cookie");
        return;
    }
    memcpy(&copy, command, command->size < sizeof(copy) ? command->size : sizeof(copy));
    copy.size = sizeof(copy);
    flags = session->instance->adapter.flags;
    if (!(flags & DM_ADAPTER_REQUESTS))
        copy.flags |= DM_CMD_ANSWER_APPROVES;
    if (!(flags & DM_ADAPTER_CHATS))
        copy.flags |= DM_CMD_DIRECT_ONLY;
    if (!session->pub.user && may_set_principal(&copy))
        session_pause(session, SESSION_PAUSED_LOGIN);
    engine_submit(&session->engine, &copy, cookie);
}

static int code_is_good(uint16_t code) {
    return code == 0 || (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014)
           || (code >= 3000 && code <= 4999);
}

static void api_close(struct dm_session *pub, uint16_t code) {
    struct session *session = session_of(pub, "close: no session");

    if (!session)
        return;
    if (!code_is_good(code)) {
        complain(session->instance->name, "close: a code that may not be sent");
        code = WEBSOCKET_CODE_INTERNAL;
    }
    session_close(session, code);
}

static void api_accept(struct dm_session *pub, const char *subprotocol) {
    struct session *session = session_of(pub, "accept: no session");

    if (!session)
        return;
    if (session->state != SESSION_UPGRADING || session->subprotocol
        || session->instance->host->hook_session != session) {
        complain(session->instance->name, "accept: not now");
        return;
    }
    if (subprotocol
        && !websocket_is_offered(http_request(session->request->exchange),
                                 dm_slice_str(subprotocol))) {
        complain(session->instance->name, "accept: a subprotocol that was not offered");
        subprotocol = NULL;
    }
    if (subprotocol)
        session->subprotocol = mem_dup(subprotocol, strlen(subprotocol));
    session->flags |= SESSION_ACCEPTED;
}

static void api_timer(struct dm_session *pub, uint32_t ms) {
    struct session *session = session_of(pub, "timer: no session");
    struct loop *loop;

    if (!session)
        return;
    loop = session->instance->host->loop;
    if (ms > TIMER_MS_MAX) {
        complain(session->instance->name, "timer: longer than a day");
        ms = TIMER_MS_MAX;
    }
    if (ms == 0 || session->state == SESSION_CLOSING)
        loop_timer_cancel(loop, &session->timer);
    else
        loop_timer_arm(loop, &session->timer, ms);
}

static void api_set_variant(struct dm_session *pub, uint32_t variant) {
    struct session *session = session_of(pub, "set_variant: no session");

    if (!session)
        return;
    if (variant >= VARIANTS_MAX)
        complain(session->instance->name, "set_variant: out of range");
    else
        session->variant = (uint8_t)variant;
}

static void api_log(struct dm_instance *pub, enum dm_log_level level, const char *text) {
    static const enum log_level levels[] = { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARNING,
                                             LOG_LEVEL_ERROR };
    const struct instance *instance = instance_of(pub);
    size_t len;

    if (!instance || !text || (unsigned)level > DM_LOG_ERROR)
        return;
    len = strnlen(text, LOG_TEXT_MAX);
    log_event(levels[level], "adapter says", LOG_STR("adapter", instance->name),
              LOG_SLICE("text", ((struct dm_slice){ text, len })));
}

static int64_t api_setting_int(const struct dm_instance *pub, const char *key) {
    const struct instance *instance = instance_of(pub);

    return instance ? adapter_values_int(instance->values, key) : 0;
}

static struct dm_slice api_setting_str(const struct dm_instance *pub, const char *key) {
    const struct instance *instance = instance_of(pub);

    return instance ? adapter_values_text(instance->values, key) : DM_SLICE_NONE;
}

/* ---- the request of the hook that runs ---- */

static struct session *request_session(struct dm_session *pub, const char *name) {
    struct session *session = session_of(pub, "request data: no session");

    if (!session || !name)
        return NULL;
    if (session->instance->host->hook != HOOK_REQUEST
        || session->instance->host->hook_session != session || !session->request) {
        complain(session->instance->name, "request data: not in this hook");
        return NULL;
    }
    return session;
}

static struct dm_slice api_request_header(struct dm_session *pub, const char *name) {
    struct session *session = request_session(pub, name);

    return session ? http_header(http_request(session->request->exchange), name) : DM_SLICE_NONE;
}

static int decode_into(struct arena *arena, struct dm_slice raw, enum http_plus plus,
                       struct dm_slice *ret_text) {
    char *text = arena_alloc(arena, raw.len + 1);
    size_t len = 0;

    if (raw.len && http_percent_decode(raw, plus, text, &len) != 0)
        return -1;
    *ret_text = (struct dm_slice){ text, len };
    return 0;
}

/* The first pair of that name, decoded. */
static struct dm_slice find_pair(struct session *session, struct dm_slice text,
                                 enum http_plus plus, const char *name) {
    struct arena *arena = &session->instance->host->reader.arena;
    struct http_field pair;

    while (http_pair_next(text, &text, &pair)) {
        struct dm_slice decoded;

        if (decode_into(arena, pair.name, plus, &decoded) != 0
            || !dm_slice_eq(decoded, dm_slice_str(name)))
            continue;
        if (decode_into(arena, pair.value, plus, &decoded) == 0 && utf8_valid(decoded))
            return decoded;
    }
    return DM_SLICE_NONE;
}

static struct dm_slice api_request_query(struct dm_session *pub, const char *name) {
    struct session *session = request_session(pub, name);

    if (!session)
        return DM_SLICE_NONE;
    return find_pair(session, http_request(session->request->exchange)->query,
                     HTTP_PLUS_IS_SPACE, name);
}

static struct dm_slice api_request_form(struct dm_session *pub, const char *name) {
    struct session *session = request_session(pub, name);
    const struct dm_request *request;

    if (!session)
        return DM_SLICE_NONE;
    request = &session->request->pub;
    if (!dm_slice_eq(request->content_type, DM_SLICE("application/x-www-form-urlencoded")))
        return DM_SLICE_NONE;
    return find_pair(session, request->body, HTTP_PLUS_IS_SPACE, name);
}

/* ---- writing ---- */

static struct dm_out *api_out(struct dm_session *pub) {
    struct session *session = session_of(pub, "out: no session");
    struct host *host;

    if (!session)
        return pub ? &host_of(pub->host)->inert.base : NULL;
    host = session->instance->host;
    if (host->capture || host->hook == HOOK_NONE) {
        complain(session->instance->name, "out: not in this hook");
        return &host->inert.base;
    }
    if (session->state == SESSION_CLOSING || session->state == SESSION_ANSWERED)
        return &host->inert.base;
    if (host->out.state != OUT_IDLE && out_end(&host->out))
        complain(session->instance->name, "out: the one before was not finished");
    out_begin(&host->out, session);
    return &host->out.base;
}

static void api_respond(struct dm_session *pub, const struct dm_response *response,
                        struct dm_out *out) {
    struct session *session = session_of(pub, "respond: no session");
    struct dm_slice body = DM_SLICE_NONE;
    struct host *host;

    if (!session)
        return;
    host = session->instance->host;
    if (!session->request || session->state == SESSION_ANSWERED || session->state == SESSION_OPEN
        || session->state == SESSION_CLOSING || !response) {
        complain(session->instance->name, "respond: not now");
        return;
    }
    if (out && (out != &host->out.base || host->out.owner != session
                || out_body(&host->out, &body) != 0)) {
        complain(session->instance->name, host->out.fault ? host->out.fault
                                                          : "respond: a strange body");
        request_respond_plain(session, 500);
    } else if (request_respond(session, response, body) == -EINVAL) {
        complain(session->instance->name, "respond: bad status or header");
        request_respond_plain(session, 500);
    }
    if (host->out.owner == session)
        (void)out_end(&host->out);
}

/* The session of a response in pieces; NULL when it is none. */
static struct session *pieces_session(struct dm_session *pub, const char *function) {
    struct session *session = session_of(pub, function);

    if (session && session->state != SESSION_PIECES) {
        complain(session->instance->name, function);
        return NULL;
    }
    return session;
}

static void api_respond_begin(struct dm_session *pub, const struct dm_response *response) {
    struct session *session = session_of(pub, "respond_begin: no session");

    if (!session)
        return;
    if (!session->request || session->state != SESSION_WAITING || !response)
        complain(session->instance->name, "respond_begin: not now");
    else if (request_begin(session, response) == -EINVAL)
        complain(session->instance->name, "respond_begin: bad status or header");
}

static int api_respond_piece(struct dm_session *pub, struct dm_out *out) {
    struct session *session = pieces_session(pub, "respond_piece: not begun");
    struct dm_slice body = DM_SLICE_NONE;
    int taken = DM_PIECE_TAKEN;
    struct host *host;

    if (!session)
        return DM_PIECE_TAKEN;
    host = session->instance->host;
    if (out != &host->out.base || host->out.owner != session || out_body(&host->out, &body) != 0) {
        complain(session->instance->name, host->out.fault ? host->out.fault
                                                          : "respond_piece: a strange body");
        request_abort(session);
    } else {
        taken = (int)request_piece(session, body);
    }
    if (host->out.owner == session)
        (void)out_end(&host->out);
    return taken;
}

static void api_respond_end(struct dm_session *pub) {
    struct session *session = pieces_session(pub, "respond_end: not begun");

    if (session)
        request_end(session);
}

static void api_respond_abort(struct dm_session *pub) {
    struct session *session = pieces_session(pub, "respond_abort: not begun");

    if (session)
        request_abort(session);
}

static void sink_frame(struct out *out, enum dm_frame_kind kind, struct dm_slice payload,
                       const char *type) {
    struct host *host = container_of(out, struct host, out);
    struct session *session = out->owner;

    if (host->capture) {
        encoded_frame(host, kind, payload, type);
        return;
    }
    if (!session || session->state != SESSION_OPEN) {
        complain(session ? session->instance->name : NULL, "frame: no open socket");
        return;
    }
    if (websocket_send(session->ws,
                       kind == DM_FRAME_BINARY ? WEBSOCKET_BINARY : WEBSOCKET_TEXT, payload) == 0)
        metrics_inc(count_type(session->instance, DIRECTION_OUT, type));
}

static void sink_file_url(struct out *out, const struct dm_attachment *attachment,
                          struct buf *ret_url) {
    struct host *host = container_of(out, struct host, out);
    struct session *session = host->capture ? (struct session *)(uintptr_t)host->encode_for
                                            : out->owner;
    struct dm_slice base;

    if (!host->file_url || !session)
        return;
    base = session_base_text(session);
    if (base.len == 0)
        return;
    host->base_use = BASE_USED;
    host->file_url(host->file_url_data, attachment, base, ret_url);
}

static void sink_broken(struct out *out, const char *fault) {
    struct host *host = container_of(out, struct host, out);
    const struct session *session = out->owner;

    complain(host->capture ? host->capture->instance->name
                           : session ? session->instance->name : NULL, fault);
}

const struct out_sink host_out_sink = {
    .frame = sink_frame,
    .file_url = sink_file_url,
    .broken = sink_broken,
};

/* ---- reading ---- */

static const struct dm_json *api_json_parse(const struct dm_host *api, struct dm_slice text) {
    return json_reader_parse(&host_of(api)->reader, text);
}

static struct dm_slice api_json_text(const struct dm_host *api, const struct dm_json *value) {
    return json_reader_text(&host_of(api)->reader, value);
}

static int api_json_decode(const struct dm_host *api, const struct dm_json *object,
                           const struct dm_table *fields, void *dest, const char **ret_field) {
    return json_reader_decode(&host_of(api)->reader, object, fields, dest, ret_field);
}

static struct dm_slice api_base64_decode(const struct dm_host *api, struct dm_slice text) {
    size_t max = base64_decoded_max(text.len), len = 0;
    char *data = text.ptr ? arena_alloc(&host_of(api)->reader.arena, max) : NULL;

    if (!data || base64_decode(BASE64_STD, text, data, max, &len) != 0)
        return DM_SLICE_NONE;
    return (struct dm_slice){ data, len };
}

void host_api_init(struct host *host) {
    host->api = (struct dm_host){
        .size = sizeof(struct dm_host),
        .abi_major = DM_ABI_MAJOR,
        .abi_minor = DM_ABI_MINOR,
        .submit = api_submit,
        .close = api_close,
        .accept = api_accept,
        .timer = api_timer,
        .set_variant = api_set_variant,
        .log = api_log,
        .setting_int = api_setting_int,
        .setting_str = api_setting_str,
        .request_header = api_request_header,
        .request_query = api_request_query,
        .request_form = api_request_form,
        .out = api_out,
        .respond = api_respond,
        .respond_begin = api_respond_begin,
        .respond_piece = api_respond_piece,
        .respond_end = api_respond_end,
        .respond_abort = api_respond_abort,
        .put_object = out_put_object,
        .put_array = out_put_array,
        .put_end = out_put_end,
        .put_string = out_put_string,
        .put_int = out_put_int,
        .put_bool = out_put_bool,
        .put_null = out_put_null,
        .put_json = out_put_json,
        .put_uuid = out_put_uuid,
        .put_time = out_put_time,
        .put_url = out_put_url,
        .put_message_text = out_put_message_text,
        .put_raw = out_put_raw,
        .frame_end = out_frame_end,
        .json_parse = api_json_parse,
        .json_type = json_value_type,
        .json_get = json_value_get,
        .json_next = json_value_next,
        .json_count = json_value_count,
        .json_string = json_value_string,
        .json_int = json_value_int,
        .json_text = api_json_text,
        .json_decode = api_json_decode,
        .base64_decode = api_base64_decode,
    };
}
