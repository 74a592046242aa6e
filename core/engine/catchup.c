#include "core/engine/catchup.h"

#include <stdlib.h>

#include "core/base/mem.h"
#include "core/engine/copy.h"
#include "core/engine/core.h"

/* So many messages are kept; of more, the session learns when it asks again. */
#define KEPT_MAX 1000

/* How much later than the answer the event of a message in it may come. */
#define SHOWN_US INT64_C(10000000)

#define CHUNK 1024

struct kept {
    struct list link;
    struct arena arena;
    struct dm_event event;
    enum dm_audience audience;
};

struct catchup {
    struct list link;        /* engine's */
    struct engine_session *session;
    uint32_t asking;         /* commands not yet answered */
    uint32_t kept_count;
    struct list kept;
    struct map_u64 shown;    /* ids of messages that answers contained */
    int64_t until_us;        /* until then these are remembered */
    int *gone;               /* set when this is freed while kept messages are shown */
};

static void kept_free(struct catchup *catchup, struct kept *kept) {
    list_remove(&kept->link);
    catchup->kept_count--;
    arena_fini(&kept->arena);
    free(kept);
}

static void catchup_free(struct catchup *catchup) {
    struct list *link;
    while ((link = list_front(&catchup->kept)))
        kept_free(catchup, container_of(link, struct kept, link));
    if (catchup->gone)
        *catchup->gone = 1;
    catchup->session->catchup = NULL;
    list_remove(&catchup->link);
    map_u64_fini(&catchup->shown);
    free(catchup);
}

void catchup_begin(struct engine_session *session) {
    struct catchup *catchup = session->catchup;
    if (!catchup) {
        catchup = mem_zalloc(sizeof(*catchup));
        catchup->session = session;
        list_init(&catchup->kept);
        map_u64_init(&catchup->shown);
        list_push_back(&session->engine->catchups, &catchup->link);
        session->catchup = catchup;
    }
    catchup->asking++;
}

void catchup_end(struct engine_session *session) {
    if (session->catchup)
        catchup_free(session->catchup);
}

static void keep(struct catchup *catchup, const struct dm_event *event,
                 enum dm_audience audience) {
    struct kept *kept;
    if (catchup->kept_count >= KEPT_MAX)
        return;
    kept = mem_alloc(sizeof(*kept));
    arena_init(&kept->arena, CHUNK);
    kept->event = copy_message_event(&kept->arena, event);
    kept->audience = audience;
    list_push_back(&catchup->kept, &kept->link);
    catchup->kept_count++;
}

enum catchup_verdict catchup_meets(struct engine_session *session, const struct dm_event *event,
                                   const struct engine_view *view) {
    struct catchup *catchup = session->catchup;
    /* A release to its author bears a confirmation and shows no new message. */
    if (event->kind != DM_EVENT_MESSAGE
        && (event->kind != DM_EVENT_MESSAGE_RELEASED || view->audience != DM_AUDIENCE_MEMBER))
        return CATCHUP_PASS;
    if (map_u64_get(&catchup->shown, (uint64_t)event->message->id))
        return CATCHUP_SHOWN;
    if (!catchup->asking)
        return CATCHUP_PASS;
    keep(catchup, event, view->audience);
    return CATCHUP_KEPT;
}

static void remember(struct catchup *catchup, const struct dm_result *result) {
    struct engine *engine = catchup->session->engine;
    for (size_t i = 0; i < result->message_count; i++)
        map_u64_put(&catchup->shown, (uint64_t)result->messages[i]->id, catchup);
    catchup->until_us = engine_now_us(engine) + SHOWN_US;
    engine_wake_at(engine, catchup->until_us);
}

static void mark(struct engine *engine, const struct kept *kept, int64_t user_id) {
    const struct dm_message *message = kept->event.message;
    struct thread *thread = thread_cache_find_id(&engine->threads, message->thread_id);
    if (thread && kept->audience == DM_AUDIENCE_MEMBER)
        marks_delivered(engine, thread, user_id, message->seq);
}

static void kept_show(struct engine_session *session, const struct kept *kept) {
    struct engine *engine = session->engine;
    struct engine_user *user = session->user;
    struct dm_event event = kept->event;
    struct engine_view view = { .audience = kept->audience, .viewer = user->user,
                                .sharing = ENGINE_SINGLE };
    int64_t user_id = user->id;
    event.serial = ++engine->serial;
    if (engine->client->event(session, &event, &view) != 1)
        return;
    mark(engine, kept, user_id);
}

/* Shows what was kept. A callback may close the session, and catchup with it, or ask again: then
 * the rest waits for that answer. */
static void follow_up(struct catchup *catchup) {
    struct list *link;
    int gone = 0;
    catchup->gone = &gone;
    while (!gone && !catchup->asking && (link = list_front(&catchup->kept))) {
        struct kept *kept = container_of(link, struct kept, link);
        list_remove(link);
        catchup->kept_count--;
        if (!map_u64_get(&catchup->shown, (uint64_t)kept->event.message->id))
            kept_show(catchup->session, kept);
        arena_fini(&kept->arena);
        free(kept);
    }
    if (!gone)
        catchup->gone = NULL;
}

void catchup_answered(struct engine_session *session, const struct dm_result *result) {
    struct catchup *catchup = session->catchup;
    if (!catchup || !catchup->asking)
        return;
    catchup->asking--;
    remember(catchup, result);
    if (!catchup->asking)
        follow_up(catchup);
}

int64_t catchup_run(struct engine *engine) {
    int64_t due_us = ENGINE_NEVER;
    int64_t now_us;
    if (list_is_empty(&engine->catchups))
        return due_us;
    now_us = engine_now_us(engine);
    list_foreach_safe(it, &engine->catchups) {
        struct catchup *catchup = container_of(it, struct catchup, link);
        if (catchup->asking)
            continue;
        if (catchup->until_us <= now_us)
            catchup_free(catchup);
        else if (catchup->until_us < due_us)
            due_us = catchup->until_us;
    }
    return due_us;
}
