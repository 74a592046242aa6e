#include "tests/unit/adapter/probe.h"

#include <stdlib.h>

#include "tests/unit/adapter/rig.h"

static struct buf log_lines;
static int encodings, start_result;

const char *probe_log(void) {
    static struct buf shown;

    buf_reset(&shown);
    buf_append_slice(&shown, buf_slice(&log_lines));
    buf_append_char(&shown, '\0');
    buf_reset(&log_lines);
    return shown.data;
}

int probe_log_in(struct rig *rig, unsigned user) {
    int fd = rig_socket(rig, "/probe/open", "");

    rig_send(rig, fd, "login x");
    rig_answer_login(rig, rig_next(rig), rig_user(user));
    (void)probe_log();
    return fd;
}

int probe_encodings(void) {
    int count = encodings;

    encodings = 0;
    return count;
}

void probe_set_start(int result) {
    start_result = result;
}

static int on_start(struct dm_instance *instance) {
    buf_printf(&log_lines, "start %s word=%.*s n=%d\n", instance->name,
               DM_SLICE_FMT(dm_setting_str(instance, "word")),
               (int)dm_setting_int(instance, "number"));
    return start_result;
}

static void on_stop(struct dm_instance *instance) {
    buf_printf(&log_lines, "stop %s\n", instance->name);
}

static void on_upgrade(struct dm_session *session, const struct dm_request *request) {
    struct dm_command command = { .size = sizeof(command), .kind = DM_CMD_AUTHENTICATE,
                                  .token = DM_SLICE("upgrade") };
    struct dm_response response = { .status = 403 };

    if (request->route != 4) {
        if (dm_slice_eq(dm_request_query(session, "no"), DM_SLICE("1")))
            dm_respond(session, &response, NULL);
        else
            dm_accept(session, NULL);
        return;
    }
    dm_submit(session, &command, DM_SLICE_NONE);
}

static void on_open(struct dm_session *session, const struct dm_request *request) {
    buf_printf(&log_lines, "open route=%u auth=%s user=%d token=%d\n", request->route,
               dm_status_name(request->auth), session->user != NULL,
               request->credentials.ptr != NULL);
}

static void say(struct dm_session *session, struct dm_slice text) {
    struct dm_out *out = dm_out(session);

    dm_put_raw(out, text);
    dm_frame_end(out, DM_FRAME_TEXT, "say");
}

static void submit_text(struct dm_session *session, enum dm_command_kind kind,
                        struct dm_slice text) {
    struct dm_command command = { .size = sizeof(command), .kind = kind };

    if (kind == DM_CMD_AUTHENTICATE)
        command.token = text;
    else
        command.text = text;
    dm_submit(session, &command, DM_SLICE("c"));
}

static void be_wrong(struct dm_session *session) {
    static char large[65537];
    struct dm_command command = { .size = 3, .kind = DM_CMD_SEND };
    struct dm_response response = { .status = 200 };
    struct dm_out *out = dm_out(session);

    dm_put_end(out);
    dm_put_int(out, NULL, 1);
    dm_frame_end(out, DM_FRAME_TEXT, "wrong");
    out = dm_out(session);
    dm_put_object(out, NULL);
    dm_put_int(out, NULL, 1);
    dm_frame_end(out, DM_FRAME_TEXT, "wrong");
    out = dm_out(session);
    dm_put_string(out, NULL, DM_SLICE("\xff"));
    dm_frame_end(out, DM_FRAME_TEXT, "wrong");
    dm_respond(session, &response, NULL);
    dm_submit(session, &command, DM_SLICE_NONE);
    command.size = sizeof(command);
    dm_submit(session, &command, (struct dm_slice){ large, sizeof(large) });
    dm_submit(session, NULL, DM_SLICE_NONE);
    dm_respond_begin(session, &response);
    (void)dm_respond_piece(session, dm_out(session));
    dm_respond_end(session);
    dm_respond_abort(session);
    dm_set_variant(session, 99);
    dm_accept(session, NULL);
    (void)dm_request_header(session, "host");
    dm_put_array(dm_out(session), NULL);
}

