#include "adapters/opcode/opcode.h"

static const struct dm_route routes[] = {
    { .transport = DM_WEBSOCKET, .path = "/ws", .auth = DM_AUTH_NONE, .id = ROUTE_SOCKET },
    { .transport = DM_HTTP, .method = "GET", .path = "/thread", .auth = DM_AUTH_REQUIRED,
      .id = ROUTE_THREADS },
    { .transport = DM_HTTP, .method = "POST", .path = "/thread", .auth = DM_AUTH_REQUIRED,
      .id = ROUTE_SEND_TO_USER },
    { .transport = DM_HTTP, .method = "GET", .path = "/thread/:id", .auth = DM_AUTH_REQUIRED,
      .id = ROUTE_THREAD },
    { .transport = DM_HTTP, .method = "POST", .path = "/thread/:id", .auth = DM_AUTH_REQUIRED,
      .id = ROUTE_SEND_TO_THREAD },
    { .transport = DM_HTTP, .method = "POST", .path = "/thread/:id/:verb",
      .auth = DM_AUTH_REQUIRED, .id = ROUTE_THREAD_VERB },
    { .transport = DM_HTTP, .method = "POST", .path = "/oauth/token", .auth = DM_AUTH_NONE,
      .flags = DM_ROUTE_HANDSHAKE, .id = ROUTE_TOKEN },
    { .transport = DM_HTTP, .method = "POST", .path = "/register", .auth = DM_AUTH_NONE,
      .flags = DM_ROUTE_HANDSHAKE, .id = ROUTE_REGISTER },
    { .transport = DM_HTTP, .method = "GET", .path = "/profile", .auth = DM_AUTH_REQUIRED,
      .id = ROUTE_PROFILE },
};

static const char *const auth_failures[] = { "9", "4004", NULL };

static const struct dm_setting settings[] = {
    { .key = "auth_failure", .kind = DM_SETTING_WORD, .fallback = "9", .words = auth_failures,
      .doc = "opcode that answers a bad token: 9 (INVALID_SESSION) or 4004" },
    /* No cookies: a page has to show a token of its own. */
    { .key = "cors_origins", .kind = DM_SETTING_DEFAULT, .fallback = "*" },
};

static const struct dm_capability capabilities[] = {
    { DM_EVENT_MESSAGE, DM_SUPPORTED,
      "MESSAGE or MESSAGE_REQUEST to the members, MESSAGE_SENT to the author" },
    { DM_EVENT_MESSAGE_RELEASED, DM_SUPPORTED,
      "MESSAGE to the recipient, MESSAGE_SENT to the author; MESSAGE_REQUEST in place of one that "
      "was deleted" },
    { DM_EVENT_READ, DM_STORED_ONLY, "message state r when asked" },
    { DM_EVENT_MESSAGE_DELETED, DM_STORED_ONLY, "gone from the history" },
    { DM_EVENT_THREAD_OPENED, DM_STORED_ONLY, "in the list of threads from its first message on" },
    { DM_EVENT_THREAD_STATE, DM_STORED_ONLY, "thread state when asked" },
    { DM_EVENT_CHAT_CREATED, DM_STORED_ONLY, "in the list of threads from its first message on" },
    { DM_EVENT_CHAT_UPDATED, DM_STORED_ONLY, "the title is the recipient's first_name when asked" },
    { DM_EVENT_MEMBERS_ADDED, DM_STORED_ONLY, "in the list of who was added" },
    { DM_EVENT_MEMBERS_REMOVED, DM_STORED_ONLY, "gone from the list of who was removed" },
    { DM_EVENT_USER_CREATED, DM_DROPPED, NULL },
    { DM_EVENT_USER_UPDATED, DM_STORED_ONLY, "new names when asked" },
    { DM_EVENT_USER_DEACTIVATED, DM_DROPPED, NULL },
    { DM_EVENT_USER_ONLINE, DM_DROPPED, NULL },
    { DM_EVENT_USER_OFFLINE, DM_DROPPED, NULL },
    { DM_EVENT_FRIEND_REQUEST, DM_DROPPED, NULL },
    { DM_EVENT_FRIEND_ACCEPTED, DM_DROPPED, NULL },
    { DM_EVENT_FRIEND_DENIED, DM_DROPPED, NULL },
};

static void configure(struct dm_instance *instance) {
    struct opcode_instance *state = instance->state;
    struct dm_slice failure = dm_setting_str(instance, "auth_failure");

    state->auth_failure = dm_slice_eq(failure, DM_SLICE("4004")) ? OPCODE_AUTHENTICATION_FAILED
                                                                 : OPCODE_INVALID_SESSION;
}

static int start(struct dm_instance *instance) {
    configure(instance);
    return 0;
}

static void on_result(struct dm_session *session, const struct dm_result *result,
                      struct dm_slice cookie) {
    (void)cookie;
    if (session->kind == DM_SESSION_SOCKET)
        opcode_socket_result(session, result);
    else
        opcode_rest_result(session, result);
}

DM_ADAPTER_DEFINE = {
    .size = sizeof(struct dm_adapter),
    .abi_major = DM_ABI_MAJOR,
    .abi_minor = DM_ABI_MINOR,
    .name = "opcode",
    .title = "Opcode frames over WebSocket, REST for threads",
    .version = "1.0",
    .flags = DM_ADAPTER_CHATS | DM_ADAPTER_REQUESTS,
    .instance_size = sizeof(struct opcode_instance),
    .session_size = sizeof(struct opcode_session),
    .routes = DM_TABLE(routes),
    .settings = DM_TABLE(settings),
    .capabilities = DM_TABLE(capabilities),
    .start = start,
    .configure = configure,
    .open = opcode_open,
    .frame = opcode_frame,
    .request = opcode_request,
    .fault = opcode_fault,
    .result = on_result,
    .event = opcode_event,
    .notice = opcode_notice,
    .redact = opcode_redact,
};
