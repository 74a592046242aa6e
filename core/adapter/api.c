/* The functions that adapters call. Each checks what it gets: an adapter's mistake is logged and
 * has no effect. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/adapter/api.h"
#include "core/adapter/observe.h"
#include "core/base/base64.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/utf8.h"

#define LOG_TEXT_MAX 500

static struct host *host_of(const struct dm_host *api) {
    return (struct host *)(uintptr_t)api;
}

void api_complain(const char *adapter, const char *what) {
    log_event(LOG_LEVEL_ERROR, "adapter broke the contract", LOG_STR("adapter", adapter),
              LOG_STR("what", what));
}

/* An adapter has its own sessions and instances, and these in its hooks only. */
static int is_callers(const struct instance *instance) {
    const struct instance *caller = instance->host->hook_instance;

    if (caller == instance)
        return 1;
    api_complain(caller ? caller->name : instance->name,
                 caller ? "not its own session or instance" : "a call outside of its hooks");
    return 0;
}

struct session *api_session(struct dm_session *pub, const char *function) {
    struct session *session = container_of(pub, struct session, pub);

    if (!pub || session->magic != SESSION_MAGIC || session->state == SESSION_GONE) {
        api_complain(NULL, function);
        return NULL;
    }
    return is_callers(session->instance) ? session : NULL;
}

static const struct instance *instance_of(const struct dm_instance *pub) {
    const struct instance *instance = (const struct instance *)(const void *)pub;

    if (!pub || &instance->host->api != pub->host) {
        api_complain(NULL, "no instance");
        return NULL;
    }
    return is_callers(instance) ? instance : NULL;
}

static int may_set_principal(const struct dm_command *command) {
    return command->kind == DM_CMD_AUTHENTICATE || command->kind == DM_CMD_LOGIN
           || (command->kind == DM_CMD_REGISTER && (command->flags & DM_CMD_LOGIN_AFTER));
}

static void api_submit(struct dm_session *pub, const struct dm_command *command,
                       struct dm_slice cookie) {
    struct session *session = api_session(pub, "submit: no session");
    struct dm_command copy = { 0 };
    uint32_t flags;

    if (!session)
        return;
    if (!command || command->size < offsetof(struct dm_command, user)
        || cookie.len > DM_COOKIE_MAX || (cookie.len && !cookie.ptr)) {
        api_complain(session->instance->name, "submit: bad command or cookie");
        return;
    }
    memcpy(&copy, command, command->size < sizeof(copy) ? command->size : sizeof(copy));
    copy.size = sizeof(copy);
    flags = session->instance->adapter.flags;
    if (!(flags & DM_ADAPTER_REQUESTS))
        copy.flags |= DM_CMD_ANSWER_APPROVES;
    /* Who is shown messages of chats is shown those that were missed, too. */
    if (!(flags & DM_ADAPTER_CHATS)
        && (copy.kind != DM_CMD_UNDELIVERED || session->instance->chats != CHATS_FLATTEN))
        copy.flags |= DM_CMD_DIRECT_ONLY;
    if (!session->pub.user && may_set_principal(&copy))
        session_pause(session, SESSION_PAUSED_LOGIN);
    engine_submit(&session->engine, &copy, cookie);
}

static int code_is_good(uint16_t code) {
    return code == 0 || (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014)
           || (code >= 3000 && code <= 4999);
}

static uint16_t good_code(const struct session *session, uint16_t code) {
    if (code_is_good(code))
        return code;
    api_complain(session->instance->name, "close: a code that may not be sent");
    return WEBSOCKET_CODE_INTERNAL;
}

static void api_close(struct dm_session *pub, uint16_t code) {
    struct session *session = api_session(pub, "close: no session");

    if (session)
        session_close(session, good_code(session, code));
}

static void api_finish(struct dm_session *pub, uint16_t code) {
    struct session *session = api_session(pub, "finish: no session");

    if (session)
        session_finish(session, good_code(session, code));
}

