/* Puts together, from what a task has read, the result that its caller gets. */
#include <stdlib.h>

#include "storage/task.h"

/* As their namesakes, for lists that may be empty and NULL. */
static const void *find(const void *key, const void *list, size_t count, size_t size,
                        int (*compare)(const void *, const void *)) {
    return count ? bsearch(key, list, count, size, compare) : NULL;
}

static void sort(void *list, size_t count, size_t size,
                 int (*compare)(const void *, const void *)) {
    if (count > 1)
        qsort(list, count, size, compare);
}

static int compare_ids(const void *left, const void *right) {
    const int64_t *a = left;
    const int64_t *b = right;
    return *a < *b ? -1 : *a > *b;
}

int64_t *task_user_ids(struct task *task, size_t *ret_count) {
    const struct outcome *outcome = &task->outcome;
    size_t most = outcome->user_count + outcome->message_count + outcome->read_count +
                  2 * task->message_count;
    size_t count = 0;
    size_t kept = 0;
    for (size_t i = 0; i < task->thread_count; i++)
        most += 1 + task->threads[i].thread.member_count;
    int64_t *ids = arena_alloc(task->call->arena, most * sizeof(*ids));
    for (size_t i = 0; i < outcome->user_count; i++)
        ids[count++] = outcome->users[i];
    for (size_t i = 0; i < outcome->message_count; i++)
        ids[count++] = outcome->messages[i].author_id;
    for (size_t i = 0; i < outcome->read_count; i++)
        ids[count++] = outcome->read[i].author_id;
    for (size_t i = 0; i < task->message_count; i++) {
        ids[count++] = task->messages[i].author_id;
        ids[count++] = task->messages[i].recipient_id;
    }
    for (size_t i = 0; i < task->thread_count; i++) {
        ids[count++] = task->threads[i].peer_id;
        for (size_t k = 0; k < task->threads[i].thread.member_count; k++)
            ids[count++] = task->threads[i].member_ids[k];
    }
    sort(ids, count, sizeof(*ids), compare_ids);
    for (size_t i = 0; i < count; i++)
        if (ids[i] && (kept == 0 || ids[kept - 1] != ids[i]))
            ids[kept++] = ids[i];
    *ret_count = kept;
    return ids;
}

static int compare_users(const void *left, const void *right) {
    const struct dm_user *a = left;
    const struct dm_user *b = right;
    return a->id < b->id ? -1 : a->id > b->id;
}

/* Never NULL for an id: a user that is gone from the table still has one. */
static const struct dm_user *user_of(struct task *task, int64_t id) {
    const struct dm_user key = { .id = id };
    if (!id)
        return NULL;
    const struct dm_user *found = find(&key, task->users, task->user_count, sizeof(key),
                                          compare_users);
    if (found)
        return found;
    struct dm_user *unknown = arena_zalloc(task->call->arena, sizeof(*unknown));
    unknown->id = id;
    return unknown;
}

static const struct dm_user **users_of(struct task *task, const int64_t *ids, size_t count) {
    const struct dm_user **list = arena_alloc(task->call->arena, count * sizeof(*list));
    for (size_t i = 0; i < count; i++)
        list[i] = user_of(task, ids[i]);
    return list;
}

static int compare_messages(const void *left, const void *right) {
    const struct task_message *a = left;
    const struct task_message *b = right;
    if (a->message.thread_id != b->message.thread_id)
        return a->message.thread_id < b->message.thread_id ? -1 : 1;
    return a->message.seq < b->message.seq ? -1 : a->message.seq > b->message.seq;
}

static const struct dm_message *message_at(struct task *task, int64_t thread_id, uint64_t seq) {
    const struct task_message key = { .message = { .thread_id = thread_id, .seq = seq } };
    const struct task_message *found = find(&key, task->messages, task->message_count,
                                               sizeof(key), compare_messages);
    return found ? &found->message : NULL;
}

/* The newest message at hand of a thread; NULL: there is none. The threads themselves were read by
 * another statement, at another time: they may know of a message that was deleted since, or not of
 * this one. */
static const struct dm_message *newest_of(const struct task *task, int64_t thread_id) {
    size_t low = 0;
    size_t high = task->message_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (task->messages[middle].message.thread_id <= thread_id)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0 || task->messages[low - 1].message.thread_id != thread_id)
        return NULL;
    return &task->messages[low - 1].message;
}

static void link_models(struct task *task) {
    sort(task->users, task->user_count, sizeof(*task->users), compare_users);
    sort(task->messages, task->message_count, sizeof(*task->messages), compare_messages);
    for (size_t i = 0; i < task->message_count; i++) {
        struct task_message *m = &task->messages[i];
        m->message.author = user_of(task, m->author_id);
        m->message.recipient = user_of(task, m->recipient_id);
    }
    for (size_t i = 0; i < task->thread_count; i++) {
        struct task_thread *t = &task->threads[i];
        t->thread.peer = t->thread.kind == DM_THREAD_DIRECT ? user_of(task, t->peer_id) : NULL;
        if (task->look & LOOK_MEMBERS && t->thread.kind == DM_THREAD_CHAT)
            t->thread.members = users_of(task, t->member_ids, t->thread.member_count);
        else
            t->thread.member_count = 0;
        t->thread.last_message = newest_of(task, t->thread.id);
    }
}

