#include "adapters/saletick/saletick.h"

static const struct dm_route routes[] = {
    { .transport = DM_WEBSOCKET, .path = "/ws/chat/room", .auth = DM_AUTH_REQUIRED,
      .auth_query = "token", .id = ROUTE_SOCKET },
    { .transport = DM_HTTP, .method = "GET", .path = "/chat/messages/:uid",
      .auth = DM_AUTH_REQUIRED, .id = ROUTE_MESSAGES },
    { .transport = DM_HTTP, .method = "GET", .path = "/chat/user/threads",
      .auth = DM_AUTH_REQUIRED, .id = ROUTE_THREADS },
};

static const struct dm_setting settings[] = {
    /* Its web client is served from elsewhere, and shows a token with each call. */
    { .key = "cors_origins", .kind = DM_SETTING_DEFAULT, .fallback = "*" },
};

static const struct dm_capability capabilities[] = {
    { DM_EVENT_MESSAGE, DM_SUPPORTED, "re_message to the receiver, conf_message to the sender" },
    { DM_EVENT_MESSAGE_RELEASED, DM_SUPPORTED,
      "re_message to the receiver, conf_message to the sender" },
    { DM_EVENT_READ, DM_STORED_ONLY, "seen when asked" },
    { DM_EVENT_MESSAGE_DELETED, DM_STORED_ONLY, "gone from the conversation" },
    { DM_EVENT_THREAD_OPENED, DM_STORED_ONLY, "in the list of threads from its first message on" },
    { DM_EVENT_THREAD_STATE, DM_DROPPED, "the dialect has no requests" },
    { DM_EVENT_CHAT_CREATED, DM_DROPPED, "the dialect has no groups" },
    { DM_EVENT_CHAT_UPDATED, DM_DROPPED, "the dialect has no groups" },
    { DM_EVENT_MEMBERS_ADDED, DM_DROPPED, "the dialect has no groups" },
    { DM_EVENT_MEMBERS_REMOVED, DM_DROPPED, "the dialect has no groups" },
    { DM_EVENT_USER_CREATED, DM_DROPPED, NULL },
    { DM_EVENT_USER_UPDATED, DM_STORED_ONLY, "in the user objects when asked" },
    { DM_EVENT_USER_DEACTIVATED, DM_STORED_ONLY, "is_active when asked" },
    { DM_EVENT_USER_ONLINE, DM_DROPPED, NULL },
    { DM_EVENT_USER_OFFLINE, DM_DROPPED, NULL },
    { DM_EVENT_FRIEND_REQUEST, DM_DROPPED, NULL },
    { DM_EVENT_FRIEND_ACCEPTED, DM_DROPPED, NULL },
    { DM_EVENT_FRIEND_DENIED, DM_DROPPED, NULL },
};

static void on_result(struct dm_session *session, const struct dm_result *result,
                      struct dm_slice cookie) {
    (void)cookie;
    if (session->kind == DM_SESSION_SOCKET)
        saletick_socket_result(session, result);
    else
        saletick_rest_result(session, result);
}

DM_ADAPTER_DEFINE = {
    .size = sizeof(struct dm_adapter),
    .abi_major = DM_ABI_MAJOR,
    .abi_minor = DM_ABI_MINOR,
    .name = "saletick",
    .title = "Actions over WebSocket, REST for conversations",
    .version = "1.0",
    .session_size = sizeof(struct saletick_session),
    .limits = { .ping_interval_ms = 20000 },
    .routes = DM_TABLE(routes),
    .settings = DM_TABLE(settings),
    .capabilities = DM_TABLE(capabilities),
    .frame = saletick_frame,
    .request = saletick_request,
    .fault = saletick_fault,
    .result = on_result,
    .event = saletick_event,
    .notice = saletick_notice,
    .redact = saletick_redact,
};
