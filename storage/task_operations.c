/* The statement of each command and call, and its parameters. */
#include "core/base/random.h"
#include "storage/task.h"

#define USERS_LIMIT 100
#define THREADS_LIMIT 20
#define HISTORY_LIMIT 50
#define ROWS_MAX 10000

static int32_t limit_of(const struct task *task, int32_t otherwise) {
    uint32_t limit = task->call->command->limit;
    return limit == 0 ? otherwise : limit > ROWS_MAX ? ROWS_MAX : (int32_t)limit;
}

static int64_t bound(uint64_t value) {
    return value > (uint64_t)INT64_MAX ? INT64_MAX : (int64_t)value;
}

/* A reference is three parameters, of which the one that counts is not NULL. */
static void encode_ref(struct pg_args *args, const struct dm_ref *ref) {
    if (ref->kind == DM_REF_ID)
        pg_args_int8(args, ref->id);
    else
        pg_args_null(args);
    pg_args_uuid(args, ref->kind == DM_REF_UUID ? &ref->uuid : NULL);
    pg_args_text(args, ref->kind == DM_REF_NAME ? ref->name : DM_SLICE_NONE);
}

/* References as three parallel arrays. */
static void encode_refs(struct pg_args *args, const struct dm_ref *refs, size_t count) {
    pg_args_array(args, PG_INT8);
    for (size_t i = 0; i < count; i++) {
        if (refs[i].kind == DM_REF_ID)
            pg_args_item_int8(args, refs[i].id);
        else
            pg_args_item_null(args);
    }
    pg_args_array_end(args);
    pg_args_array(args, PG_UUID);
    for (size_t i = 0; i < count; i++) {
        if (refs[i].kind == DM_REF_UUID)
            pg_args_item(args, refs[i].uuid.bytes, sizeof(refs[i].uuid.bytes));
        else
            pg_args_item_null(args);
    }
    pg_args_array_end(args);
    pg_args_array(args, PG_TEXT);
    for (size_t i = 0; i < count; i++) {
        if (refs[i].kind == DM_REF_NAME)
            pg_args_item(args, refs[i].name.ptr, refs[i].name.len);
        else
            pg_args_item_null(args);
    }
    pg_args_array_end(args);
}

static void encode_uuid(struct pg_args *args, const struct dm_uuid *uuid) {
    struct dm_uuid made;
    if (dm_uuid_is_nil(uuid)) {
        uuid_new_v7(&made);
        uuid = &made;
    }
    pg_args_uuid(args, uuid);
}

static void encode_actor(const struct task *task, struct pg_args *args) {
    pg_args_int8(args, task->call->actor_id);
}

static void encode_actor_thread(const struct task *task, struct pg_args *args) {
    encode_actor(task, args);
    pg_args_int8(args, task->call->thread_id);
}

static void encode_actor_user(const struct task *task, struct pg_args *args) {
    encode_actor(task, args);
    encode_ref(args, &task->call->command->user);
}

static void encode_actor_message(const struct task *task, struct pg_args *args) {
    encode_actor(task, args);
    pg_args_int8(args, task->call->command->message.id);
}

/* A thread, or the direct thread with a user. */
static void encode_thread_ref(const struct task *task, struct pg_args *args) {
    encode_actor_thread(task, args);
    encode_ref(args, &task->call->command->user);
    pg_args_bool(args, (task->call->command->flags & DM_CMD_DIRECT_ONLY) != 0);
}

static void encode_user_list(const struct task *task, struct pg_args *args) {
    encode_actor(task, args);
    pg_args_int4(args, limit_of(task, USERS_LIMIT));
    pg_args_int8(args, bound(task->call->command->cursor));
    pg_args_bool(args, task->call->base.kind == STORE_USER_PAGE);
}

static void encode_thread_list(const struct task *task, struct pg_args *args) {
    const struct dm_command *command = task->call->command;
    int64_t cursor = bound(command->cursor);
    int64_t before = command->before_id;
    encode_actor(task, args);
    pg_args_int4(args, limit_of(task, THREADS_LIMIT));
    pg_args_int8(args, before > 0 && (cursor == 0 || before < cursor) ? before : cursor);
    pg_args_bool(args, (command->flags & DM_CMD_DIRECT_ONLY) != 0);
    /* One more says whether there is a further page. */
    pg_args_int4(args, task->call->behind_max ? (int32_t)task->call->behind_max : 1);
}

