/* The requests: queued, watched, answered. */
#include "core/kit/memory.h"

#include <stdlib.h>

#include "core/base/mem.h"
#include "core/kit/memory_internal.h"

static struct memory *memory_of(struct store *store) {
    return container_of(store, struct memory, store);
}

static enum dm_status revoke_token(struct memory *memory, const struct store_call *call) {
    struct memory_token *token = arena_zalloc(&memory->arena, sizeof(*token));
    memcpy(token->fingerprint, call->fingerprint, sizeof(token->fingerprint));
    list_push_back(&memory->tokens, &token->link);
    return DM_OK;
}

static enum dm_status list_revoked(struct memory *memory, struct store_call *call) {
    size_t count = 0;
    list_foreach(it, &memory->tokens)
        count++;
    uint8_t (*all)[STORE_FINGERPRINT_LEN] = arena_alloc(call->arena, count * sizeof(*all));
    count = 0;
    list_foreach(it, &memory->tokens)
        memcpy(all[count++], container_of(it, struct memory_token, link)->fingerprint,
               STORE_FINGERPRINT_LEN);
    call->ret_fingerprints = (const uint8_t (*)[STORE_FINGERPRINT_LEN])all;
    call->ret_fingerprint_count = count;
    return DM_OK;
}

static enum dm_status carry_out(struct memory *memory, struct store_request *request) {
    struct store_call *call = (struct store_call *)request;
    switch (request->kind) {
    case STORE_APPEND: return memory_append(memory, (struct store_append *)request);
    case STORE_MARK_DELIVERED: return memory_mark(memory, (struct store_mark *)request);
    case STORE_COMMAND: return memory_command(memory, call);
    case STORE_DIRECT_OPEN: return memory_open(memory, call, call->other_id);
    case STORE_THREAD_FIND: return memory_find_thread(memory, call);
    case STORE_MEMBERS: return memory_members(memory, call);
    case STORE_USER_FIND:
    case STORE_USERS_FIND:
    case STORE_USER_CREATE:
    case STORE_USER_UPDATE:
    case STORE_USER_PAGE: return memory_do_user(memory, call);
    case STORE_FRIENDS_CHECK: return memory_do_friend(memory, call);
    case STORE_TOKEN_REVOKE: return revoke_token(memory, call);
    case STORE_REVOKED_LIST: return list_revoked(memory, call);
    case STORE_EVENTS: /* of other nodes, which there are none of */
    case STORE_THREADS_TOUCHED: break;
    }
    return DM_INTERNAL;
}

static void answer(struct memory *memory, struct store_request *request) {
    enum dm_status status = DM_UNAVAILABLE;
    memory->pending_count--;
    if (memory->mood != MEMORY_AWAY) {
        if (memory->watch)
            memory->watch(memory->watch_owner, request);
        status = carry_out(memory, request);
    }
    request->done(request, status);
}

static void on_turn(struct loop_hook *hook) {
    struct memory *memory = container_of(hook, struct memory, turn);
    struct list *link;
    while (memory->mood != MEMORY_HOLDS && (link = list_pop_front(&memory->pending)))
        answer(memory, container_of(link, struct store_request, link));
    while (memory->mood != MEMORY_HOLDS && (link = list_pop_front(&memory->file_pending)))
        memory_file_request(memory, container_of(link, struct file_request, link));
}

static void submit(struct store *store, struct store_request *request) {
    struct memory *memory = memory_of(store);
    list_push_back(&memory->pending, &request->link);
    memory->pending_count++;
    loop_hook_mark(memory->loop, &memory->turn, LOOP_DEFER);
}

static size_t pending(const struct store *store) {
    return memory_of((struct store *)store)->pending_count;
}

static enum store_state state(const struct store *store) {
    return memory_of((struct store *)store)->mood == MEMORY_AWAY ? STORE_DOWN : STORE_UP;
}

static void submit_file(struct file_store *store, struct file_request *request) {
    struct memory *memory = container_of(store, struct memory, files_port);
    list_push_back(&memory->file_pending, &request->link);
    loop_hook_mark(memory->loop, &memory->turn, LOOP_DEFER);
}

struct memory *memory_new(struct loop *loop) {
    static const struct store_ops ops = { submit, pending, state };
    static const struct file_store_ops file_ops = { submit_file };
    struct memory *memory = mem_zalloc(sizeof(*memory));
    struct list *const lists[] = { &memory->pending, &memory->file_pending, &memory->users,
                                   &memory->threads, &memory->files, &memory->bonds,
                                   &memory->tokens };
    memory->store.ops = &ops;
    memory->files_port.ops = &file_ops;
    memory->loop = loop;
    memory->last_user = DM_USER_ID_FIRST - 1;
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
        list_init(lists[i]);
    arena_init(&memory->arena, 65536);
    loop_hook_init(&memory->turn, on_turn);
    return memory;
}

void memory_free(struct memory *memory) {
    if (!memory)
        return;
    loop_hook_cancel(&memory->turn);
    arena_fini(&memory->arena);
    free(memory);
}

struct store *memory_store(struct memory *memory) {
    return &memory->store;
}

struct file_store *memory_files(struct memory *memory) {
    return &memory->files_port;
}

void memory_set(struct memory *memory, enum memory_mood mood) {
    memory->mood = mood;
    loop_hook_mark(memory->loop, &memory->turn, LOOP_DEFER);
}

enum memory_mood memory_mood(const struct memory *memory) {
    return memory->mood;
}

void memory_set_watch(struct memory *memory, memory_watch_fn *watch, void *owner) {
    memory->watch = watch;
    memory->watch_owner = owner;
}
