#include "core/engine/catchup.h"

#include <stdlib.h>

#include "core/base/mem.h"
#include "core/engine/copy.h"
#include "core/engine/core.h"
#include "core/engine/session.h"

/* So much of a subject is kept; of more, the session learns when it asks again. */
#define KEPT_MAX 1000

/* How much later than the answer the event of what is in it may come. */
#define SHOWN_US INT64_C(10000000)

#define CHUNK 1024

struct kept {
    struct list link;
    struct arena arena;
    struct dm_event event;
    enum dm_audience audience;
};

/* Of one subject. */
struct picture {
    uint32_t asking;         /* commands not yet answered */
    uint32_t kept_count;
    struct list kept;
    struct map_u64 shown;    /* keys (key_of) of what answers contained */
    struct map_u64 told;     /* messages: thread id → seq of the last message that a list showed */
};

struct catchup {
    struct list link;        /* engine's */
    struct engine_session *session;
    struct picture pictures[CATCHUP_SUBJECT_COUNT];
    int64_t until_us;        /* until then what was shown is remembered */
    uint8_t showing;         /* what was kept; then `ended` stands for being freed */
    uint8_t ended;
};

/* A message is known by its id, a friend request by who asks: there is one of each at a time. */
static uint64_t key_of(const struct dm_event *event) {
    return (uint64_t)(event->message ? event->message->id : event->actor->id);
}

static void kept_free(struct picture *picture, struct kept *kept) {
    list_remove(&kept->link);
    picture->kept_count--;
    arena_fini(&kept->arena);
    free(kept);
}

static void picture_fini(struct picture *picture) {
    struct list *link;
    while ((link = list_front(&picture->kept)))
        kept_free(picture, container_of(link, struct kept, link));
    map_u64_fini(&picture->shown);
    map_u64_fini(&picture->told);
}

static void catchup_free(struct catchup *catchup) {
    for (int i = 0; i < CATCHUP_SUBJECT_COUNT; i++)
        picture_fini(&catchup->pictures[i]);
    free(catchup);
}

/* Takes it from its session, which may close while it is shown something. */
static void detach(struct catchup *catchup) {
    catchup->session->catchup = NULL;
    list_remove(&catchup->link);
    if (catchup->showing)
        catchup->ended = 1;
    else
        catchup_free(catchup);
}

static int is_asking(const struct catchup *catchup) {
    for (int i = 0; i < CATCHUP_SUBJECT_COUNT; i++) {
        if (catchup->pictures[i].asking)
            return 1;
    }
    return 0;
}

static int shows_any(const struct catchup *catchup) {
    for (int i = 0; i < CATCHUP_SUBJECT_COUNT; i++) {
        if (catchup->pictures[i].shown.count || catchup->pictures[i].told.count)
            return 1;
    }
    return 0;
}

/* Into the list that fits; all are remembered for the same time. */
static void enlist(struct catchup *catchup) {
    struct engine *engine = catchup->session->engine;
    list_remove(&catchup->link);
    list_push_back(is_asking(catchup) ? &engine->catchups : &engine->caught_up, &catchup->link);
}

static struct catchup *catchup_new(struct engine_session *session) {
    struct catchup *catchup = mem_zalloc(sizeof(*catchup));
    catchup->session = session;
    for (int i = 0; i < CATCHUP_SUBJECT_COUNT; i++) {
        list_init(&catchup->pictures[i].kept);
        map_u64_init(&catchup->pictures[i].shown);
        map_u64_init(&catchup->pictures[i].told);
    }
    list_init(&catchup->link);
    return catchup;
}

/* Whether what comes of the subject waits for the answer of the command. */
static int holds(const struct dm_command *command, enum catchup_subject subject) {
    if (subject == CATCHUP_REQUESTS)
        return command->kind == DM_CMD_FRIEND_PENDING;
    return command->kind == DM_CMD_UNDELIVERED || (command->flags & DM_CMD_HOLD_EVENTS);
}

void catchup_begin(struct engine_session *session, const struct dm_command *command) {
    for (int i = 0; i < CATCHUP_SUBJECT_COUNT; i++) {
        if (!holds(command, (enum catchup_subject)i))
            continue;
        if (!session->catchup)
            session->catchup = catchup_new(session);
        session->catchup->pictures[i].asking++;
        enlist(session->catchup);
    }
}

void catchup_end(struct engine_session *session) {
    if (session->catchup)
        detach(session->catchup);
}

static void keep(struct picture *picture, const struct dm_event *event,
                 enum dm_audience audience) {
    struct kept *kept;
    if (picture->kept_count >= KEPT_MAX)
        return;
    kept = mem_alloc(sizeof(*kept));
    arena_init(&kept->arena, CHUNK);
    kept->event = copy_event(&kept->arena, event);
    kept->audience = audience;
    list_push_back(&picture->kept, &kept->link);
    picture->kept_count++;
}