static int compare_uuids(const void *left, const void *right) {
    const struct task_uuid *a = left;
    const struct task_uuid *b = right;
    if (a->thread_id != b->thread_id)
        return a->thread_id < b->thread_id ? -1 : 1;
    return a->seq < b->seq ? -1 : a->seq > b->seq;
}

/* A message of which the outcome told the ids only. */
static const struct dm_message *message_ids(struct task *task, const struct outcome_message *m) {
    struct dm_message *message = arena_zalloc(task->call->arena, sizeof(*message));
    message->id = m->id;
    message->thread_id = m->thread_id;
    message->seq = (uint64_t)m->seq;
    message->author = user_of(task, m->author_id);
    message->text = DM_SLICE("");
    const struct task_uuid key = { .thread_id = m->thread_id, .seq = m->seq };
    const struct task_uuid *found = find(&key, task->uuids, task->uuid_count, sizeof(key),
                                            compare_uuids);
    if (found) {
        message->uuid = found->uuid;
        message->flags = found->held ? DM_MESSAGE_HELD : 0;
    }
    for (size_t i = 0; i < task->thread_count; i++)
        if (task->threads[i].thread.id == m->thread_id) {
            const struct dm_thread *thread = &task->threads[i].thread;
            message->thread_uuid = thread->uuid;
            if (thread->peer)
                message->recipient = m->author_id == thread->peer->id
                                         ? user_of(task, task->call->actor_id)
                                         : thread->peer;
        }
    return message;
}

static const struct dm_message **messages_of(struct task *task, const struct outcome_message *list,
                                             size_t count, int whole) {
    const struct dm_message **out = arena_alloc(task->call->arena, count * sizeof(*out));
    for (size_t i = 0; i < count; i++) {
        const struct dm_message *found =
            whole ? message_at(task, list[i].thread_id, (uint64_t)list[i].seq) : NULL;
        out[i] = found ? found : message_ids(task, &list[i]);
    }
    return out;
}

static void fill_messages(struct task *task, struct dm_result *result) {
    const struct outcome *outcome = &task->outcome;
    size_t count = outcome->message_count;
    const struct dm_message **list = messages_of(task, outcome->messages, count,
                                                 task->look & (LOOK_MESSAGES | LOOK_NEXT));
    for (size_t i = 0; task->look & REVERSE && i < count / 2; i++) {
        const struct dm_message *swap = list[i];
        list[i] = list[count - 1 - i];
        list[count - 1 - i] = swap;
    }
    if (task->look & TAKE_MESSAGE && count) {
        result->message = *list++;
        count--;
    }
    if (count) {
        result->messages = list;
        result->message_count = count;
    }
    if (outcome->read_count) {
        task->call->ret_read = messages_of(task, outcome->read, outcome->read_count, 0);
        task->call->ret_read_count = outcome->read_count;
    }
}

static void fill_threads(struct task *task, struct dm_result *result) {
    if (!task->thread_count)
        return;
    if (!task->outcome.thread_count) {
        result->thread = &task->threads[0].thread;
        return;
    }
    const struct dm_thread **list =
        arena_alloc(task->call->arena, task->thread_count * sizeof(*list));
    result->threads = list;
    result->thread_count = 0;
    for (size_t i = 0; i < task->thread_count; i++)
        if (task->threads[i].thread.last_message)
            list[result->thread_count++] = &task->threads[i].thread;
}

static void fill_account(struct task *task) {
    const struct dm_user *user = user_of(task, task->outcome.users[0]);
    struct store_account *account = &task->call->ret_account;
    account->id = user->id;
    account->uuid = user->uuid;
    account->activity = user->flags & DM_USER_ACTIVE ? STORE_ACTIVATE : STORE_DEACTIVATE;
    account->profile = (struct dm_profile){
        .username = user->username, .email = user->email, .first_name = user->first_name,
        .last_name = user->last_name, .photo = user->photo, .color = user->color,
        .role = user->role, .location = user->location,
    };
}

void task_fill(struct task *task) {
    const struct outcome *outcome = &task->outcome;
    struct dm_result *result = task->call->result;
    link_models(task);
    if (task->look & LOOK_ACCOUNT && outcome->user_count)
        fill_account(task);
    task->call->ret_rev = outcome->rev;
    if (task->operation->statement == ST_THREADS_TOUCHED) {
        task->call->ret_threads = outcome->threads;
        task->call->ret_thread_count = outcome->thread_count;
    }
    if (!result)
        return;
    result->status = outcome->status;
    result->flags = outcome->flags;
    result->count = outcome->count;
    result->next_cursor = outcome->cursor;
    if (outcome->user_count && task->look & TAKE_USER) {
        result->user = user_of(task, outcome->users[0]);
    } else if (outcome->user_count) {
        result->users = users_of(task, outcome->users, outcome->user_count);
        result->user_count = outcome->user_count;
    }
    fill_threads(task, result);
    fill_messages(task, result);
}