static const char *on_frame(struct dm_session *session, const struct dm_frame *frame) {
    const char *blank = memchr(frame->data.ptr, ' ', frame->data.len);
    size_t word = blank ? (size_t)(blank - frame->data.ptr) : frame->data.len;
    struct dm_slice verb = { frame->data.ptr, word };
    struct dm_slice rest = blank ? (struct dm_slice){ blank + 1, frame->data.len - word - 1 }
                                 : DM_SLICE("");
    char number[16] = "";

    memcpy(number, rest.ptr, rest.len < 15 ? rest.len : 15);
    buf_printf(&log_lines, "frame %s %.*s\n", frame->kind == DM_FRAME_TEXT ? "text" : "binary",
               frame->data.len < 40 ? (int)frame->data.len : 40, frame->data.ptr);
    if (dm_slice_eq(verb, DM_SLICE("twice")))
        say(session, rest);
    if (dm_slice_eq(verb, DM_SLICE("say")) || dm_slice_eq(verb, DM_SLICE("twice")))
        say(session, rest);
    if (dm_slice_eq(verb, DM_SLICE("close")))
        dm_close(session, (uint16_t)atoi(number));
    if (dm_slice_eq(verb, DM_SLICE("finish")))
        dm_finish(session, (uint16_t)atoi(number));
    if (dm_slice_eq(verb, DM_SLICE("variant")))
        dm_set_variant(session, (uint32_t)atoi(number));
    if (dm_slice_eq(verb, DM_SLICE("timer")))
        dm_timer(session, (uint32_t)atoi(number));
    if (dm_slice_eq(verb, DM_SLICE("login")))
        submit_text(session, DM_CMD_AUTHENTICATE, rest);
    if (dm_slice_eq(verb, DM_SLICE("send")))
        submit_text(session, DM_CMD_SEND, rest);
    if (dm_slice_eq(verb, DM_SLICE("wrong")))
        be_wrong(session);
    return "probe";
}

static void on_request(struct dm_session *session, const struct dm_request *request) {
    const struct dm_header header = { "X-Probe", DM_SLICE("1") };
    struct dm_response response = { .status = 200, .headers = &header, .header_count = 1 };
    struct dm_out *out;

    buf_printf(&log_lines, "request %u auth=%s\n", request->route,
               dm_status_name(request->auth));
    if (request->route == 12)
        return;
    if (request->route == 13) {
        submit_text(session, DM_CMD_USER_GET, DM_SLICE("x"));
        return;
    }
    if (request->route == 14)
        response.status = 99;
    out = dm_out(session);
    dm_put_object(out, NULL);
    dm_put_string(out, "method", request->method);
    dm_put_string(out, "path", request->path);
    dm_put_string(out, "param", request->param_count ? request->params[0] : DM_SLICE_NONE);
    dm_put_string(out, "body", request->body);
    dm_put_string(out, "type", request->content_type);
    dm_put_string(out, "q", dm_request_query(session, "q"));
    dm_put_string(out, "form", dm_request_form(session, "f"));
    dm_put_string(out, "agent", dm_request_header(session, "USER-AGENT"));
    dm_put_end(out);
    dm_respond(session, &response, out);
}

static void on_fault(struct dm_session *session, const struct dm_request *request, int status) {
    const struct dm_response response = { .status = status };
    struct dm_out *out;

    buf_printf(&log_lines, "fault %d auth=%s token=%d\n", status, dm_status_name(request->auth),
               request->credentials.ptr != NULL);
    if (dm_slice_eq(request->path, DM_SLICE("/plain")))
        return;
    out = dm_out(session);
    dm_put_object(out, NULL);
    dm_put_int(out, "fault", status);
    dm_put_end(out);
    dm_respond(session, &response, out);
}

static void on_result(struct dm_session *session, const struct dm_result *result,
                      struct dm_slice cookie) {
    const struct dm_response response = { .status = result->status == DM_OK ? 200 : 503 };

    buf_printf(&log_lines, "result %s %s %.*s\n", dm_command_name(result->kind),
               dm_status_name(result->status), DM_SLICE_FMT(cookie));
    if (session->kind == DM_SESSION_REQUEST)
        dm_respond(session, &response, NULL);
    else if (dm_slice_eq(cookie, DM_SLICE_NONE) && result->status == DM_OK)
        dm_accept(session, NULL);
    else if (dm_slice_eq(cookie, DM_SLICE_NONE))
        dm_respond(session, &response, NULL);
}

