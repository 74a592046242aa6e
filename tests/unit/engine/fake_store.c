#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/engine/fake.h"

static void submit(struct store *store, struct store_request *request) {
    struct fake_store *fake = (struct fake_store *)store;
    list_push_back(&fake->pending, &request->link);
}

static size_t pending(const struct store *store) {
    return !list_is_empty(&((const struct fake_store *)store)->pending);
}

static enum store_state state(const struct store *store) {
    return STORE_UP;
}

void fake_store_init(struct fake_store *fake) {
    static const struct store_ops ops = { submit, pending, state };
    memset(fake, 0, sizeof(*fake));
    fake->store.ops = &ops;
    list_init(&fake->pending);
}

static struct dm_slice set_text(char *place, const char *text) {
    if (!text)
        return DM_SLICE_NONE;
    snprintf(place, 64, "%s", text);
    return dm_slice_str(place);
}

static struct dm_uuid make_uuid(char kind, int64_t id) {
    struct dm_uuid uuid = { { (uint8_t)kind } };
    memcpy(uuid.bytes + 8, &id, sizeof(id));
    return uuid;
}

struct fake_user *fake_add_user(struct fake_store *fake, const char *name, const char *role) {
    struct fake_user *added = &fake->users[fake->user_count];
    struct dm_user *user = &added->user;
    user->id = DM_USER_ID_FIRST + (int64_t)fake->user_count++;
    user->uuid = make_uuid('u', user->id);
    user->username = set_text(added->texts[0], name);
    user->role = set_text(added->texts[1], role);
    user->flags = DM_USER_ACTIVE;
    return added;
}

static struct fake_user *find_user(struct fake_store *fake, const struct dm_ref *ref) {
    for (size_t i = 0; i < fake->user_count; i++) {
        struct dm_user *user = &fake->users[i].user;
        if ((ref->kind == DM_REF_ID && user->id == ref->id)
            || (ref->kind == DM_REF_UUID && dm_uuid_eq(&user->uuid, &ref->uuid))
            || (ref->kind == DM_REF_NAME && dm_slice_eq(user->username, ref->name)))
            return &fake->users[i];
    }
    return NULL;
}

struct fake_user *fake_user_named(struct fake_store *fake, const char *name) {
    struct dm_ref ref = dm_ref_name(dm_slice_str(name));
    return find_user(fake, &ref);
}

const struct dm_user *fake_user_by_id(struct fake_store *fake, int64_t id) {
    struct dm_ref ref = dm_ref_id(id);
    struct fake_user *user = find_user(fake, &ref);
    return user ? &user->user : NULL;
}

static struct fake_thread *add_thread(struct fake_store *fake, enum dm_thread_kind kind) {
    struct fake_thread *thread = &fake->threads[fake->thread_count++];
    thread->id = 500 + (int64_t)fake->thread_count;
    thread->uuid = make_uuid('t', thread->id);
    thread->kind = kind;
    return thread;
}

struct fake_thread *fake_add_chat(struct fake_store *fake, const char *title,
                                  const char *const *names) {
    struct fake_thread *thread = add_thread(fake, DM_THREAD_CHAT);
    thread->title = title;
    thread->member_rev = 1;
    for (; *names; names++)
        thread->members[thread->member_count++] = fake_user_named(fake, *names)->user.id;
    return thread;
}

struct fake_thread *fake_thread_by_id(struct fake_store *fake, int64_t id) {
    for (size_t i = 0; i < fake->thread_count; i++) {
        if (fake->threads[i].id == id)
            return &fake->threads[i];
    }
    return NULL;
}

static struct fake_thread *find_direct(struct fake_store *fake, int64_t a, int64_t b) {
    for (size_t i = 0; i < fake->thread_count; i++) {
        struct fake_thread *thread = &fake->threads[i];
        if (thread->kind == DM_THREAD_DIRECT
            && ((thread->lo_id == a && thread->hi_id == b)
                || (thread->lo_id == b && thread->hi_id == a)))
            return thread;
    }
    return NULL;
}