static enum catchup_subject subject_of(const struct dm_event *event) {
    switch (event->kind) {
    case DM_EVENT_MESSAGE:
    case DM_EVENT_MESSAGE_RELEASED:
        return CATCHUP_MESSAGES;
    case DM_EVENT_FRIEND_REQUEST:
        return CATCHUP_REQUESTS;
    default:
        return CATCHUP_NOTHING;
    }
}

/* What an answer has shown of the event. To its author a release is a confirmation, which no answer
 * contains. */
static enum catchup_verdict verdict_on(const struct picture *picture,
                                       const struct dm_event *event, enum dm_audience audience) {
    const struct dm_message *message = event->message;
    if (event->kind == DM_EVENT_MESSAGE_RELEASED && audience == DM_AUDIENCE_ACTOR)
        return CATCHUP_PASS;
    if (map_u64_get(&picture->shown, key_of(event)))
        return CATCHUP_SHOWN;
    if (message
        && message->seq <= (uintptr_t)map_u64_get(&picture->told, (uint64_t)message->thread_id))
        return CATCHUP_TOLD;
    return CATCHUP_PASS;
}

enum catchup_verdict catchup_meets(struct engine_session *session, const struct dm_event *event,
                                   const struct engine_view *view) {
    enum catchup_subject subject = subject_of(event);
    enum catchup_verdict verdict;
    struct picture *picture;
    if (subject == CATCHUP_NOTHING)
        return CATCHUP_PASS;
    picture = &session->catchup->pictures[subject];
    verdict = verdict_on(picture, event, view->audience);
    if (verdict != CATCHUP_PASS || !picture->asking)
        return verdict;
    keep(picture, event, view->audience);
    return CATCHUP_KEPT;
}

/* ---- what is no longer so ---- */

static void forget_request(struct picture *picture, uint64_t asker_id) {
    map_u64_remove(&picture->shown, asker_id);
    list_foreach_safe(it, &picture->kept) {
        struct kept *kept = container_of(it, struct kept, link);
        if (key_of(&kept->event) == asker_id)
            kept_free(picture, kept);
    }
}

static void request_ends(struct engine *engine, int64_t asked_id, int64_t asker_id) {
    struct engine_user *asked = user_cache_find_id(&engine->users, asked_id);
    if (!asked || !engine_user_has_sessions(asked))
        return;
    list_foreach(it, &asked->sessions) {
        struct engine_session *session = container_of(it, struct engine_session, user_link);
        if (session->catchup)
            forget_request(&session->catchup->pictures[CATCHUP_REQUESTS], (uint64_t)asker_id);
    }
}

int catchup_is_any(const struct engine *engine) {
    return !list_is_empty(&engine->catchups) || !list_is_empty(&engine->caught_up);
}

void catchup_hears(struct engine *engine, const struct dm_event *event, int64_t to_id) {
    if (!catchup_is_any(engine))
        return;
    if (event->kind == DM_EVENT_FRIEND_ACCEPTED || event->kind == DM_EVENT_FRIEND_DENIED)
        request_ends(engine, event->actor->id, to_id);
    /* The same request the other way round ends with it. */
    if (event->kind == DM_EVENT_FRIEND_ACCEPTED)
        request_ends(engine, to_id, event->actor->id);
}

/* ---- the answer ---- */

static void remember_list(struct picture *picture, const struct dm_result *result) {
    for (size_t i = 0; i < result->thread_count; i++) {
        const struct dm_thread *thread = result->threads[i];
        if (thread->last_message)
            map_u64_put(&picture->told, (uint64_t)thread->id,
                        (void *)(uintptr_t)thread->last_message->seq);
    }
}

static void remember(struct catchup *catchup, enum catchup_subject subject,
                     const struct dm_result *result) {
    struct engine *engine = catchup->session->engine;
    struct map_u64 *shown = &catchup->pictures[subject].shown;
    for (size_t i = 0; subject == CATCHUP_MESSAGES && i < result->message_count; i++)
        map_u64_put(shown, (uint64_t)result->messages[i]->id, catchup);
    if (subject == CATCHUP_MESSAGES && result->kind == DM_CMD_THREAD_LIST)
        remember_list(&catchup->pictures[subject], result);
    for (size_t i = 0; subject == CATCHUP_REQUESTS && i < result->user_count; i++)
        map_u64_put(shown, (uint64_t)result->users[i]->id, catchup);
    catchup->until_us = engine_now_us(engine) + SHOWN_US;
    engine_wake_at(engine, catchup->until_us);
}

