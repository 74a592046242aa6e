#include "core/engine/view.h"

void view_thread(const struct thread *thread, int64_t viewer_id, enum dm_thread_state state,
                 struct dm_thread *ret_thread) {
    *ret_thread = (struct dm_thread){
        .id = thread->id, .uuid = thread->uuid, .kind = thread->kind, .state = state,
        .title = thread->title, .opener_id = thread->opener_id,
        .created_us = thread->created_us, .updated_us = thread->created_us,
    };
    if (thread->kind == DM_THREAD_DIRECT) {
        struct engine_user *other = thread_other(thread, viewer_id);
        ret_thread->peer = other ? other->user : NULL;
    } else {
        ret_thread->state = DM_THREAD_ALLOWED;
    }
}

static enum dm_thread_state turned(enum dm_thread_state state) {
    if (state == DM_THREAD_BLOCKED)
        return DM_THREAD_BLOCKED_BY_OTHER;
    return state == DM_THREAD_BLOCKED_BY_OTHER ? DM_THREAD_BLOCKED : state;
}

void view_turn(const struct dm_thread *own, const struct dm_user *actor,
               struct dm_thread *ret_thread) {
    *ret_thread = *own;
    ret_thread->last_message = NULL;
    ret_thread->message_count = 0;
    ret_thread->unread = 0;
    if (own->kind == DM_THREAD_DIRECT) {
        ret_thread->peer = actor;
        ret_thread->state = turned(own->state);
    }
}