struct dm_message *fake_message(struct fake_store *fake, struct store_call *call,
                                struct fake_thread *thread, uint64_t seq, int64_t author_id) {
    struct dm_message *message = arena_zalloc(call->arena, sizeof(*message));
    message->id = thread->id * 1000 + (int64_t)seq;
    message->thread_id = thread->id;
    message->seq = seq;
    message->author = fake_user_by_id(fake, author_id);
    message->text = DM_SLICE("");
    return message;
}

struct dm_thread *fake_view(struct fake_store *fake, struct store_call *call,
                            struct fake_thread *thread) {
    struct dm_thread *view = arena_zalloc(call->arena, sizeof(*view));
    const struct dm_user **members;
    view->id = thread->id;
    view->uuid = thread->uuid;
    view->kind = thread->kind;
    view->state = thread->state;
    view->opener_id = thread->opener_id;
    view->title = dm_slice_str(thread->title);
    if (thread->kind == DM_THREAD_DIRECT) {
        int64_t other = thread->lo_id == call->actor_id ? thread->hi_id : thread->lo_id;
        view->peer = fake_user_by_id(fake, other);
        return view;
    }
    members = arena_zalloc(call->arena, FAKE_GROUP * sizeof(*members));
    for (size_t i = 0; i < thread->member_count; i++)
        members[i] = fake_user_by_id(fake, thread->members[i]);
    view->members = members;
    view->member_count = thread->member_count;
    return view;
}

static int is_member(const struct fake_thread *thread, int64_t user_id) {
    for (size_t i = 0; i < thread->member_count; i++) {
        if (thread->members[i] == user_id)
            return 1;
    }
    return thread->kind == DM_THREAD_DIRECT
           && (thread->lo_id == user_id || thread->hi_id == user_id);
}

static void hold(struct fake_thread *thread, struct store_append *append) {
    size_t at = thread->held_count;
    if (at == FAKE_HELD)
        return;
    thread->held_count++;
    thread->held[at].seq = append->ret_seq;
    thread->held[at].author_id = append->author_id;
    snprintf(thread->held[at].text, 64, "%.*s", DM_SLICE_FMT(append->text));
}

static enum store_outcome decide(struct fake_thread *thread, struct store_append *append) {
    if (!thread || !is_member(thread, append->author_id))
        return STORE_REFUSED_MEMBER;
    if (thread->state == DM_THREAD_BLOCKED)
        return STORE_REFUSED_BLOCKED;
    if (thread->state != DM_THREAD_REQUESTED)
        return STORE_APPENDED;
    if (append->author_id == thread->opener_id)
        return thread->seq ? STORE_APPENDED_HELD : STORE_APPENDED;
    return append->flags & STORE_APPEND_APPROVES ? STORE_NEEDS_APPROVE : STORE_REFUSED_BLOCKED;
}

static enum dm_status do_append(struct fake_store *fake, struct store_append *append) {
    struct fake_thread *thread = fake_thread_by_id(fake, append->thread_id);
    append->ret_outcome = decide(thread, append);
    if (append->ret_outcome != STORE_APPENDED && append->ret_outcome != STORE_APPENDED_HELD)
        return DM_OK;
    append->ret_seq = ++thread->seq;
    append->ret_rev = ++thread->rev;
    append->ret_id = thread->id * 1000 + (int64_t)append->ret_seq;
    append->ret_created_us = 1000000;
    append->ret_state = thread->state;
    append->ret_member_rev = thread->member_rev;
    append->ret_unread = ++thread->unread;
    if (append->ret_outcome == STORE_APPENDED_HELD)
        hold(thread, append);
    return DM_OK;
}

