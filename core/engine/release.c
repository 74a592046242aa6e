#include "core/engine/release.h"

#include "core/engine/core.h"
#include "core/engine/fanout.h"
#include "core/engine/view.h"

static void announce_state(struct operation *op, const struct dm_thread *own,
                           const struct dm_thread *others) {
    struct dm_event event = router_event(op->engine, DM_EVENT_THREAD_STATE, op->corr,
                                         op->actor->user);
    fanout_thread(op, &event, own, others, operation_session(op));
}

/* The one who approved is the recipient, also in the session that did: its result does not show
 * the messages. */
static void announce_message(struct operation *op, const struct dm_message *message,
                             const struct dm_thread *own, const struct dm_thread *others,
                             uint64_t unread) {
    struct dm_event event = router_event(op->engine, DM_EVENT_MESSAGE_RELEASED, op->corr,
                                         message->author);
    event.message = message;
    event.unread = unread;
    fanout_thread(op, &event, others, own, NULL);
    marks_own(op->thread, message->author->id, message->seq);
}

void release_announce(struct operation *op, const struct dm_result *approved) {
    struct dm_thread own, others;
    uint64_t unread;
    if (!(approved->flags & DM_RESULT_CHANGED) || !op->thread)
        return;
    if (approved->thread)
        own = *approved->thread;
    else
        view_thread(op->thread, op->actor->id, DM_THREAD_ALLOWED, &own);
    view_turn(&own, op->actor->user, &others);
    announce_state(op, &own, &others);
    unread = own.unread;
    for (size_t i = 0; i < approved->message_count; i++) {
        uint64_t later = approved->message_count - 1 - i;
        announce_message(op, approved->messages[i], &own, &others,
                         unread > later ? unread - later : 0);
    }
}

void release_request(struct operation *op, const struct dm_message *message) {
    struct dm_thread own = *op->result.thread, others;
    view_turn(&own, op->actor->user, &others);
    others.last_message = message;
    others.message_count = others.unread = 1;
    announce_message(op, message, &others, &own, 1);
}