static void on_event(struct dm_instance *instance, const struct dm_event *event,
                     const struct dm_view *view, struct dm_out *out) {
    (void)instance;
    encodings++;
    if (event->kind == DM_EVENT_READ)
        return;
    dm_put_object(out, NULL);
    dm_put_str(out, "event", dm_event_name(event->kind));
    dm_put_int(out, "audience", view->audience);
    dm_put_int(out, "variant", view->variant);
    if (view->viewer)
        dm_put_int(out, "viewer", view->viewer->id - DM_USER_ID_FIRST);
    if (view->cookie.ptr)
        dm_put_string(out, "cookie", view->cookie);
    if (event->message) {
        dm_put_string(out, "text", event->message->text);
        if (event->message->attachment_count)
            dm_put_url(out, "url", event->message->attachments[0]);
    }
    if (event->thread && event->thread->peer)
        dm_put_int(out, "peer", event->thread->peer->id - DM_USER_ID_FIRST);
    dm_put_end(out);
    dm_frame_end(out, DM_FRAME_TEXT, "event");
    if (event->kind == DM_EVENT_MESSAGE_RELEASED) {
        dm_put_raw(out, DM_SLICE("second"));
        dm_frame_end(out, DM_FRAME_TEXT, "second");
    }
}

static void on_notice(struct dm_session *session, enum dm_notice notice,
                      const struct dm_frame *frame) {
    (void)session;
    buf_printf(&log_lines, "notice %d frame=%d\n", notice, frame != NULL);
}

static void on_close(struct dm_session *session) {
    buf_printf(&log_lines, "close user=%d\n", session->user != NULL);
}

static const struct dm_route routes[] = {
    { .transport = DM_WEBSOCKET, .path = "/open", .id = 1 },
    { .transport = DM_WEBSOCKET, .path = "/token", .auth = DM_AUTH_REQUIRED,
      .auth_query = "token", .id = 2 },
    { .transport = DM_WEBSOCKET, .path = "/maybe", .auth = DM_AUTH_OPTIONAL, .id = 3 },
    { .transport = DM_WEBSOCKET, .path = "/later", .id = 4 },
    { .transport = DM_HTTP, .method = "GET", .path = "/thing", .id = 10 },
    { .transport = DM_HTTP, .method = "POST", .path = "/thing/:id/", .id = 11 },
    { .transport = DM_HTTP, .method = "GET", .path = "/never", .id = 12 },
    { .transport = DM_HTTP, .method = "POST", .path = "/closed", .auth = DM_AUTH_REQUIRED,
      .flags = DM_ROUTE_LOOKUP, .id = 13 },
    { .transport = DM_HTTP, .method = "GET", .path = "/bad", .id = 14 },
};

static const char *const words[] = { "one", "two", NULL };
static const struct dm_setting settings[] = {
    { .key = "word", .kind = DM_SETTING_WORD, .fallback = "one", .words = words, .doc = "a word" },
    { .key = "number", .kind = DM_SETTING_INT, .fallback = "7", .min = 0, .max = 9,
      .doc = "a number" },
    { .key = "flag", .kind = DM_SETTING_BOOL, .fallback = "no", .doc = "yes or no" },
    { .key = "text", .kind = DM_SETTING_STRING, .doc = "anything" },
};

static const struct dm_capability capabilities[] = {
    { DM_EVENT_MESSAGE, DM_SUPPORTED, "said" },
    { DM_EVENT_MESSAGE_RELEASED, DM_TRANSLATED, NULL },
    { DM_EVENT_READ, DM_SUPPORTED, NULL },
    { DM_EVENT_CHAT_CREATED, DM_SUPPORTED, NULL },
    { DM_EVENT_USER_CREATED, DM_STORED_ONLY, NULL },
};

#define PROBE(adapter_name, adapter_flags) { \
    .size = sizeof(struct dm_adapter), .abi_major = DM_ABI_MAJOR, .abi_minor = DM_ABI_MINOR, \
    .name = adapter_name, .title = "A probe", .version = "1", .flags = adapter_flags, \
    .instance_size = 8, .session_size = 24, \
    .limits = { .frame_max_unauthenticated = 200, .frame_max = 1000, .body_max = 300 }, \
    .routes = DM_TABLE(routes), .settings = DM_TABLE(settings), \
    .capabilities = DM_TABLE(capabilities), \
    .start = on_start, .stop = on_stop, .upgrade = on_upgrade, .open = on_open, \
    .frame = on_frame, .request = on_request, .fault = on_fault, .result = on_result, \
    .event = on_event, .notice = on_notice, .close = on_close, }

const struct dm_adapter probe_adapter = PROBE("probe", 0);
const struct dm_adapter probe_chats_adapter = PROBE("probe-chats",
                                                    DM_ADAPTER_CHATS | DM_ADAPTER_ANONYMOUS
                                                        | DM_ADAPTER_REQUESTS);
