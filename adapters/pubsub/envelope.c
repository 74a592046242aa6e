/* The two forms of a frame: ["name", data] of Socket.IO, and an object for plain WebSockets. */
#include "adapters/pubsub/pubsub.h"

const char *const pubsub_call_names[CALL_COUNT] = {
    [CALL_FETCH_USERS] = "fetch-users",
    [CALL_FETCH_CONVERSATION] = "fetch-conversation-with-user",
    [CALL_FETCH_CHATS] = "fetch-chats-with-user",
    [CALL_UNREAD_COUNT] = "fetch-unread-chats-count",
    [CALL_READ_CHAT] = "read-chat",
    [CALL_SEND_MESSAGE] = "send-message",
    [CALL_WAIT] = "wait-for-user",
    [CALL_STOP_WAITING] = "stop-waiting-for-user",
    [CALL_DELETE_CHAT] = "delete-chat",
    [CALL_AUTH] = "auth",
};

static void begin_plain(struct dm_out *out, const char *name) {
    dm_put_object(out, NULL);
    dm_put_str(out, "channel", "chat");
    dm_put_str(out, "event", name);
}

void pubsub_begin_event(struct dm_out *out, enum pubsub_form form, const char *name) {
    if (form == FORM_PLAIN) {
        begin_plain(out, name);
        dm_put_object(out, "data");
        return;
    }
    dm_put_array(out, NULL);
    dm_put_str(out, NULL, name);
    dm_put_object(out, NULL);
}

void pubsub_end_event(struct dm_out *out, const char *name) {
    dm_put_end(out);
    dm_put_end(out);
    dm_frame_end(out, DM_FRAME_TEXT, name);
}

struct dm_slice pubsub_cookie_slice(const struct pubsub_cookie *cookie) {
    return (struct dm_slice){ (const char *)cookie, sizeof(*cookie) };
}

int pubsub_cookie_read(struct dm_slice slice, struct pubsub_cookie *ret_cookie) {
    if (slice.len != sizeof(*ret_cookie))
        return -1;
    memcpy(ret_cookie, slice.ptr, sizeof(*ret_cookie));
    return 0;
}

void pubsub_begin_answer(struct dm_out *out, const struct pubsub_cookie *cookie) {
    if (cookie->reply.form == FORM_PLAIN) {
        begin_plain(out, pubsub_call_names[cookie->reply.call]);
        dm_put_object(out, "data");
        return;
    }
    dm_put_array(out, NULL);
    dm_put_object(out, NULL);
}

void pubsub_end_answer(struct dm_out *out, const struct pubsub_cookie *cookie) {
    dm_put_end(out);
    if (cookie->reply.form == FORM_PLAIN)
        dm_put_json(out, "id", (struct dm_slice){ cookie->id, cookie->id_len });
    dm_put_end(out);
    if (cookie->reply.form == FORM_PLAIN)
        dm_frame_end(out, DM_FRAME_TEXT, "answer");
    else
        dm_ack_end(out, cookie->reply.ack, "answer");
}
