#include "core/server/admin/trace_json.h"

#include <stdlib.h>

#include "core/base/clock.h"
#include "core/server/admin/internal.h"

#define TEXT_SHOWN 4096

static yyjson_mut_val *root_of(yyjson_mut_doc *doc) {
    return yyjson_mut_doc_get_root(doc);
}

static yyjson_mut_val *detail_of(yyjson_mut_doc *doc) {
    yyjson_mut_val *detail = yyjson_mut_obj_get(root_of(doc), "detail");
    return detail ? detail : yyjson_mut_obj_add_obj(doc, root_of(doc), "detail");
}

yyjson_mut_doc *trace_json_new(const char *kind) {
    yyjson_mut_val *root;
    yyjson_mut_doc *doc = admin_document(&root);
    yyjson_mut_obj_add_str(doc, root, "step", kind);
    admin_put_time(doc, root, "at", clock_real_us());
    return doc;
}

static void put_user(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key,
                     const struct dm_user *user) {
    if (!user)
        return;
    yyjson_mut_val *shown = yyjson_mut_obj_add_obj(doc, object, key);
    yyjson_mut_obj_add_int(doc, shown, "id", user->id);
    admin_put(doc, shown, "name", dm_user_name(user));
}

void trace_json_peer(yyjson_mut_doc *doc, uint64_t session, const struct dm_user *user) {
    if (session)
        yyjson_mut_obj_add_uint(doc, root_of(doc), "session", session);
    put_user(doc, root_of(doc), "user", user);
}

/* ---- frames ---- */

void trace_json_frame(yyjson_mut_doc *doc, const char *adapter, const char *type,
                      const struct dm_frame *frame) {
    yyjson_mut_obj_add_strcpy(doc, root_of(doc), "adapter", adapter);
    admin_put(doc, root_of(doc), "type", dm_slice_str(type));
    if (!frame)
        return;
    yyjson_mut_obj_add_uint(doc, root_of(doc), "bytes", frame->data.len);
    if (frame->kind == DM_FRAME_BINARY)
        yyjson_mut_obj_add_bool(doc, root_of(doc), "binary", 1);
}

void trace_json_text(yyjson_mut_doc *doc, struct dm_slice text) {
    admin_put(doc, root_of(doc), "frame", text);
}

void trace_json_response(yyjson_mut_doc *doc, const char *adapter, int status) {
    yyjson_mut_obj_add_strcpy(doc, root_of(doc), "adapter", adapter);
    yyjson_mut_obj_add_int(doc, root_of(doc), "status", status);
}

/* ---- commands ---- */

static void put_uuid(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key,
                     const struct dm_uuid *uuid) {
    char text[DM_UUID_TEXT_LEN + 1];
    dm_uuid_format(uuid, text);
    yyjson_mut_obj_add_strcpy(doc, object, key, text);
}

static void put_text(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key,
                     struct dm_slice text) {
    if (text.len > TEXT_SHOWN)
        text.len = TEXT_SHOWN;
    if (text.ptr)
        admin_put(doc, object, key, text);
}

static void put_count(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key,
                      uint64_t count) {
    if (count)
        yyjson_mut_obj_add_uint(doc, object, key, count);
}

static void put_ref(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key,
                    const struct dm_ref *ref) {
    switch (ref->kind) {
    case DM_REF_ID:
        yyjson_mut_obj_add_int(doc, object, key, ref->id);
        break;
    case DM_REF_UUID:
        put_uuid(doc, object, key, &ref->uuid);
        break;
    case DM_REF_NAME:
        put_text(doc, object, key, ref->name);
        break;
    case DM_REF_NONE:
        break;
    }
}

void trace_json_command(yyjson_mut_doc *doc, uint64_t corr, const struct dm_command *command) {
    yyjson_mut_val *detail = detail_of(doc);
    yyjson_mut_obj_add_str(doc, root_of(doc), "type", dm_command_name(command->kind));
    yyjson_mut_obj_add_uint(doc, root_of(doc), "corr", corr);
    put_ref(doc, detail, "user", &command->user);
    put_ref(doc, detail, "thread", &command->thread);
    put_ref(doc, detail, "message", &command->message);
    put_count(doc, detail, "users", command->user_count);
    put_text(doc, detail, "text", command->text);
    put_text(doc, detail, "title", command->title);
    put_text(doc, detail, "name", command->name);
    put_count(doc, detail, "urls", command->url_count);
    put_count(doc, detail, "uploads", command->upload_count);
    put_count(doc, detail, "cursor", command->cursor);
    if (command->token.ptr)
        yyjson_mut_obj_add_str(doc, detail, "token", "***");
    if (command->secret.ptr)
        yyjson_mut_obj_add_str(doc, detail, "secret", "***");
}

