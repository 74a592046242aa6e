/* Rows of a task's looks, as the task keeps them. */
#include "core/base/decimal.h"
#include "core/base/url.h"
#include "storage/pg_read.h"
#include "storage/task.h"

static struct dm_slice text_of(struct task *task, const PGresult *result, int row, int col) {
    return arena_slice(task->call->arena, pg_read_text(result, row, col));
}

/* Rows into the model */

void task_read_threads(struct task *task, const PGresult *result) {
    int count = PQntuples(result);
    int64_t actor = task->call->actor_id;
    task->threads = arena_zalloc(task->call->arena, (size_t)count * sizeof(*task->threads));
    task->thread_count = (size_t)count;
    for (int i = 0; i < count; i++) {
        struct task_thread *t = &task->threads[i];
        t->thread.id = pg_read_int(result, i, 0);
        pg_read_uuid(result, i, 1, &t->thread.uuid);
        t->thread.kind = (enum dm_thread_kind)pg_read_int(result, i, 2);
        t->thread.state = (enum dm_thread_state)pg_read_int(result, i, 3);
        t->thread.title = text_of(task, result, i, 4);
        int64_t lo = pg_read_int(result, i, 5);
        int64_t hi = pg_read_int(result, i, 6);
        t->peer_id = lo == actor ? hi : lo;
        t->thread.opener_id = pg_read_int(result, i, 7);
        t->thread.message_count = (uint64_t)pg_read_int(result, i, 8);
        t->thread.unread = (uint64_t)pg_read_int(result, i, 9);
        t->thread.rev = (uint64_t)pg_read_int(result, i, 10);
        t->thread.created_us = pg_read_time(result, i, 12);
        t->thread.updated_us = pg_read_time(result, i, 13);
    }
}

void task_read_raw(struct task *task, const PGresult *result) {
    struct store_thread *raw = &task->call->ret_thread;
    if (PQntuples(result) != 1)
        return;
    raw->id = pg_read_int(result, 0, 0);
    pg_read_uuid(result, 0, 1, &raw->uuid);
    raw->kind = (enum dm_thread_kind)pg_read_int(result, 0, 2);
    raw->title = text_of(task, result, 0, 3);
    raw->opener_id = pg_read_int(result, 0, 4);
    raw->lo_id = pg_read_int(result, 0, 5);
    raw->hi_id = pg_read_int(result, 0, 6);
    raw->member_rev = (uint64_t)pg_read_int(result, 0, 7);
    raw->created_us = pg_read_time(result, 0, 8);
    raw->state = (enum dm_thread_state)pg_read_int(result, 0, 9);
    raw->unread_lo = (uint64_t)pg_read_int(result, 0, 10);
    raw->unread_hi = (uint64_t)pg_read_int(result, 0, 11);
    raw->updated_us = pg_read_time(result, 0, 12);
}

void task_read_uuids(struct task *task, const PGresult *result) {
    int count = PQntuples(result);
    task->uuids = arena_alloc(task->call->arena, (size_t)count * sizeof(*task->uuids));
    task->uuid_count = (size_t)count;
    for (int i = 0; i < count; i++) {
        task->uuids[i].thread_id = pg_read_int(result, i, 0);
        task->uuids[i].seq = pg_read_int(result, i, 1);
        pg_read_uuid(result, i, 2, &task->uuids[i].uuid);
        task->uuids[i].held = pg_read_int(result, i, 3) != 0;
    }
}

/* Rows come ordered by thread. */
void task_read_members(struct task *task, const PGresult *result) {
    int rows = PQntuples(result);
    int64_t *ids = arena_alloc(task->call->arena, (size_t)rows * sizeof(*ids));
    for (int i = 0; i < rows; i++)
        ids[i] = pg_read_int(result, i, 1);
    for (int start = 0, end; start < rows; start = end) {
        int64_t thread = pg_read_int(result, start, 0);
        for (end = start; end < rows && pg_read_int(result, end, 0) == thread;)
            end++;
        size_t count = (size_t)(end - start);
        if (task->call->ret_thread.id == thread) {
            task->call->ret_thread.member_ids = ids + start;
            task->call->ret_thread.member_count = count;
        }
        for (size_t k = 0; k < task->thread_count; k++)
            if (task->threads[k].thread.id == thread) {
                task->threads[k].member_ids = ids + start;
                task->threads[k].thread.member_count = count;
            }
    }
}

static int64_t number_of(struct dm_slice text) {
    int64_t value;
    decimal_cut(&text, &value);
    return value;
}

/* The gateway's own files come as rows of four texts: id, name, size, time. */
static void attachment_file(struct task *task, struct dm_attachment *attachment,
                            struct pg_array files) {
    for (size_t i = 0; i + 4 <= files.count; i += 4) {
        int64_t id = number_of(pg_array_next(&files));
        struct dm_slice name = pg_array_next(&files);
        int64_t size = number_of(pg_array_next(&files));
        int64_t created = number_of(pg_array_next(&files));
        if (id != attachment->file_id)
            continue;
        attachment->name = arena_slice(task->call->arena, name);
        attachment->size = size;
        attachment->created_us = created;
        return;
    }
}