static void api_accept(struct dm_session *pub, const char *subprotocol) {
    struct session *session = api_session(pub, "accept: no session");

    if (!session)
        return;
    if (session->state != SESSION_UPGRADING || session->request->subprotocol
        || session->instance->host->hook_session != session) {
        api_complain(session->instance->name, "accept: not now");
        return;
    }
    if (subprotocol
        && !websocket_is_offered(http_request(session->request->exchange),
                                 dm_slice_str(subprotocol))) {
        api_complain(session->instance->name, "accept: a subprotocol that was not offered");
        subprotocol = NULL;
    }
    if (subprotocol)
        session->request->subprotocol = mem_dup(subprotocol, strlen(subprotocol));
    session->flags |= SESSION_ACCEPTED;
}

static void api_timer(struct dm_session *pub, uint32_t ms) {
    struct session *session = api_session(pub, "timer: no session");
    struct loop *loop;

    if (!session)
        return;
    loop = session->instance->host->loop;
    if (ms > TIMER_MS_MAX) {
        api_complain(session->instance->name, "timer: longer than a day");
        ms = TIMER_MS_MAX;
    }
    if (ms == 0 || session->state == SESSION_CLOSING)
        loop_timer_cancel(loop, &session->timer);
    else
        loop_timer_arm(loop, &session->timer, ms);
}

static void api_set_variant(struct dm_session *pub, uint32_t variant) {
    struct session *session = api_session(pub, "set_variant: no session");

    if (!session)
        return;
    if (variant >= VARIANTS_MAX)
        api_complain(session->instance->name, "set_variant: out of range");
    else
        session->variant = (uint8_t)variant;
}

/* A start that fails is told with the reason in one line. */
static void keep_said(struct host *host, const char *text) {
    char *said = host->start_said;

    (void)snprintf(said, sizeof(host->start_said), "%s", text);
    for (; *said; said++)
        if ((unsigned char)*said < ' ')
            *said = ' ';
}

static void api_log(struct dm_instance *pub, enum dm_log_level level, const char *text) {
    static const enum log_level levels[] = { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARNING,
                                             LOG_LEVEL_ERROR };
    const struct instance *instance = instance_of(pub);
    size_t len;

    if (!instance || !text || (unsigned)level > DM_LOG_ERROR)
        return;
    len = strnlen(text, LOG_TEXT_MAX);
    if (instance->state == INSTANCE_ADDED)
        keep_said(instance->host, text);
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

/* ---- writing ---- */

static struct dm_out *api_out(struct dm_session *pub) {
    struct session *session = api_session(pub, "out: no session");
    struct host *host;

    if (!session)
        return pub ? &host_of(pub->host)->inert.base : NULL;
    host = session->instance->host;
    if (host->capture || host->hook == HOOK_NONE) {
        api_complain(session->instance->name, "out: not in this hook");
        return &host->inert.base;
    }
    if (session->state == SESSION_CLOSING || session->state == SESSION_ANSWERED)
        return &host->inert.base;
    if (host->out.state != OUT_IDLE && out_end(&host->out))
        api_complain(session->instance->name, "out: the one before was not finished");
    out_begin(&host->out, session);
    return &host->out.base;
}

static void sink_frame(struct out *out, enum dm_frame_kind kind, struct dm_slice payload,
                       const char *type) {
    struct host *host = container_of(out, struct host, out);
    struct session *session = out->owner;

    const char *fault = NULL;

    if (host->capture)
        fault = carrier_check(out, &host->capture->framing, kind);
    else if (session)
        fault = carrier_check(out, &(struct framing){ session->pub.kind, NULL }, kind);

    if (fault) {
        out->sink->broken(out, fault);
        return;
    }
    if (host->capture) {
        encoded_frame(host, kind, payload, type);
        return;
    }
    if (!session || session->state != SESSION_OPEN) {
        api_complain(session ? session->instance->name : NULL, "frame: no open socket");
        return;
    }
    if (carrier_send(session, out, kind, payload) != 0)
        return;
    metrics_inc(count_type(session->instance, DIRECTION_OUT, type));
    observe_frame_out(session, type, kind, payload);
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

    api_complain(host->capture ? host->capture->instance->name
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
        .ack_end = out_ack_end,
        .put_attachment = out_put_attachment,
        .request_part = api_request_part,
        .finish = api_finish,
        .body_next = api_body_next,
    };
}