void task_cut_list(struct task *task) {
    struct store_call *call = task->call;
    struct outcome *outcome = &task->outcome;
    size_t page = (size_t)limit_of(task, THREADS_LIMIT);
    if (outcome->thread_count <= page)
        return;
    if (call->behind_max) {
        call->ret_threads = outcome->threads + page;
        call->ret_thread_count = outcome->thread_count - page;
    }
    outcome->thread_count = page;
}

static void encode_listed(const struct task *task, struct pg_args *args) {
    pg_args_int8s(args, task->call->listed, task->call->listed_count);
}

static void encode_history(const struct task *task, struct pg_args *args) {
    const struct dm_command *command = task->call->command;
    encode_thread_ref(task, args);
    pg_args_int4(args, command->flags & DM_CMD_WITHOUT_BODIES ? 0 : limit_of(task, HISTORY_LIMIT));
    pg_args_int8(args, bound(command->before));
    pg_args_int8(args, command->before_id);
    pg_args_int8(args, bound(command->offset));
    pg_args_int8(args, command->flags & DM_CMD_ASCENDING ? bound(command->cursor) : -1);
}

static void encode_undelivered(const struct task *task, struct pg_args *args) {
    const struct dm_command *command = task->call->command;
    encode_actor(task, args);
    pg_args_int4(args, limit_of(task, HISTORY_LIMIT));
    pg_args_bool(args, (command->flags & DM_CMD_DIRECT_ONLY) != 0);
    pg_args_bool(args, (command->flags & DM_CMD_TOLD_LATER) != 0);
    pg_args_int8(args, bound(command->cursor));
}

static void encode_chat_create(const struct task *task, struct pg_args *args) {
    const struct dm_command *command = task->call->command;
    encode_actor(task, args);
    encode_uuid(args, &task->call->uuid);
    pg_args_text(args, command->title);
    encode_refs(args, command->users, command->user_count);
    pg_args_int4(args, (int32_t)task->chat_members);
    pg_args_bool(args, task->call->gate == STORE_GATED);
}

static void encode_chat_update(const struct task *task, struct pg_args *args) {
    encode_actor_thread(task, args);
    pg_args_text(args, task->call->command->title);
}

static void encode_chat_remove(const struct task *task, struct pg_args *args) {
    encode_actor_thread(task, args);
    encode_refs(args, task->call->command->users, task->call->command->user_count);
}

static void encode_chat_add(const struct task *task, struct pg_args *args) {
    encode_chat_remove(task, args);
    pg_args_int4(args, (int32_t)task->chat_members);
}

static void encode_friends(const struct task *task, struct pg_args *args) {
    encode_actor(task, args);
    pg_args_bool(args, task->call->command->kind == DM_CMD_FRIEND_PENDING);
}

static void encode_friend_answer(const struct task *task, struct pg_args *args) {
    encode_actor_user(task, args);
    pg_args_bool(args, task->call->command->kind == DM_CMD_FRIEND_ACCEPT);
}

static void encode_direct_open(const struct task *task, struct pg_args *args) {
    encode_actor(task, args);
    pg_args_int8(args, task->call->other_id);
    pg_args_bool(args, task->call->gate == STORE_GATED);
    encode_uuid(args, &task->call->uuid);
}

static void encode_friends_check(const struct task *task, struct pg_args *args) {
    encode_actor(task, args);
    pg_args_int8(args, task->call->other_id);
}

static void encode_thread_find(const struct task *task, struct pg_args *args) {
    const struct store_call *call = task->call;
    const struct dm_command *command = call->command;
    int64_t id = call->thread_id;
    int64_t message = 0;
    const struct dm_uuid *uuid = NULL;
    if (!id && command) {
        id = command->thread.kind == DM_REF_ID ? command->thread.id : 0;
        uuid = command->thread.kind == DM_REF_UUID ? &command->thread.uuid : NULL;
        message = command->message.kind == DM_REF_ID ? command->message.id : 0;
    }
    encode_actor(task, args);
    pg_args_int8(args, id);
    pg_args_uuid(args, uuid);
    pg_args_int8(args, message);
    pg_args_int8(args, call->other_id);
}