static void read_attachments(struct task *task, struct dm_message *message,
                             const PGresult *result, int row) {
    struct pg_array items = pg_read_array(result, row, 8);
    struct arena *arena = task->call->arena;
    if (!items.count)
        return;
    struct dm_attachment *list = arena_zalloc(arena, items.count * sizeof(*list));
    const struct dm_attachment **pointers = arena_alloc(arena, items.count * sizeof(*pointers));
    for (size_t i = 0; i < items.count; i++) {
        struct dm_slice item = pg_array_next(&items);
        struct dm_attachment *attachment = &list[i];
        struct dm_slice rest = item.len ? (struct dm_slice){ item.ptr + 1, item.len - 1 } : item;
        attachment->created_us = message->created_us;
        attachment->size = -1;
        if (item.len && item.ptr[0] == 'f') {
            attachment->file_id = number_of(rest);
            attachment->name = DM_SLICE("");
            attachment_file(task, attachment, pg_read_array(result, row, 9));
        } else {
            attachment->url = arena_slice(arena, rest);
            attachment->name = url_last_segment(attachment->url);
        }
        pointers[i] = attachment;
    }
    message->attachments = pointers;
    message->attachment_count = items.count;
}

/* Bits of reach_bits() and chat_reach() (migrations/0003). */
enum {
    REACH_DELIVERED = 1,
    REACH_READ_BY_ANY = 2,
    REACH_READ_BY_ALL = 4,
    REACH_READ_BY_ME = 8,
};

static void read_reach(struct dm_message *message, int64_t held, int64_t first, int64_t reach) {
    message->state = reach & REACH_READ_BY_ALL ? DM_MESSAGE_READ
                     : reach & REACH_DELIVERED ? DM_MESSAGE_DELIVERED
                                               : DM_MESSAGE_STORED;
    message->flags = (held ? DM_MESSAGE_HELD : 0) | (first ? DM_MESSAGE_FIRST : 0) |
                     (reach & REACH_READ_BY_ANY ? DM_MESSAGE_READ_BY_ANY : 0) |
                     (reach & REACH_READ_BY_ME ? DM_MESSAGE_READ_BY_ME : 0);
}

void task_read_messages(struct task *task, const PGresult *result) {
    int count = PQntuples(result);
    task->messages = arena_zalloc(task->call->arena, (size_t)count * sizeof(*task->messages));
    task->message_count = (size_t)count;
    for (int i = 0; i < count; i++) {
        struct task_message *m = &task->messages[i];
        struct dm_message *message = &m->message;
        message->thread_id = pg_read_int(result, i, 0);
        pg_read_uuid(result, i, 1, &message->thread_uuid);
        message->seq = (uint64_t)pg_read_int(result, i, 2);
        message->id = pg_read_int(result, i, 3);
        pg_read_uuid(result, i, 4, &message->uuid);
        m->author_id = pg_read_int(result, i, 5);
        m->recipient_id = pg_read_int(result, i, 6);
        message->text = text_of(task, result, i, 7);
        message->created_us = message->updated_us = pg_read_time(result, i, 10);
        read_attachments(task, message, result, i);
        read_reach(message, pg_read_int(result, i, 11), pg_read_int(result, i, 12),
                   pg_read_int(result, i, 13));
    }
}

void task_read_users(struct task *task, const PGresult *result) {
    int count = PQntuples(result);
    task->users = arena_zalloc(task->call->arena, (size_t)count * sizeof(*task->users));
    task->user_count = (size_t)count;
    for (int i = 0; i < count; i++) {
        struct dm_user *u = &task->users[i];
        u->id = pg_read_int(result, i, 0);
        pg_read_uuid(result, i, 1, &u->uuid);
        struct dm_slice *const texts[] = { &u->username, &u->email, &u->first_name,
                                           &u->last_name, &u->photo, &u->color,
                                           &u->role, &u->location };
        for (int k = 0; k < 8; k++)
            *texts[k] = text_of(task, result, i, 2 + k);
        u->created_us = pg_read_time(result, i, 10);
        u->flags = pg_read_int(result, i, 11) ? DM_USER_ACTIVE : 0;
    }
}

void task_read_account(struct task *task, const PGresult *result) {
    if (PQntuples(result) != 1)
        return;
    task->call->ret_account.password_hash = text_of(task, result, 0, 0);
    task->call->ret_account.pin_hash = text_of(task, result, 0, 1);
}

void task_read_revoked(struct task *task, const PGresult *result) {
    size_t count = (size_t)PQntuples(result);
    uint8_t(*list)[STORE_FINGERPRINT_LEN] =
        arena_zalloc(task->call->arena, count * STORE_FINGERPRINT_LEN);
    for (size_t i = 0; i < count; i++) {
        struct dm_slice bytes = pg_read_text(result, (int)i, 0);
        if (bytes.len == STORE_FINGERPRINT_LEN)
            memcpy(list[i], bytes.ptr, bytes.len);
    }
    task->call->ret_fingerprints = (const uint8_t(*)[STORE_FINGERPRINT_LEN])list;
    task->call->ret_fingerprint_count = count;
}
