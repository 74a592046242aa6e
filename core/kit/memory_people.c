/* Accounts and friends in memory. */
#include <ctype.h>

#include "core/base/clock.h"
#include "core/base/random.h"
#include "core/kit/memory_internal.h"

/* E-mails are the same whatever the case of their letters; usernames are not. */
static int same_name(struct dm_slice a, struct dm_slice b) {
    if (!a.ptr || a.len != b.len)
        return 0;
    if (!memchr(a.ptr, '@', a.len))
        return dm_slice_eq(a, b);
    for (size_t i = 0; i < a.len; i++)
        if (tolower((unsigned char)a.ptr[i]) != tolower((unsigned char)b.ptr[i]))
            return 0;
    return 1;
}

static int is_named(const struct dm_user *user, const struct dm_ref *ref) {
    switch (ref->kind) {
    case DM_REF_ID: return user->id == ref->id;
    case DM_REF_UUID: return dm_uuid_eq(&user->uuid, &ref->uuid);
    case DM_REF_NAME: return same_name(ref->name, user->username) ||
                             same_name(ref->name, user->email);
    case DM_REF_NONE: break;
    }
    return 0;
}

struct memory_user *memory_user(struct memory *memory, const struct dm_ref *ref) {
    list_foreach(it, &memory->users) {
        struct memory_user *user = container_of(it, struct memory_user, link);
        if (is_named(&user->user, ref))
            return user;
    }
    return NULL;
}

struct memory_user *memory_active_user(struct memory *memory, const struct dm_ref *ref) {
    struct memory_user *user = memory_user(memory, ref);
    return user && user->user.flags & DM_USER_ACTIVE ? user : NULL;
}

const struct dm_user *memory_user_shown(struct memory *memory, int64_t id) {
    const struct dm_ref ref = dm_ref_id(id);
    struct memory_user *user = id ? memory_user(memory, &ref) : NULL;
    return user ? &user->user : NULL;
}

static int name_is_taken(struct memory *memory, struct dm_slice name) {
    const struct dm_ref ref = dm_ref_name(name);
    return name.ptr && memory_user(memory, &ref);
}

static void take(struct memory *memory, struct dm_slice *slot, struct dm_slice value) {
    if (value.ptr)
        *slot = arena_slice(&memory->arena, value);
}

static void fill(struct memory *memory, struct memory_user *user,
                 const struct store_account *account) {
    const struct dm_profile *profile = &account->profile;
    take(memory, &user->user.username, profile->username);
    take(memory, &user->user.email, profile->email);
    take(memory, &user->user.first_name, profile->first_name);
    take(memory, &user->user.last_name, profile->last_name);
    take(memory, &user->user.photo, profile->photo);
    take(memory, &user->user.color, profile->color);
    take(memory, &user->user.role, profile->role);
    take(memory, &user->user.location, profile->location);
    take(memory, &user->password_hash, account->password_hash);
    take(memory, &user->pin_hash, account->pin_hash);
    if (account->activity != STORE_KEEP)
        user->user.flags = account->activity == STORE_ACTIVATE ? DM_USER_ACTIVE : 0;
}

static enum dm_status create(struct memory *memory, struct store_call *call) {
    const struct store_account *account = call->account;
    if (name_is_taken(memory, account->profile.username) ||
        name_is_taken(memory, account->profile.email))
        return DM_EXISTS;
    struct memory_user *user = arena_zalloc(&memory->arena, sizeof(*user));
    user->user.id = account->id ? account->id : ++memory->last_user;
    user->user.uuid = account->uuid;
    if (dm_uuid_is_nil(&account->uuid))
        uuid_new_v7(&user->user.uuid);
    user->user.flags = DM_USER_ACTIVE;
    user->user.created_us = clock_real_us();
    fill(memory, user, account);
    list_push_back(&memory->users, &user->link);
    call->result->user = &user->user;
    call->result->flags = DM_RESULT_CREATED | DM_RESULT_CHANGED;
    return DM_OK;
}

