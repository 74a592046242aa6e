/* The WebSocket: chat_message in, conf_message and re_message out. There is no error frame. */
#include "adapters/saletick/saletick.h"

/* Reads the receiver; -1 when there is none that could be a user's. */
static int read_receiver(const struct dm_host *host, const struct dm_json *object,
                         struct dm_command *command) {
    struct dm_slice text = dm_json_member(host, object, "receiver_id");
    struct dm_uuid uuid;

    if (dm_uuid_parse(text, &uuid))
        return -1;
    command->user = dm_ref_uuid(&uuid);
    return 0;
}

/* A frame that breaks the socket: what came before it is confirmed first. */
static const char *refuse(struct dm_session *session) {
    dm_finish(session, CLOSE_INTERNAL);
    return "invalid";
}

static const char *send_message(struct dm_session *session, const struct dm_json *object) {
    struct dm_command command = { .size = sizeof(command), .kind = DM_CMD_SEND };

    if (read_receiver(session->host, object, &command))
        return refuse(session);
    command.text = dm_json_member(session->host, object, "message_body");
    if (command.text.len)
        dm_submit(session, &command, DM_SLICE_NONE);
    return "chat_message";
}

const char *saletick_frame(struct dm_session *session, const struct dm_frame *frame) {
    const struct dm_host *host = session->host;
    const struct dm_json *object = NULL;
    struct dm_slice action;

    if (frame->kind == DM_FRAME_TEXT)
        object = dm_json_object(host, frame->data);
    if (!object)
        return refuse(session);
    action = dm_json_member(host, object, "action");
    if (!dm_slice_eq(action, DM_SLICE("chat_message")))
        return "other";
    return send_message(session, object);
}

/* The token comes with the handshake; no frame holds a secret that is one of ours. */
void saletick_redact(struct dm_instance *instance, const struct dm_frame *frame,
                     struct dm_out *out) {
    static const char *const shown[] = { "action", "receiver_id", "message_body", NULL };

    if (frame->flags & DM_FRAME_SENT)
        dm_put_raw(out, frame->data);
    else
        dm_put_redacted(out, dm_json_object(instance->host, frame->data), shown, NULL);
    dm_frame_end(out, DM_FRAME_TEXT, "frame");
}

static void put_message(struct dm_out *out, const char *action, const struct dm_message *message) {
    dm_put_object(out, NULL);
    dm_put_uuid(out, "sender_id", &message->author->uuid);
    dm_put_uuid(out, "receiver_id", &message->recipient->uuid);
    dm_put_message_text(out, "message_body", message);
    dm_put_time(out, "timestamp", message->created_us, DM_TIME_OFFSET);
    dm_put_int(out, "created_msg_id", message->id);
    dm_put_str(out, "action", action);
    dm_put_end(out);
    dm_frame_end(out, DM_FRAME_TEXT, action);
}

void saletick_socket_result(struct dm_session *session, const struct dm_result *result) {
    switch (result->status) {
    case DM_OK:
        if (result->message && result->message->recipient)
            put_message(dm_out(session), "conf_message", result->message);
        break;
    case DM_UNAVAILABLE:
    case DM_INTERNAL:
        dm_close(session, CLOSE_INTERNAL);
        break;
    case DM_UNAUTHENTICATED:
    case DM_LIMITED:
        dm_close(session, CLOSE_POLICY);
        break;
    default: /* what cannot be delivered is passed over in silence */
        break;
    }
}

void saletick_event(struct dm_instance *instance, const struct dm_event *event,
                    const struct dm_view *view, struct dm_out *out) {
    (void)instance;
    if (!event->message || !event->message->recipient || !event->message->author)
        return;
    put_message(out, view->audience == DM_AUDIENCE_ACTOR ? "conf_message" : "re_message",
                event->message);
}

void saletick_notice(struct dm_session *session, enum dm_notice notice,
                     const struct dm_frame *frame) {
    (void)frame;
    switch (notice) {
    case DM_NOTICE_AUTH_TIMEOUT:
    case DM_NOTICE_REVOKED:
        dm_close(session, CLOSE_POLICY);
        break;
    case DM_NOTICE_RATE_LIMITED:
        dm_finish(session, CLOSE_POLICY);
        break;
    case DM_NOTICE_BACKLOG:
        dm_finish(session, CLOSE_INTERNAL);
        break;
    case DM_NOTICE_WRITABLE:
        saletick_next_page(session);
        break;
    case DM_NOTICE_DRAINING:
    case DM_NOTICE_TIMER:
        break;
    }
}
