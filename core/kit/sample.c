#include "core/kit/sample.h"

#include "core/base/clock.h"

/* All that an event may point to. */
struct scene {
    struct dm_user stranger;
    struct dm_thread thread;
    struct dm_message message;
    const struct dm_message *messages[1];
    const struct dm_user *users[2];
    const struct dm_user *members[2];
    struct dm_event event;
};

static struct dm_user stranger(void) {
    struct dm_user user = {
        .id = DM_USER_ID_FIRST + 77777, .username = DM_SLICE("stranger"),
        .email = DM_SLICE("stranger@example.org"), .first_name = DM_SLICE("Stran"),
        .last_name = DM_SLICE("Ger"), .role = DM_SLICE("STUDENT"), .flags = DM_USER_ACTIVE,
        .created_us = clock_real_us(),
    };
    user.uuid.bytes[15] = 77;
    return user;
}

static void set_thread(struct scene *scene, const struct dm_user *viewer,
                       const struct dm_user *actor, enum sample_place place) {
    struct dm_thread *thread = &scene->thread;
    thread->id = 4711;
    thread->uuid.bytes[0] = 47;
    thread->kind = place == SAMPLE_CHAT ? DM_THREAD_CHAT : DM_THREAD_DIRECT;
    thread->state = place == SAMPLE_REQUESTED ? DM_THREAD_REQUESTED : DM_THREAD_ALLOWED;
    thread->opener_id = actor->id;
    thread->message_count = thread->rev = 1;
    thread->created_us = thread->updated_us = clock_real_us();
    thread->last_message = &scene->message;
    scene->members[0] = viewer;
    scene->members[1] = &scene->stranger;
    if (place == SAMPLE_CHAT) {
        thread->title = DM_SLICE("A chat");
        thread->members = scene->members;
        thread->member_count = 2;
    } else {
        thread->peer = &scene->stranger;
    }
}

static void set_message(struct scene *scene, const struct dm_user *viewer,
                        const struct dm_user *author, enum sample_place place) {
    struct dm_message *message = &scene->message;
    message->id = 31415;
    message->uuid.bytes[0] = 31;
    message->thread_id = scene->thread.id;
    message->thread_uuid = scene->thread.uuid;
    message->seq = 1;
    message->author = author;
    if (place != SAMPLE_CHAT)
        message->recipient = author == viewer ? &scene->stranger : viewer;
    message->text = DM_SLICE("made up");
    message->created_us = message->updated_us = clock_real_us();
    message->flags = place == SAMPLE_REQUESTED ? DM_MESSAGE_FIRST : 0;
    scene->messages[0] = message;
}

/* In READ and its like the message is another one's than the actor's. */
static const struct dm_user *author_of(const struct scene *scene, enum dm_event_kind kind,
                                       const struct dm_user *viewer,
                                       const struct dm_user *actor) {
    if (kind != DM_EVENT_READ)
        return actor;
    return actor == viewer ? &scene->stranger : viewer;
}

/* The members that event.h names for the kind. */
static void set_event(struct scene *scene, enum dm_event_kind kind,
                      const struct dm_user *viewer, const struct dm_user *actor) {
    static uint64_t serial = UINT64_C(1) << 48;
    struct dm_event *event = &scene->event;
    int of_user = kind >= DM_EVENT_USER_CREATED;
    int of_members = kind == DM_EVENT_MEMBERS_ADDED || kind == DM_EVENT_MEMBERS_REMOVED;
    event->kind = kind;
    event->actor = actor;
    event->serial = ++serial;
    event->corr = serial;
    event->thread = of_user ? NULL : &scene->thread;
    if (kind == DM_EVENT_MESSAGE || kind == DM_EVENT_MESSAGE_RELEASED ||
        kind == DM_EVENT_MESSAGE_DELETED)
        event->message = &scene->message;
    if (kind == DM_EVENT_READ) {
        event->messages = scene->messages;
        event->message_count = 1;
    }
    if (of_members) {
        scene->users[0] = viewer;
        event->users = scene->users;
        event->user_count = 1;
    }
}

int sample_deliver(struct stage *stage, struct engine_session *session, enum dm_event_kind kind,
                   enum dm_audience audience, enum sample_place place) {
    struct scene scene = { .stranger = stranger() };
    const struct dm_user *viewer = engine_session_user(session);
    const struct dm_user *actor = audience == DM_AUDIENCE_ACTOR ? viewer : &scene.stranger;
    const struct engine_view view = { .audience = audience, .viewer = viewer,
                                      .sharing = ENGINE_SINGLE };
    set_thread(&scene, viewer, actor, place);
    set_message(&scene, viewer, author_of(&scene, kind, viewer, actor), place);
    set_event(&scene, kind, viewer, actor);
    return host_engine_client()->event(session, &scene.event, &view);
}

struct search {
    int64_t user_id;
    struct engine_session *found;
};

static void look(void *owner, struct engine_session *session) {
    struct search *search = owner;
    const struct dm_user *user = engine_session_user(session);
    if (!search->found && user && user->id == search->user_id &&
        session->flags & ENGINE_SESSION_LISTED)
        search->found = session;
}

struct engine_session *sample_session(struct stage *stage, int64_t user_id) {
    struct search search = { user_id, NULL };
    engine_each_session(stage->engine, look, &search);
    return search.found;
}
