#include "core/engine/session.h"

#include <assert.h>
#include <stdlib.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/engine/catchup.h"
#include "core/engine/commands.h"
#include "core/engine/core.h"
#include "core/engine/strand.h"
#include "core/engine/submit.h"

/* A confirmation that waits for its message's release. */
struct held {
    struct list link;
    int64_t message_id;
    size_t len;
    char cookie[];
};

static void set_state(struct engine_session *session, enum engine_session_state state) {
    assert(session->state != ENGINE_SESSION_CLOSED);
    session->state = (uint8_t)state;
}

void engine_session_open(struct engine *engine, struct engine_session *session, uint32_t flags,
                         const char *adapter) {
    session->engine = engine;
    session->flags = (uint8_t)flags;
    session->counters = counters_of_adapter(&engine->counters, adapter);
    list_init(&session->user_link);
    list_push_front(&engine->sessions, &session->all_link);
}

void engine_each_session(const struct engine *engine, engine_visit_fn visit, void *owner) {
    list_foreach(link, &engine->sessions)
        visit(owner, container_of(link, struct engine_session, all_link));
}

static void forget(struct engine_session *session, struct held *held) {
    list_remove(&held->link);
    session->kept->held_count--;
    free(held);
}

struct session_kept *session_kept(struct engine_session *session) {
    if (!session->kept) {
        session->kept = mem_zalloc(sizeof(*session->kept));
        list_init(&session->kept->watches);
        list_init(&session->kept->held);
    }
    return session->kept;
}

static void drop_kept(struct engine_session *session) {
    struct list *link;
    presence_unwatch_all(session);
    while (session->kept && (link = list_front(&session->kept->held)))
        forget(session, container_of(link, struct held, link));
    if (session->kept)
        free(session->kept->list);
    free(session->kept);
    session->kept = NULL;
}

/* Takes away all that belongs to the principal. */
static void leave_user(struct engine_session *session) {
    struct engine *engine = session->engine;
    struct engine_user *user = session->user;
    if (!user)
        return;
    drop_kept(session);
    catchup_end(session);
    router_leave(engine, &session->user_link);
    list_remove(&session->user_link);
    session->user = NULL;
    counters_sessions(&engine->counters, -1);
    memset(session->fingerprint, 0, sizeof(session->fingerprint));
    if (session->flags & ENGINE_SESSION_PRESENCE)
        presence_remove(engine, user);
    /* Who comes back, maybe to another node, is not shown again what this session was. */
    marks_hasten(engine);
    engine_user_unref(engine, user);
}

void engine_session_close(struct engine_session *session) {
    struct engine *engine = session->engine;
    if (session->strand) {
        strand_orphan(session->strand);
        session->strand = NULL;
        if (!list_is_empty(&engine->delayed))
            engine_wake_at(engine, 0);
    }
    leave_user(session);
    router_leave(engine, &session->all_link);
    list_remove(&session->all_link);
    /* What waits for its turn waits for nobody. */
    if (list_is_empty(&engine->sessions) && !list_is_empty(&engine->out_of_order))
        engine_wake_at(engine, 0);
    set_state(session, ENGINE_SESSION_CLOSED);
}

const struct dm_user *engine_session_user(const struct engine_session *session) {
    return session->user ? session->user->user : NULL;
}

uint32_t engine_session_backlog(const struct engine_session *session) {
    return session->strand ? session->strand->backlog : 0;
}

void engine_submit(struct engine_session *session, const struct dm_command *command,
                   struct dm_slice cookie) {
    struct engine *engine = session->engine;
    uint32_t backlog = engine_session_backlog(session);
    struct operation *op;
    const char *field = NULL;
    enum dm_status status;
    if (session->state == ENGINE_SESSION_CLOSED)
        return;
    op = operation_new(engine, strand_of(session));
    op->begun_ns = clock_mono_ns();
    op->cookie = arena_slice(&op->arena, cookie);
    if (backlog >= engine->config.queue_max) {
        op->command.kind = command->size >= offsetof(struct dm_command, flags) ? command->kind
                                                                              : DM_CMD_NONE;
        operation_finish(op, DM_LIMITED);
    } else {
        status = submit_copy(op, command, &field);
        if (status != DM_OK)
            operation_refuse(op, status, field);
    }
    if (engine->observer)
        engine->observer->command(engine->observer->owner, session, op->corr, &op->command);
    if (session->user)
        catchup_begin(session, &op->command);
    strand_push(op->strand, op);
}

void session_set_user(struct engine_session *session, struct engine_user *user,
                      const uint8_t *fingerprint) {
    engine_user_ref(user);
    session->user = user;
    list_push_back(&user->sessions, &session->user_link);
    if (fingerprint)
        memcpy(session->fingerprint, fingerprint, sizeof(session->fingerprint));
    set_state(session, ENGINE_SESSION_KNOWN);
    counters_sessions(&session->engine->counters, 1);
    if (session->flags & ENGINE_SESSION_PRESENCE)
        presence_add(session->engine, user);
}

void session_revoke(struct engine_session *session) {
    struct engine *engine = session->engine;
    log_event(LOG_LEVEL_INFO, "principal revoked", LOG_INT("user", session->user->id),
              LOG_STR("adapter", session->counters->adapter));
    leave_user(session);
    set_state(session, ENGINE_SESSION_NEW);
    engine->client->revoked(session);
}

void session_revoke_user(struct engine *engine, struct engine_user *user) {
    struct router_cursor cursor;
    struct list *link;
    engine_user_ref(user);
    router_walk(engine, &cursor, &user->sessions);
    while ((link = router_step(&cursor)))
        session_revoke(container_of(link, struct engine_session, user_link));
    router_walk_end(engine, &cursor);
    engine_user_unref(engine, user);
}

static struct held *find_held(const struct engine_session *session, int64_t message_id) {
    if (!session->kept)
        return NULL;
    list_foreach(it, &session->kept->held) {
        struct held *held = container_of(it, struct held, link);
        if (held->message_id == message_id)
            return held;
    }
    return NULL;
}

void session_hold(struct engine_session *session, int64_t message_id, struct dm_slice cookie) {
    struct session_kept *kept;
    struct held *held;
    if (!cookie.ptr)
        return;
    kept = session_kept(session);
    if (kept->held_count >= session->engine->config.held_max)
        forget(session, container_of(list_front(&kept->held), struct held, link));
    held = mem_alloc(sizeof(*held) + cookie.len);
    held->message_id = message_id;
    held->len = cookie.len;
    memcpy(held->cookie, cookie.ptr, cookie.len);
    list_push_back(&kept->held, &held->link);
    kept->held_count++;
}

void *session_take_held(struct engine_session *session, int64_t message_id,
                        struct dm_slice *ret_cookie) {
    struct held *held = find_held(session, message_id);
    *ret_cookie = DM_SLICE_NONE;
    if (!held)
        return NULL;
    list_remove(&held->link);
    session->kept->held_count--;
    *ret_cookie = (struct dm_slice){ held->cookie, held->len };
    return held;
}