/* ---- results and rows ---- */

static void put_message(yyjson_mut_doc *doc, yyjson_mut_val *object,
                        const struct dm_message *message) {
    if (!message)
        return;
    yyjson_mut_val *shown = yyjson_mut_obj_add_obj(doc, object, "message");
    yyjson_mut_obj_add_int(doc, shown, "id", message->id);
    put_uuid(doc, shown, "uuid", &message->uuid);
    yyjson_mut_obj_add_int(doc, shown, "thread", message->thread_id);
    yyjson_mut_obj_add_uint(doc, shown, "seq", message->seq);
    put_user(doc, shown, "author", message->author);
    put_user(doc, shown, "recipient", message->recipient);
    put_text(doc, shown, "text", message->text);
    put_count(doc, shown, "attachments", message->attachment_count);
    admin_put_time(doc, shown, "created", message->created_us);
}

static void put_thread(yyjson_mut_doc *doc, yyjson_mut_val *object,
                       const struct dm_thread *thread) {
    static const char *const states[] = { "allowed", "requested", "blocked", "blocked by other" };
    if (!thread)
        return;
    yyjson_mut_val *shown = yyjson_mut_obj_add_obj(doc, object, "thread");
    yyjson_mut_obj_add_int(doc, shown, "id", thread->id);
    yyjson_mut_obj_add_str(doc, shown, "kind",
                           thread->kind == DM_THREAD_CHAT ? "chat" : "direct");
    yyjson_mut_obj_add_str(doc, shown, "state", states[thread->state]);
    put_text(doc, shown, "title", thread->title);
    yyjson_mut_obj_add_uint(doc, shown, "messages", thread->message_count);
    put_count(doc, shown, "rev", thread->rev);
}

int trace_json_has_row(const struct dm_result *result) {
    return (result->status == DM_OK || result->status == DM_HELD)
           && (result->flags & (DM_RESULT_CHANGED | DM_RESULT_CREATED));
}

void trace_json_row(yyjson_mut_doc *doc, const struct dm_result *result) {
    yyjson_mut_val *detail = detail_of(doc);
    yyjson_mut_obj_add_str(doc, root_of(doc), "type",
                           result->message ? "message" : result->thread ? "thread" : "user");
    put_message(doc, detail, result->message);
    put_thread(doc, detail, result->thread);
    put_user(doc, detail, "user", result->user);
    put_count(doc, detail, "messages", result->message_count);
}

void trace_json_result(yyjson_mut_doc *doc, uint64_t corr, const struct dm_result *result) {
    yyjson_mut_val *detail = detail_of(doc);
    yyjson_mut_obj_add_str(doc, root_of(doc), "type", dm_status_name(result->status));
    yyjson_mut_obj_add_uint(doc, root_of(doc), "corr", corr);
    yyjson_mut_obj_add_str(doc, detail, "command", dm_command_name(result->kind));
    put_text(doc, detail, "field", dm_slice_str(result->field));
    put_user(doc, detail, "user", result->user);
    put_count(doc, detail, "users", result->user_count);
    put_count(doc, detail, "threads", result->thread_count);
    put_count(doc, detail, "messages", result->message_count);
    put_count(doc, detail, "count", result->count);
}

void trace_json_event(yyjson_mut_doc *doc, const struct dm_event *event) {
    yyjson_mut_val *detail = detail_of(doc);
    yyjson_mut_obj_add_str(doc, root_of(doc), "type", dm_event_name(event->kind));
    yyjson_mut_obj_add_uint(doc, root_of(doc), "corr", event->corr);
    put_user(doc, detail, "actor", event->actor);
    put_message(doc, detail, event->message);
    put_thread(doc, detail, event->thread);
}

struct blob *trace_json_write(yyjson_mut_doc *doc, uint64_t seq, uint64_t chain) {
    size_t len = 0;
    yyjson_mut_obj_add_uint(doc, root_of(doc), "seq", seq);
    yyjson_mut_obj_add_uint(doc, root_of(doc), "chain", chain);
    char *text = yyjson_mut_write(doc, 0, &len);
    struct blob *blob = blob_new(text, text ? len : 0);
    free(text);
    return blob;
}
