#include "adapters/pubsub/pubsub.h"

static const struct dm_route routes[] = {
    { .transport = DM_SOCKETIO, .path = "/ws", .ns = "/chat", .id = ROUTE_SOCKETIO },
    { .transport = DM_WEBSOCKET, .path = "/ws", .auth = DM_AUTH_OPTIONAL, .auth_query = "token",
      .id = ROUTE_PLAIN },
    { .transport = DM_HTTP, .method = "POST", .path = "/api/auth/register",
      .flags = DM_ROUTE_HANDSHAKE, .id = ROUTE_REGISTER },
    { .transport = DM_HTTP, .method = "POST", .path = "/api/auth/login",
      .flags = DM_ROUTE_HANDSHAKE, .id = ROUTE_LOGIN },
    { .transport = DM_HTTP, .method = "POST", .path = "/api/upload/files",
      .auth = DM_AUTH_REQUIRED, .id = ROUTE_UPLOAD },
};

static const struct dm_capability capabilities[] = {
    { DM_EVENT_MESSAGE, DM_SUPPORTED, "chat and unread-chats-count to the recipient" },
    { DM_EVENT_MESSAGE_RELEASED, DM_SUPPORTED,
      "chat and unread-chats-count to the recipient, the acknowledgement to the sender" },
    { DM_EVENT_READ, DM_SUPPORTED, "read-chat for each message to its sender, "
      "unread-chats-count to the reader" },
    { DM_EVENT_MESSAGE_DELETED, DM_SUPPORTED, "delete-chat to the recipient" },
    { DM_EVENT_THREAD_OPENED, DM_STORED_ONLY, "a conversation has no life of its own" },
    { DM_EVENT_THREAD_STATE, DM_DROPPED, "the dialect has no requests" },
    { DM_EVENT_CHAT_CREATED, DM_DROPPED, "the dialect has no groups" },
    { DM_EVENT_CHAT_UPDATED, DM_DROPPED, "the dialect has no groups" },
    { DM_EVENT_MEMBERS_ADDED, DM_DROPPED, "the dialect has no groups" },
    { DM_EVENT_MEMBERS_REMOVED, DM_DROPPED, "the dialect has no groups" },
    { DM_EVENT_USER_CREATED, DM_SUPPORTED, "user-join" },
    { DM_EVENT_USER_UPDATED, DM_STORED_ONLY, "in fetch-users" },
    { DM_EVENT_USER_DEACTIVATED, DM_SUPPORTED, "user-leave" },
    { DM_EVENT_USER_ONLINE, DM_SUPPORTED, "user-online to those who wait for them" },
    { DM_EVENT_USER_OFFLINE, DM_SUPPORTED, "user-offline to those who wait for them" },
    { DM_EVENT_FRIEND_REQUEST, DM_DROPPED, NULL },
    { DM_EVENT_FRIEND_ACCEPTED, DM_DROPPED, NULL },
    { DM_EVENT_FRIEND_DENIED, DM_DROPPED, NULL },
};

DM_ADAPTER_DEFINE = {
    .size = sizeof(struct dm_adapter),
    .abi_major = DM_ABI_MAJOR,
    .abi_minor = DM_ABI_MINOR,
    .name = "pubsub",
    .title = "Socket.IO events with acknowledgements",
    .version = "1.0",
    .session_size = sizeof(struct pubsub_session),
    .limits = { .frame_max = 10485760, .ping_interval_ms = 25000, .body_max = 18874368 },
    .routes = DM_TABLE(routes),
    .capabilities = DM_TABLE(capabilities),
    .open = pubsub_open,
    .frame = pubsub_frame,
    .request = pubsub_request,
    .fault = pubsub_fault,
    .result = pubsub_result,
    .event = pubsub_event,
    .notice = pubsub_notice,
    .close = pubsub_close,
    .redact = pubsub_redact,
};