static int goes_before(const struct picture *picture, const struct kept *kept,
                       const struct dm_message *message) {
    return kept->audience == DM_AUDIENCE_MEMBER
           && kept->event.message->thread_id == message->thread_id
           && kept->event.message->seq < message->seq
           && verdict_on(picture, &kept->event, kept->audience) == CATCHUP_PASS;
}

/* They are copied: whoever gets the result may close the session. */
static size_t put_kept(struct picture *picture, const struct dm_message *message,
                       struct arena *arena, const struct dm_message **list) {
    size_t count = 0;
    list_foreach(it, &picture->kept) {
        const struct kept *kept = container_of(it, struct kept, link);
        if (!goes_before(picture, kept, message))
            continue;
        list[count++] = copy_event(arena, &kept->event).message;
        map_u64_put(&picture->shown, key_of(&kept->event), picture);
    }
    return count;
}

void catchup_complete(struct engine_session *session, const struct dm_command *command,
                      struct arena *arena, struct dm_result *result) {
    struct picture *picture;
    const struct dm_message **list;
    size_t count = 0;
    if (!session->catchup || command->kind != DM_CMD_UNDELIVERED || !result->message_count)
        return;
    picture = &session->catchup->pictures[CATCHUP_MESSAGES];
    if (!picture->kept_count)
        return;
    remember(session->catchup, CATCHUP_MESSAGES, result);
    list = arena_alloc(arena, (result->message_count + picture->kept_count) * sizeof(*list));
    for (size_t i = 0; i < result->message_count; i++) {
        count += put_kept(picture, result->messages[i], arena, list + count);
        list[count++] = result->messages[i];
    }
    result->messages = list;
    result->message_count = count;
}

static void mark(struct engine *engine, const struct kept *kept, int64_t user_id) {
    const struct dm_message *message = kept->event.message;
    struct thread *thread;
    if (!message || kept->audience != DM_AUDIENCE_MEMBER)
        return;
    thread = thread_cache_find_id(&engine->threads, message->thread_id);
    if (thread)
        marks_delivered(engine, thread, user_id, message->seq);
}

static void kept_show(struct engine_session *session, const struct kept *kept) {
    struct engine *engine = session->engine;
    struct engine_user *user = session->user;
    struct dm_event event = kept->event;
    struct engine_view view = { .audience = kept->audience, .viewer = user->user,
                                .sharing = ENGINE_SINGLE };
    int64_t user_id = user->id;
    void *held = NULL;
    int pushed;
    event.serial = ++engine->serial;
    if (event.kind == DM_EVENT_MESSAGE_RELEASED && view.audience == DM_AUDIENCE_ACTOR)
        held = session_take_held(session, event.message->id, &view.cookie);
    pushed = engine->client->event(session, &event, &view);
    free(held);
    if (pushed == 1)
        mark(engine, kept, user_id);
}

/* Shows what was kept. A callback may close the session, and catchup with it (returns 1), or ask
 * again: then the rest waits for that answer. */
static int follow_up(struct catchup *catchup, struct picture *picture) {
    struct list *link;
    catchup->showing = 1;
    while (!catchup->ended && !picture->asking && (link = list_front(&picture->kept))) {
        struct kept *kept = container_of(link, struct kept, link);
        list_remove(link);
        picture->kept_count--;
        if (verdict_on(picture, &kept->event, kept->audience) == CATCHUP_PASS)
            kept_show(catchup->session, kept);
        arena_fini(&kept->arena);
        free(kept);
    }
    catchup->showing = 0;
    if (!catchup->ended)
        return 0;
    catchup_free(catchup);
    return 1;
}

void catchup_answered(struct engine_session *session, const struct dm_command *command,
                      const struct dm_result *result) {
    struct catchup *catchup = session->catchup;
    for (int i = 0; catchup && i < CATCHUP_SUBJECT_COUNT; i++) {
        struct picture *picture = &catchup->pictures[i];
        if (!picture->asking || !holds(command, (enum catchup_subject)i))
            continue;
        picture->asking--;
        remember(catchup, (enum catchup_subject)i, result);
        enlist(catchup);
        if (!picture->asking && follow_up(catchup, picture))
            return;
    }
    /* Most have missed nothing. */
    if (catchup && !is_asking(catchup) && !shows_any(catchup))
        detach(catchup);
}

int64_t catchup_run(struct engine *engine) {
    int64_t now_us = list_is_empty(&engine->caught_up) ? 0 : engine_now_us(engine);
    struct list *link;
    while ((link = list_front(&engine->caught_up))) {
        struct catchup *catchup = container_of(link, struct catchup, link);
        if (catchup->until_us > now_us)
            return catchup->until_us;
        detach(catchup);
    }
    return ENGINE_NEVER;
}