static enum dm_status update(struct memory *memory, struct store_call *call) {
    const struct dm_ref ref = dm_ref_id(call->other_id);
    struct memory_user *user = memory_user(memory, &ref);
    if (!user)
        return DM_NO_USER;
    fill(memory, user, call->account);
    call->result->user = &user->user;
    call->result->flags = DM_RESULT_CHANGED;
    return DM_OK;
}

static enum dm_status find(struct memory *memory, struct store_call *call) {
    struct memory_user *user = memory_user(memory, &call->command->user);
    if (!user)
        return DM_NO_USER;
    call->result->user = &user->user;
    call->ret_account = (struct store_account){
        .id = user->user.id, .uuid = user->user.uuid, .password_hash = user->password_hash,
        .pin_hash = user->pin_hash,
        .activity = user->user.flags & DM_USER_ACTIVE ? STORE_ACTIVATE : STORE_DEACTIVATE,
    };
    return DM_OK;
}

static void show_users(struct store_call *call, const struct dm_user **users, size_t count) {
    call->result->users = users;
    call->result->user_count = count;
}

static size_t count_users(const struct memory *memory) {
    size_t count = 0;
    list_foreach(it, &memory->users)
        count++;
    return count;
}

static enum dm_status find_many(struct memory *memory, struct store_call *call) {
    const struct dm_command *command = call->command;
    const struct dm_user **users = arena_alloc(call->arena,
                                               (command->user_count + 1) * sizeof(*users));
    size_t count = 0;
    for (size_t i = 0; i < command->user_count; i++) {
        struct memory_user *user = memory_user(memory, &command->users[i]);
        if (user)
            users[count++] = &user->user;
    }
    show_users(call, users, count);
    return DM_OK;
}

enum inactive { WITHOUT_INACTIVE, WITH_INACTIVE };

static enum dm_status page(struct memory *memory, struct store_call *call,
                           enum inactive inactive) {
    const struct dm_user **users = arena_alloc(call->arena,
                                               (count_users(memory) + 1) * sizeof(*users));
    uint32_t limit = call->command->limit ? call->command->limit : MEMORY_PAGE;
    size_t count = 0;
    list_foreach(it, &memory->users) {
        const struct dm_user *user = &container_of(it, struct memory_user, link)->user;
        if ((uint64_t)user->id <= call->command->cursor || user->id == call->actor_id ||
            (inactive == WITHOUT_INACTIVE && !(user->flags & DM_USER_ACTIVE)))
            continue;
        if (count == limit) {
            call->result->next_cursor = (uint64_t)users[count - 1]->id;
            break;
        }
        users[count++] = user;
    }
    show_users(call, users, count);
    return DM_OK;
}

static enum dm_status get(struct memory *memory, struct store_call *call) {
    const struct dm_ref myself = dm_ref_id(call->actor_id);
    const struct dm_ref *ref = &call->command->user;
    struct memory_user *user =
        memory_active_user(memory, ref->kind == DM_REF_NONE ? &myself : ref);
    if (!user)
        return DM_NO_USER;
    call->result->user = &user->user;
    return DM_OK;
}

enum dm_status memory_do_user(struct memory *memory, struct store_call *call) {
    switch (call->base.kind) {
    case STORE_USER_FIND: return find(memory, call);
    case STORE_USERS_FIND: return find_many(memory, call);
    case STORE_USER_CREATE: return create(memory, call);
    case STORE_USER_UPDATE: return update(memory, call);
    case STORE_USER_PAGE: return page(memory, call, WITH_INACTIVE);
    default:
        return call->command->kind == DM_CMD_USER_LIST ? page(memory, call, WITHOUT_INACTIVE)
                                                       : get(memory, call);
    }
}

int64_t *memory_named_users(struct memory *memory, struct store_call *call, size_t *ret_count) {
    const struct dm_command *command = call->command;
    int64_t *ids = arena_alloc(call->arena, (command->user_count + 1) * sizeof(*ids));
    size_t count = 0;
    for (size_t i = 0; i < command->user_count; i++) {
        struct memory_user *user = memory_active_user(memory, &command->users[i]);
        size_t at = 0;
        if (!user)
            return NULL;
        while (at < count && ids[at] != user->user.id)
            at++;
        ids[at] = user->user.id;
        count += at == count;
    }
    *ret_count = count;
    return ids;
}

