#include "adapters/pubsub/pubsub.h"

static void put_media(struct dm_out *out, const char *key, const struct dm_message *message) {
    dm_put_array(out, key);
    for (size_t i = 0; i < message->attachment_count; i++)
        dm_put_url(out, NULL, message->attachments[i]);
    dm_put_end(out);
}

/* Its document and its web client name the same things differently: both sets are there. */
void pubsub_put_chat(struct dm_out *out, const char *key, const struct dm_message *message) {
    struct dm_slice sender = dm_user_name(message->author);
    struct dm_slice recipient = dm_user_name(message->recipient);

    dm_put_object(out, key);
    dm_put_int(out, "id", message->id);
    dm_put_string(out, "sender", sender);
    dm_put_string(out, "recipient", recipient);
    dm_put_string(out, "senderUsername", sender);
    dm_put_string(out, "recipientUsername", recipient);
    dm_put_string(out, "message", message->text);
    dm_put_bool(out, "has_read", message->state == DM_MESSAGE_READ);
    put_media(out, "media", message);
    put_media(out, "mediaIds", message);
    dm_put_time(out, "created_at", message->created_us, DM_TIME_Z);
    dm_put_time(out, "updated_at", message->updated_us, DM_TIME_Z);
    dm_put_end(out);
}
