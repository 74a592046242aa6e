/* What one command did, on its way to other nodes: a head that tells what it is about, and the
 * events, each with what its audiences see differently. Users are named by id. Private to
 * core/engine.
 *
 * As bytes (wire.h): the head, the number of events, the events. */
#ifndef DRAGOMAN_ENGINE_UNIT_H
#define DRAGOMAN_ENGINE_UNIT_H

#include "core/base/arena.h"
#include "core/engine/wire.h"
#include "core/model/event.h"

/* To whom an event goes. */
enum unit_route {
    UNIT_TO_THREAD = 0, /* the actor's sessions and the members' */
    UNIT_TO_LISTED,     /* ... and its members and users as the event lists them */
    UNIT_TO_USER,       /* one user, as SUBJECT */
    UNIT_ROUTE_COUNT
};

enum unit_flag {
    UNIT_UNTOLD = 1u << 0, /* the events are not here: they were too large. The store has them */
};

struct unit_head {
    int64_t thread_id;   /* 0: of no thread; then all that follows is zero but corr and to_id */
    enum dm_thread_kind kind;
    int64_t pair[2];     /* direct: the two, lower id first */
    uint64_t rev;        /* of the thread, after it; 0: of no order */
    uint64_t span;       /* how many revs it took */
    uint64_t seq;        /* of the message it added; 0: none */
    uint64_t member_rev; /* chats: the members' age that it needs */
    uint64_t told_rev;   /* chats: the age of the members that its events tell; 0: they tell none */
    uint64_t corr;
    int64_t to_id;       /* of no thread: whom it is for */
    uint32_t flags;      /* enum unit_flag */
    struct dm_uuid uuid;
    struct dm_slice title;
    int64_t opener_id;
    int64_t created_us;
};

struct unit_message {
    struct dm_message message; /* without author, recipient and thread */
    int64_t author_id;
};

struct unit_event {
    enum dm_event_kind kind;
    enum unit_route route;
    int64_t actor_id;
    uint64_t unread;
    struct unit_side {
        enum dm_thread_state state;
        uint64_t count;
        uint64_t unread;
        int has_last;          /* 1: its last message is the event's */
    } own, others;             /* the thread as the actor sees it, and as the others do */
    int64_t updated_us;
    const int64_t *members;
    size_t member_count;
    const int64_t *users;
    size_t user_count;
    struct unit_message *message; /* whole; NULL: none */
    struct unit_message *messages; /* ids only */
    size_t message_count;
};

struct unit {
    struct unit_head head;
    struct unit_event *events;
    size_t event_count;
};

void unit_put_head(struct buf *buf, const struct unit_head *head);

/* One event; `own` and `others` may be NULL where there is no thread. */
void unit_put_event(struct buf *buf, enum unit_route route, const struct dm_event *event,
                    const struct dm_thread *own, const struct dm_thread *others);

/* Reads a head; the title is borrowed. Returns 0 or -EINVAL. */
int unit_read_head(struct wire_reader *reader, struct unit_head *ret_head);

/* Reads the events behind a head; everything is copied into the arena. Events of kinds that this
 * node does not know are left out. Returns 0 or -EINVAL. */
int unit_read_events(struct wire_reader *reader, struct arena *arena, struct unit *unit);

/* Calls visit(owner, id) for each user that the unit names, some of them more than once. */
void unit_each_user(const struct unit *unit, void (*visit)(void *owner, int64_t id), void *owner);

#endif
