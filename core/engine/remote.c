#include "core/engine/remote.h"

#include <stdlib.h>

#include "core/base/log.h"
#include "core/engine/catchup.h"
#include "core/engine/core.h"
#include "core/engine/fanout.h"
#include "core/engine/order.h"
#include "core/engine/recovery.h"
#include "core/engine/remote_internal.h"

/* More units that wait for their users are dropped, and what they told is read from the store. */
#define INBOX_MAX 10000

/* ---- the errand ---- */

struct engine_user *remote_user(const struct remote *remote, int64_t id) {
    size_t low = 0, high = remote->user_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (remote->ids[middle] < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < remote->user_count && remote->ids[low] == id ? remote->users[low] : NULL;
}

static void cleanup(struct operation *op) {
    struct remote *remote = op->extra;
    for (size_t i = 0; i < remote->user_count; i++) {
        if (remote->users[i])
            engine_user_unref(op->engine, remote->users[i]);
    }
    if (!list_is_empty(&op->link)) {
        list_remove(&op->link);
        op->engine->cluster.inbox_count--;
    }
}

static struct operation *errand_new(struct engine *engine, const struct unit_head *head) {
    struct operation *op = operation_new(engine, NULL);
    struct remote *remote = arena_zalloc(&op->arena, sizeof(*remote));
    remote->unit.head = *head;
    remote->unit.head.title = arena_slice(&op->arena, head->title);
    op->extra = remote;
    op->origin = OPERATION_REMOTE;
    op->cleanup = cleanup;
    op->rev = head->rev;
    op->span = head->span;
    op->seq = head->seq;
    op->member_rev = head->member_rev;
    return op;
}

static void end(struct operation *op) {
    operation_finish(op, DM_OK);
    operation_settle(op);
}

static struct thread *place(struct operation *op) {
    struct engine *engine = op->engine;
    const struct remote *remote = op->extra;
    const struct unit_head *head = &remote->unit.head;
    const struct store_thread found = {
        .id = head->thread_id, .uuid = head->uuid, .kind = head->kind, .title = head->title,
        .opener_id = head->opener_id, .created_us = head->created_us,
    };
    struct engine_user *lo = remote_user(remote, head->pair[0]);
    struct engine_user *hi = remote_user(remote, head->pair[1]);
    if (head->kind == DM_THREAD_CHAT)
        return thread_cache_put_chat(engine, &found);
    return lo && hi ? thread_cache_put_direct(engine, &found, lo, hi) : NULL;
}

/* Into the thread's order. */
static void enter(struct operation *op) {
    const struct remote *remote = op->extra;
    struct thread *thread = remote->unit.head.thread_id ? place(op) : NULL;
    if (thread) {
        operation_set_thread(op, thread);
        thread_unref(op->engine, thread);
    }
    if (remote->unit.head.flags & UNIT_UNTOLD) {
        op->rev = 0;
        if (thread)
            recovery_untold(op->engine, &remote->unit.head);
    } else if (thread || !remote->unit.head.thread_id) {
        op->emit = remote_show;
    }
    end(op);
}

/* ---- users ---- */

static void count_user(void *owner, int64_t id) {
    if (id > 0)
        ((struct remote *)owner)->user_count++;
}

static void note_user(void *owner, int64_t id) {
    struct remote *remote = owner;
    if (id > 0)
        remote->ids[remote->user_count++] = id;
}

static int compare(const void *left, const void *right) {
    const int64_t *a = left;
    const int64_t *b = right;
    return *a < *b ? -1 : *a > *b;
}

/* Looks for all users in the cache; returns how many are not there. */
static size_t find_users(struct operation *op) {
    struct remote *remote = op->extra;
    size_t count, kept = 0, missing = 0;
    unit_each_user(&remote->unit, count_user, remote);
    count = remote->user_count;
    remote->user_count = 0;
    remote->ids = arena_alloc(&op->arena, count * sizeof(*remote->ids));
    unit_each_user(&remote->unit, note_user, remote);
    if (count)
        qsort(remote->ids, count, sizeof(*remote->ids), compare);
    for (size_t i = 0; i < count; i++) {
        if (!kept || remote->ids[kept - 1] != remote->ids[i])
            remote->ids[kept++] = remote->ids[i];
    }
    remote->user_count = kept;
    remote->users = arena_zalloc(&op->arena, kept * sizeof(struct engine_user *));
    for (size_t i = 0; i < kept; i++) {
        struct engine_user *user = user_cache_find_id(&op->engine->users, remote->ids[i]);
        remote->users[i] = user;
        if (user)
            engine_user_ref(user);
        missing += !user;
    }
    return missing;
}

/* Lets those go on that nobody before them keeps. */
static void drain(struct engine *engine) {
    struct list *link;
    while ((link = list_front(&engine->cluster.inbox))) {
        struct operation *op = container_of(link, struct operation, link);
        if (!((struct remote *)op->extra)->known)
            break;
        list_remove(link);
        engine->cluster.inbox_count--;
        enter(op);
    }
}

static void users_found(struct operation *asking, enum dm_status status) {
    struct engine *engine = asking->engine;
    struct operation *op = asking->extra;
    struct remote *remote = op->extra;
    if (status != DM_OK)
        recovery_begin(engine, engine->cluster.good_us);
    for (size_t i = 0; status == DM_OK && i < asking->result.user_count; i++)
        engine_user_unref(engine, user_cache_put(engine, asking->result.users[i]));
    for (size_t i = 0; i < remote->user_count; i++) {
        if (remote->users[i])
            continue;
        remote->users[i] = user_cache_find_id(&engine->users, remote->ids[i]);
        if (remote->users[i])
            engine_user_ref(remote->users[i]);
    }
    remote->known = 1;
    operation_finish(asking, status);
    drain(engine);
    operation_unref(op);
}

/* By another errand, so that this one is entered outside of its own callbacks. */
static void ask_users(struct operation *op, size_t missing) {
    const struct remote *remote = op->extra;
    struct operation *asking = operation_new(op->engine, NULL);
    struct dm_ref *refs = arena_alloc(&asking->arena, missing * sizeof(*refs));
    size_t count = 0;
    for (size_t i = 0; i < remote->user_count; i++) {
        if (!remote->users[i])
            refs[count++] = dm_ref_id(remote->ids[i]);
    }
    asking->command.users = refs;
    asking->command.user_count = count;
    asking->extra = op;
    operation_ref(op);
    operation_prepare(asking, STORE_USERS_FIND);
    operation_call(asking, 0, users_found);
}

/* ---- whom it concerns ---- */

static int has_sessions(const struct engine *engine, int64_t user_id) {
    const struct engine_user *user = user_cache_find_id(&engine->users, user_id);
    return user && engine_user_has_sessions(user);
}

int remote_concerns(const struct engine *engine, const struct thread *thread) {
    if (thread->kind == DM_THREAD_DIRECT)
        return has_sessions(engine, thread->pair[0]) || has_sessions(engine, thread->pair[1]);
    for (size_t i = 0; i < thread->member_count; i++) {
        if (has_sessions(engine, thread->members[i]))
            return 1;
    }
    return 0;
}

static int concerns(const struct engine *engine, const struct unit_head *head,
                    const struct thread *thread) {
    if (list_is_empty(&engine->sessions))
        return 0;
    if (thread && !list_is_empty(&thread->pending))
        return 1;
    /* Whoever did it may be one for whom it changes what is kept (catchup_hears). */
    if (!head->thread_id)
        return has_sessions(engine, head->to_id) || catchup_is_any(engine);
    if (head->kind == DM_THREAD_DIRECT)
        return has_sessions(engine, head->pair[0]) || has_sessions(engine, head->pair[1]);
    return head->told_rev || !thread || !thread->member_rev
           || thread->member_rev < head->member_rev || remote_concerns(engine, thread);
}

static void pass_over(struct engine *engine, const struct unit_head *head,
                      struct thread *thread) {
    if (!thread)
        return;
    if (head->kind == DM_THREAD_DIRECT && head->rev > thread->rev)
        thread_set_title(thread, head->title);
    if (head->told_rev || head->member_rev > thread->member_rev)
        thread_forget_members(thread);
    order_pass(thread, head->rev, head->span, head->seq);
}

/* The errand of a unit whose head is read; NULL when the rest is none. */
static struct operation *errand_read(struct engine *engine, const struct unit_head *head,
                                     struct wire_reader *reader) {
    struct operation *op = errand_new(engine, head);
    struct remote *remote = op->extra;
    if (!unit_read_events(reader, &op->arena, &remote->unit))
        return op;
    log_event(LOG_LEVEL_WARNING, "a unit of another node cannot be read");
    end(op);
    return NULL;
}

/* Behind those that came before, and once its users are known. */
static int queue(struct operation *op) {
    struct engine *engine = op->engine;
    struct remote *remote = op->extra;
    size_t missing = find_users(op);
    remote->known = !missing;
    if (remote->known && list_is_empty(&engine->cluster.inbox)) {
        enter(op);
        return 1;
    }
    list_push_back(&engine->cluster.inbox, &op->link);
    engine->cluster.inbox_count++;
    if (missing)
        ask_users(op, missing);
    return 0;
}

void remote_take(struct engine *engine, struct wire_reader *reader) {
    struct unit_head head;
    struct operation *op;
    struct thread *thread;
    if (unit_read_head(reader, &head)) {
        log_event(LOG_LEVEL_WARNING, "a unit of another node cannot be read");
        return;
    }
    thread = head.thread_id ? thread_cache_find_id(&engine->threads, head.thread_id) : NULL;
    if (!concerns(engine, &head, thread)) {
        pass_over(engine, &head, thread);
        return;
    }
    if (engine->cluster.inbox_count >= INBOX_MAX) {
        recovery_begin(engine, engine->cluster.good_us);
        return;
    }
    op = errand_read(engine, &head, reader);
    if (op)
        queue(op);
}

int remote_give(struct engine *engine, struct dm_slice unit) {
    struct wire_reader reader;
    struct unit_head head;
    struct operation *op;
    wire_reader_init(&reader, unit);
    if (unit_read_head(&reader, &head))
        return 0;
    op = errand_read(engine, &head, &reader);
    return op ? queue(op) : 0;
}