static void encode_members(const struct task *task, struct pg_args *args) {
    encode_actor_thread(task, args);
    pg_args_null(args);
    pg_args_int8(args, 0);
    pg_args_int8(args, 0);
}

static void encode_account_find(const struct task *task, struct pg_args *args) {
    encode_ref(args, &task->call->command->user);
}

static void encode_users_find(const struct task *task, struct pg_args *args) {
    const struct dm_command *command = task->call->command;
    pg_args_array(args, PG_INT8);
    for (size_t i = 0; i < command->user_count; i++)
        if (command->users[i].kind == DM_REF_ID)
            pg_args_item_int8(args, command->users[i].id);
    pg_args_array_end(args);
}

static void encode_account(const struct store_account *account, struct pg_args *args) {
    const struct dm_profile *p = &account->profile;
    const struct dm_slice texts[] = { p->username, p->email, p->first_name, p->last_name,
                                      p->photo, p->color, p->role, p->location,
                                      account->password_hash, account->pin_hash };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        pg_args_text(args, texts[i]);
}

static void encode_user_create(const struct task *task, struct pg_args *args) {
    const struct store_account *account = task->call->account;
    pg_args_int8(args, account->id);
    encode_uuid(args, dm_uuid_is_nil(&account->uuid) ? &task->call->uuid : &account->uuid);
    encode_account(account, args);
    pg_args_bool(args, account->activity != STORE_DEACTIVATE);
}

static void encode_user_update(const struct task *task, struct pg_args *args) {
    const struct store_account *account = task->call->account;
    pg_args_int8(args, task->call->other_id);
    encode_account(account, args);
    pg_args_int4(args, (int32_t)account->activity);
}

static void encode_token_revoke(const struct task *task, struct pg_args *args) {
    pg_args_bytea(args, task->call->fingerprint, STORE_FINGERPRINT_LEN);
    pg_args_time(args, task->call->expires_us);
}

static void encode_events(const struct task *task, struct pg_args *args) {
    const struct store_events *events = task->call->events;
    pg_args_int8(args, task->call->thread_id);
    pg_args_int8(args, bound(events->after_rev));
    pg_args_int8(args, bound(events->after_seq));
    pg_args_time(args, events->since_us);
    pg_args_int8(args, bound(events->before_rev));
}

static void encode_touched(const struct task *task, struct pg_args *args) {
    encode_users_find(task, args);
    pg_args_time(args, task->call->since_us);
}

static void encode_nothing(const struct task *task, struct pg_args *args) {
}

static const struct task_operation history_read = { ST_HISTORY_READ, encode_history,
                                                    LOOK_THREADS | LOOK_MESSAGES };

static const struct task_operation threads_listed = { ST_THREADS_LISTED, encode_listed,
                                                      LOOK_THREADS };