static enum dm_status do_approve(struct fake_store *fake, struct store_call *call) {
    struct fake_thread *thread = fake_thread_by_id(fake, call->thread_id);
    struct dm_message **messages;
    if (thread->state != DM_THREAD_ALLOWED)
        call->result->flags |= DM_RESULT_CHANGED;
    thread->state = DM_THREAD_ALLOWED;
    messages = arena_zalloc(call->arena, FAKE_HELD * sizeof(*messages));
    for (size_t i = 0; i < thread->held_count; i++) {
        messages[i] = fake_message(fake, call, thread, thread->held[i].seq,
                                   thread->held[i].author_id);
        messages[i]->text = dm_slice_str(thread->held[i].text);
    }
    call->result->messages = (const struct dm_message *const *)messages;
    call->result->message_count = thread->held_count;
    thread->held_count = 0;
    call->result->thread = fake_view(fake, call, thread);
    ((struct dm_thread *)call->result->thread)->unread = 10;
    return DM_OK;
}

static enum dm_status do_open(struct fake_store *fake, struct store_call *call) {
    struct fake_thread *thread = find_direct(fake, call->actor_id, call->other_id);
    if (!thread) {
        thread = add_thread(fake, DM_THREAD_DIRECT);
        thread->lo_id = call->actor_id < call->other_id ? call->actor_id : call->other_id;
        thread->hi_id = call->actor_id < call->other_id ? call->other_id : call->actor_id;
        thread->opener_id = call->actor_id;
        if (call->gate == STORE_GATED)
            thread->state = DM_THREAD_REQUESTED;
        call->result->flags |= DM_RESULT_CREATED;
    }
    call->result->thread = fake_view(fake, call, thread);
    return DM_OK;
}

enum dm_status fake_show_thread(struct store_call *call, const struct fake_thread *thread) {
    struct store_thread *shown = &call->ret_thread;
    if (!thread)
        return DM_NO_THREAD;
    shown->id = thread->id;
    shown->uuid = thread->uuid;
    shown->kind = thread->kind;
    shown->title = dm_slice_str(thread->title);
    shown->opener_id = thread->opener_id;
    shown->lo_id = thread->lo_id;
    shown->hi_id = thread->hi_id;
    shown->member_rev = thread->member_rev;
    return DM_OK;
}

static enum dm_status do_thread_find(struct fake_store *fake, struct store_call *call) {
    const struct dm_command *command = call->command;
    if (call->other_id)
        return fake_show_thread(call, find_direct(fake, call->actor_id, call->other_id));
    if (command->message.kind == DM_REF_ID)
        return fake_show_thread(call, fake_thread_by_id(fake, command->message.id / 1000));
    for (size_t i = 0; i < fake->thread_count; i++) {
        const struct fake_thread *thread = &fake->threads[i];
        if (command->thread.kind == DM_REF_ID ? thread->id == command->thread.id
                                              : dm_uuid_eq(&thread->uuid, &command->thread.uuid))
            return fake_show_thread(call, thread);
    }
    return DM_NO_THREAD;
}

static enum dm_status do_members(struct fake_store *fake, struct store_call *call) {
    struct fake_thread *thread = fake_thread_by_id(fake, call->thread_id);
    enum dm_status status = fake_show_thread(call, thread);
    if (status == DM_OK) {
        call->ret_thread.member_ids = thread->members;
        call->ret_thread.member_count = thread->member_count;
    }
    return status;
}

static enum dm_status do_user_find(struct fake_store *fake, struct store_call *call) {
    struct fake_user *user = find_user(fake, &call->command->user);
    if (!user)
        return DM_NO_USER;
    call->result->user = &user->user;
    call->ret_account.password_hash = user->password_hash;
    call->ret_account.pin_hash = user->pin_hash;
    return DM_OK;
}

static enum dm_status do_users_find(struct fake_store *fake, struct store_call *call) {
    const struct dm_user **users = arena_zalloc(call->arena, FAKE_USERS * sizeof(*users));
    for (size_t i = 0; i < call->command->user_count; i++) {
        struct fake_user *user = find_user(fake, &call->command->users[i]);
        if (user)
            users[call->result->user_count++] = &user->user;
    }
    call->result->users = users;
    return DM_OK;
}

