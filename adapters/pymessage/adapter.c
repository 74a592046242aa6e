#include "adapters/pymessage/pymessage.h"

static const struct dm_route routes[] = {
    { .transport = DM_WEBSOCKET, .path = "/", .auth = DM_AUTH_NONE, .id = ROUTE_SOCKET },
    { .transport = DM_HTTP, .method = "GET", .path = "/get_user", .auth = DM_AUTH_NONE,
      .flags = DM_ROUTE_LOOKUP, .id = ROUTE_GET_USER },
};

static const char *const offline_words[] = { "error", "store", NULL };

static const struct dm_setting settings[] = {
    { .key = "offline", .kind = DM_SETTING_WORD, .fallback = "error", .words = offline_words,
      .doc = "messages to users without a session: refused (error), or kept for their next login" },
    { .key = "friends_only", .kind = DM_SETTING_BOOL, .fallback = "false",
      .doc = "only friends may message each other" },
};

static const struct dm_capability capabilities[] = {
    { DM_EVENT_MESSAGE, DM_SUPPORTED, "message to the recipient" },
    { DM_EVENT_MESSAGE_RELEASED, DM_SUPPORTED, "message to the recipient" },
    { DM_EVENT_READ, DM_DROPPED, NULL },
    { DM_EVENT_MESSAGE_DELETED, DM_DROPPED, NULL },
    { DM_EVENT_THREAD_OPENED, DM_DROPPED, NULL },
    { DM_EVENT_THREAD_STATE, DM_DROPPED, "the dialect has no requests" },
    { DM_EVENT_CHAT_CREATED, DM_DROPPED, "the dialect has no groups" },
    { DM_EVENT_CHAT_UPDATED, DM_DROPPED, "the dialect has no groups" },
    { DM_EVENT_MEMBERS_ADDED, DM_DROPPED, "the dialect has no groups" },
    { DM_EVENT_MEMBERS_REMOVED, DM_DROPPED, "the dialect has no groups" },
    { DM_EVENT_USER_CREATED, DM_DROPPED, NULL },
    { DM_EVENT_USER_UPDATED, DM_STORED_ONLY, "the username, by get_user" },
    { DM_EVENT_USER_DEACTIVATED, DM_DROPPED, NULL },
    { DM_EVENT_USER_ONLINE, DM_DROPPED, NULL },
    { DM_EVENT_USER_OFFLINE, DM_DROPPED, NULL },
    { DM_EVENT_FRIEND_REQUEST, DM_SUPPORTED, "friend_request; repeated at each login" },
    { DM_EVENT_FRIEND_ACCEPTED, DM_STORED_ONLY, "in the list of friends" },
    { DM_EVENT_FRIEND_DENIED, DM_DROPPED, NULL },
};

static void configure(struct dm_instance *instance) {
    struct pymessage_instance *state = instance->state;

    *state = (struct pymessage_instance){ 0 };
    if (dm_slice_eq(dm_setting_str(instance, "offline"), DM_SLICE("store")))
        state->offline = OFFLINE_STORE;
    else
        state->send_flags |= DM_CMD_NEED_ONLINE;
    if (dm_setting_int(instance, "friends_only"))
        state->send_flags |= DM_CMD_NEED_FRIEND;
}

static int start(struct dm_instance *instance) {
    configure(instance);
    return 0;
}

/* What is no id is 0 to the core, which no user has. */
static void request(struct dm_session *session, const struct dm_request *request) {
    struct dm_command command = { .size = sizeof(command), .kind = DM_CMD_USER_LOOKUP };
    int64_t id = dm_number(dm_request_query(session, "id"));

    (void)request;
    command.user = dm_ref_id(id > 0 ? id : 0);
    dm_submit(session, &command, DM_SLICE_NONE);
}

static const char *fault_text(int status) {
    switch (status) {
    case 404: return "endpoint not found";
    case 405: return "method not allowed";
    case 413: return "request too large";
    case 429: return "too many requests";
    default: return "service unavailable";
    }
}

static void fault(struct dm_session *session, const struct dm_request *request, int status) {
    (void)request;
    dm_respond_text(session, status, "error", fault_text(status));
}

DM_ADAPTER_DEFINE = {
    .size = sizeof(struct dm_adapter),
    .abi_major = DM_ABI_MAJOR,
    .abi_minor = DM_ABI_MINOR,
    .name = "pymessage",
    .title = "Typed frames over WebSocket, friends, one look-up",
    .version = "1.0",
    .instance_size = sizeof(struct pymessage_instance),
    .routes = DM_TABLE(routes),
    .settings = DM_TABLE(settings),
    .capabilities = DM_TABLE(capabilities),
    .start = start,
    .configure = configure,
    .frame = pymessage_frame,
    .request = request,
    .fault = fault,
    .result = pymessage_result,
    .event = pymessage_event,
    .notice = pymessage_notice,
    .redact = pymessage_redact,
};