static const struct task_operation *command_operation(const struct dm_command *command) {
    static const struct task_operation table[] = {
        [DM_CMD_USER_LOOKUP] = { ST_USER_FIND, encode_actor_user, TAKE_USER },
        [DM_CMD_USER_GET] = { ST_USER_FIND, encode_actor_user, TAKE_USER },
        [DM_CMD_USER_LIST] = { ST_USER_PAGE, encode_user_list, 0 },
        [DM_CMD_THREAD_LIST] = { ST_THREAD_LIST, encode_thread_list, LOOK_THREADS },
        [DM_CMD_THREAD_GET] = { ST_THREAD_GET, encode_thread_ref, LOOK_THREADS },
        [DM_CMD_HISTORY] = { ST_HISTORY, encode_history, LOOK_THREADS | LOOK_MESSAGES },
        [DM_CMD_APPROVE] = { ST_APPROVE, encode_actor_thread, LOOK_THREADS | LOOK_MESSAGES },
        [DM_CMD_BLOCK] = { ST_BLOCK, encode_actor_thread, LOOK_THREADS },
        [DM_CMD_UNREAD_COUNT] = { ST_UNREAD_COUNT, encode_actor_user, 0 },
        [DM_CMD_CHAT_CREATE] = { ST_CHAT_CREATE, encode_chat_create,
                                 LOOK_THREADS | LOOK_RAW | LOOK_MEMBERS },
        [DM_CMD_CHAT_UPDATE] = { ST_CHAT_UPDATE, encode_chat_update,
                                 LOOK_THREADS | LOOK_RAW | LOOK_MEMBERS },
        [DM_CMD_CHAT_ADD] = { ST_CHAT_ADD, encode_chat_add,
                              LOOK_THREADS | LOOK_RAW | LOOK_MEMBERS },
        [DM_CMD_CHAT_REMOVE] = { ST_CHAT_REMOVE, encode_chat_remove,
                                 LOOK_THREADS | LOOK_RAW | LOOK_MEMBERS },
        [DM_CMD_READ] = { ST_READ, encode_thread_ref, LOOK_THREADS | LOOK_UUIDS },
        [DM_CMD_READ_ONE] = { ST_READ_ONE, encode_actor_message,
                              LOOK_THREADS | LOOK_MESSAGES | TAKE_MESSAGE },
        [DM_CMD_DELETE] = { ST_DELETE, encode_actor_message,
                            LOOK_THREADS | LOOK_UUIDS | LOOK_NEXT | TAKE_MESSAGE },
        [DM_CMD_UNDELIVERED] = { ST_UNDELIVERED, encode_undelivered, LOOK_MESSAGES },
        [DM_CMD_FRIEND_LIST] = { ST_FRIENDS, encode_friends, 0 },
        [DM_CMD_FRIEND_PENDING] = { ST_FRIENDS, encode_friends, 0 },
        [DM_CMD_FRIEND_REQUEST] = { ST_FRIEND_REQUEST, encode_actor_user, TAKE_USER },
        [DM_CMD_FRIEND_ACCEPT] = { ST_FRIEND_ANSWER, encode_friend_answer, TAKE_USER },
        [DM_CMD_FRIEND_DENY] = { ST_FRIEND_ANSWER, encode_friend_answer, TAKE_USER },
    };
    if (command->kind == DM_CMD_HISTORY && command->flags & DM_CMD_MARK_READ)
        return &history_read;
    if ((size_t)command->kind >= sizeof(table) / sizeof(table[0]) || !table[command->kind].encode)
        return NULL;
    return &table[command->kind];
}

const struct task_operation *task_operation_of(const struct store_call *call) {
    static const struct task_operation table[] = {
        [STORE_DIRECT_OPEN] = { ST_DIRECT_OPEN, encode_direct_open, LOOK_THREADS | LOOK_RAW },
        [STORE_THREAD_FIND] = { ST_THREAD_FIND, encode_thread_find, LOOK_RAW },
        [STORE_MEMBERS] = { ST_THREAD_FIND, encode_members, LOOK_RAW | LOOK_MEMBERS },
        [STORE_USER_FIND] = { ST_ACCOUNT_FIND, encode_account_find, LOOK_ACCOUNT | TAKE_USER },
        [STORE_USERS_FIND] = { ST_USERS_FIND, encode_users_find, 0 },
        [STORE_USER_CREATE] = { ST_USER_CREATE, encode_user_create, TAKE_USER },
        [STORE_USER_UPDATE] = { ST_USER_UPDATE, encode_user_update, TAKE_USER },
        [STORE_USER_PAGE] = { ST_USER_PAGE, encode_user_list, 0 },
        [STORE_TOKEN_REVOKE] = { ST_TOKEN_REVOKE, encode_token_revoke, 0 },
        [STORE_FRIENDS_CHECK] = { ST_FRIENDS_CHECK, encode_friends_check, 0 },
        [STORE_EVENTS] = { ST_EVENTS, encode_events, LOOK_RAW | LOOK_MEMBERS | LOOK_MESSAGES },
        [STORE_THREADS_TOUCHED] = { ST_THREADS_TOUCHED, encode_touched, 0 },
        [STORE_REVOKED_LIST] = { ST_REVOKED, encode_nothing, 0 },
    };
    if (call->base.kind == STORE_COMMAND)
        return call->listed ? &threads_listed : command_operation(call->command);
    if ((size_t)call->base.kind >= sizeof(table) / sizeof(table[0]) ||
        !table[call->base.kind].encode)
        return NULL;
    return &table[call->base.kind];
}