static enum dm_status do_user_create(struct fake_store *fake, struct store_call *call) {
    char name[64];
    struct fake_user *added;
    snprintf(name, sizeof(name), "%.*s", DM_SLICE_FMT(call->account->profile.username));
    if (fake_user_named(fake, name))
        return DM_EXISTS;
    added = fake_add_user(fake, name, NULL);
    added->password_hash = set_text(added->texts[2], call->account->password_hash.ptr);
    added->pin_hash = set_text(added->texts[3], call->account->pin_hash.ptr);
    call->result->user = &added->user;
    return DM_OK;
}

static enum dm_status do_mark(struct fake_store *fake, const struct store_mark *mark) {
    size_t at = fake->mark_count++ % 4096;
    fake->marks[at].thread_id = mark->thread_id;
    fake->marks[at].user_id = mark->user_id;
    fake->marks[at].from = mark->from;
    fake->marks[at].to = mark->to;
    return DM_OK;
}

static enum dm_status do_call(struct fake_store *fake, struct store_request *request) {
    struct store_call *call = (struct store_call *)request;
    switch (request->kind) {
    case STORE_APPEND: return do_append(fake, (struct store_append *)request);
    case STORE_MARK_DELIVERED: return do_mark(fake, (struct store_mark *)request);
    case STORE_DIRECT_OPEN: return do_open(fake, call);
    case STORE_THREAD_FIND: return do_thread_find(fake, call);
    case STORE_MEMBERS: return do_members(fake, call);
    case STORE_USER_FIND: return do_user_find(fake, call);
    case STORE_USERS_FIND: return do_users_find(fake, call);
    case STORE_USER_CREATE: return do_user_create(fake, call);
    case STORE_FRIENDS_CHECK: call->result->count = fake->friends; return DM_OK;
    case STORE_REVOKED_LIST:
        call->ret_fingerprints = (const uint8_t (*)[STORE_FINGERPRINT_LEN])fake->revoked;
        call->ret_fingerprint_count = fake->revoked_count;
        return DM_OK;
    case STORE_EVENTS:
    case STORE_THREADS_TOUCHED:
        return fake->events ? fake->events(fake, call) : DM_OK;
    case STORE_COMMAND:
        if (call->command->kind == DM_CMD_APPROVE)
            return do_approve(fake, call);
        return fake->command ? fake->command(fake, call) : DM_INTERNAL;
    default: return DM_INTERNAL;
    }
}

size_t fake_waiting(const struct fake_store *fake, enum store_kind kind) {
    size_t count = 0;
    list_foreach(it, &fake->pending)
        count += container_of(it, struct store_request, link)->kind == kind;
    return count;
}

/* Requests that wait keep back those behind them in their lane. */
static int is_behind(uint64_t lane, const uint64_t *lanes, size_t count) {
    for (size_t i = 0; lane && i < count; i++) {
        if (lanes[i] == lane)
            return 1;
    }
    return 0;
}

size_t fake_store_run(struct fake_store *fake) {
    struct list batch, kept;
    struct list *link;
    uint64_t lanes[256];
    size_t lane_count = 0, done = 0;
    list_init(&batch);
    list_init(&kept);
    list_splice_back(&batch, &fake->pending);
    while ((link = list_pop_front(&batch))) {
        struct store_request *request = container_of(link, struct store_request, link);
        enum dm_status status = fake->fail[request->kind];
        if ((fake->held_kinds & 1u << request->kind)
            || (!store_is_read(request) && is_behind(request->lane, lanes, lane_count))) {
            list_push_back(&kept, link);
            if (!store_is_read(request) && lane_count < 256)
                lanes[lane_count++] = request->lane;
            continue;
        }
        fake->counts[request->kind]++;
        if (status == DM_OK)
            status = do_call(fake, request);
        request->done(request, status);
        done++;
    }
    list_splice_back(&kept, &fake->pending);
    list_splice_back(&fake->pending, &kept);
    return done;
}
