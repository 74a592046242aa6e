#include "adapters/casamsa/casamsa.h"

static const struct dm_route routes[] = {
    { .transport = DM_WEBSOCKET, .path = "/ws/chat", .auth = DM_AUTH_NONE, .id = ROUTE_SOCKET },
};

static const struct dm_capability capabilities[] = {
    { DM_EVENT_MESSAGE, DM_SUPPORTED, "new_message; message_created to the author's sockets" },
    { DM_EVENT_MESSAGE_RELEASED, DM_SUPPORTED,
      "new_message; message_created to the author's sockets" },
    { DM_EVENT_READ, DM_SUPPORTED, "messages_updated; messages_read to the reader's sockets" },
    { DM_EVENT_MESSAGE_DELETED, DM_DROPPED, "the dialect has no deletion" },
    { DM_EVENT_THREAD_OPENED, DM_TRANSLATED, "new_chat; chat_created to the opener's sockets" },
    { DM_EVENT_THREAD_STATE, DM_DROPPED, "the dialect has no requests" },
    { DM_EVENT_CHAT_CREATED, DM_SUPPORTED, "new_chat; chat_created to the creator's sockets" },
    { DM_EVENT_CHAT_UPDATED, DM_SUPPORTED, "chat_updated" },
    { DM_EVENT_MEMBERS_ADDED, DM_SUPPORTED,
      "user_added; new_chat to those added; user_added_successful to the initiator's sockets" },
    { DM_EVENT_MEMBERS_REMOVED, DM_SUPPORTED,
      "user_removed; chat_removed to those removed; user_removed_successful to the initiator's "
      "sockets" },
    { DM_EVENT_USER_CREATED, DM_DROPPED, NULL },
    { DM_EVENT_USER_UPDATED, DM_STORED_ONLY, "in the next User object" },
    { DM_EVENT_USER_DEACTIVATED, DM_DROPPED, NULL },
    { DM_EVENT_USER_ONLINE, DM_DROPPED, NULL },
    { DM_EVENT_USER_OFFLINE, DM_DROPPED, NULL },
    { DM_EVENT_FRIEND_REQUEST, DM_DROPPED, NULL },
    { DM_EVENT_FRIEND_ACCEPTED, DM_DROPPED, NULL },
    { DM_EVENT_FRIEND_DENIED, DM_DROPPED, NULL },
};

DM_ADAPTER_DEFINE = {
    .size = sizeof(struct dm_adapter),
    .abi_major = DM_ABI_MAJOR,
    .abi_minor = DM_ABI_MINOR,
    .name = "casamsa",
    .title = "Methods and events over WebSocket, chats and files",
    .version = "1.0",
    .flags = DM_ADAPTER_CHATS,
    .session_size = sizeof(struct casamsa_session),
    .limits = { .frame_max = 24 << 20 },
    .routes = DM_TABLE(routes),
    .capabilities = DM_TABLE(capabilities),
    .frame = casamsa_frame,
    .result = casamsa_result,
    .event = casamsa_event,
    .notice = casamsa_notice,
    .close = casamsa_close,
    .redact = casamsa_redact,
};