/* ---- friends ---- */

static struct memory_bond *bond(struct memory *memory, int64_t from_id, int64_t to_id) {
    list_foreach(it, &memory->bonds) {
        struct memory_bond *found = container_of(it, struct memory_bond, link);
        if ((found->from_id == from_id && found->to_id == to_id) ||
            (found->state == MEMORY_FRIENDS && found->from_id == to_id &&
             found->to_id == from_id))
            return found;
    }
    return NULL;
}

static int are_friends(struct memory *memory, int64_t a, int64_t b) {
    const struct memory_bond *found = bond(memory, a, b);
    return found && found->state == MEMORY_FRIENDS;
}

static enum dm_status list_friends(struct memory *memory, struct store_call *call) {
    const struct dm_user **users = arena_alloc(call->arena,
                                               (count_users(memory) + 1) * sizeof(*users));
    size_t count = 0;
    list_foreach(it, &memory->users) {
        const struct dm_user *user = &container_of(it, struct memory_user, link)->user;
        if (are_friends(memory, user->id, call->actor_id))
            users[count++] = user;
    }
    show_users(call, users, count);
    return DM_OK;
}

/* In the order in which they asked. */
static enum dm_status list_askers(struct memory *memory, struct store_call *call) {
    const struct dm_user **users = arena_alloc(call->arena,
                                               (count_users(memory) + 1) * sizeof(*users));
    size_t count = 0;
    list_foreach(it, &memory->bonds) {
        const struct memory_bond *asked = container_of(it, struct memory_bond, link);
        if (asked->state == MEMORY_ASKED && asked->to_id == call->actor_id)
            users[count++] = memory_user_shown(memory, asked->from_id);
    }
    show_users(call, users, count);
    return DM_OK;
}

static enum dm_status ask(struct memory *memory, struct store_call *call, int64_t id) {
    if (id == call->actor_id)
        return DM_SELF;
    if (are_friends(memory, id, call->actor_id))
        return DM_EXISTS;
    if (bond(memory, call->actor_id, id))
        return DM_OK;
    struct memory_bond *asked = arena_zalloc(&memory->arena, sizeof(*asked));
    asked->from_id = call->actor_id;
    asked->to_id = id;
    list_push_back(&memory->bonds, &asked->link);
    call->result->flags = DM_RESULT_CREATED | DM_RESULT_CHANGED;
    return DM_OK;
}

static enum dm_status decide(struct memory *memory, struct store_call *call, int64_t id) {
    struct memory_bond *asked = bond(memory, id, call->actor_id);
    struct memory_bond *mine = bond(memory, call->actor_id, id);
    if (!asked || asked->state != MEMORY_ASKED)
        return DM_NO_REQUEST;
    call->result->flags = DM_RESULT_CHANGED;
    if (call->command->kind == DM_CMD_FRIEND_ACCEPT) {
        if (mine)
            list_remove(&mine->link);
        asked->state = MEMORY_FRIENDS;
    } else {
        list_remove(&asked->link);
    }
    return DM_OK;
}

enum dm_status memory_do_friend(struct memory *memory, struct store_call *call) {
    if (call->base.kind == STORE_FRIENDS_CHECK) {
        call->result->count = (uint64_t)are_friends(memory, call->actor_id, call->other_id);
        return DM_OK;
    }
    if (call->command->kind == DM_CMD_FRIEND_LIST)
        return list_friends(memory, call);
    if (call->command->kind == DM_CMD_FRIEND_PENDING)
        return list_askers(memory, call);
    struct memory_user *user = memory_active_user(memory, &call->command->user);
    if (!user)
        return DM_NO_USER;
    call->result->user = &user->user;
    return call->command->kind == DM_CMD_FRIEND_REQUEST ? ask(memory, call, user->user.id)
                                                        : decide(memory, call, user->user.id);
}
