/* SEND: from the command to the message, its result and its event. */
#include "core/base/random.h"
#include "core/engine/attachment.h"
#include "core/engine/commands.h"
#include "core/engine/core.h"
#include "core/engine/fanout.h"
#include "core/engine/release.h"
#include "core/engine/resolve.h"
#include "core/engine/session.h"
#include "core/engine/strand.h"
#include "core/engine/view.h"

/* How long news of presence may take from another node. */
#define PRESENCE_US INT64_C(150000)

/* What was sent, as results and events show it. */
struct sent {
    struct dm_message message;
    struct dm_thread own;
    uint64_t unread;
};

static void append(struct operation *op);

static void refuse(struct operation *op, enum dm_status status) {
    attachment_drop(op);
    if (status == DM_INVALID && op->attachments)
        op->result.field = "urls";
    operation_finish(op, status);
}

/* ---- to whom ---- */

static void wait_for_lane(struct operation *op) {
    op->lane = (uint64_t)op->thread->id;
    op->resume = append;
    op->state = OPERATION_READY;
}

static void opened(struct operation *op, enum dm_status status) {
    if (status != DM_OK) {
        refuse(op, status);
        return;
    }
    if (op->command.flags & DM_CMD_NEED_FRIEND)
        op->thread->flags |= THREAD_FRIENDS;
    wait_for_lane(op);
}

static void open_thread(struct operation *op) {
    resolve_open(op, opened);
}

/* Opening a thread shows, so it takes its turn behind the earlier commands. */
static void place(struct operation *op) {
    if (op->thread) {
        wait_for_lane(op);
        return;
    }
    op->lane = 0;
    op->resume = open_thread;
    op->state = OPERATION_READY;
}

static void friends_known(struct operation *op, enum dm_status status) {
    if (status == DM_OK && !op->result.count)
        status = DM_NOT_FRIEND;
    op->result.count = 0;
    if (status != DM_OK) {
        operation_finish(op, status);
        return;
    }
    if (op->thread)
        op->thread->flags |= THREAD_FRIENDS;
    attachment_prepare(op, place);
}

static int is_online(const struct operation *op) {
    return presence_is_online(op->engine, op->other->id);
}

static void check_friend(struct operation *op) {
    uint32_t flags = op->command.flags;
    struct store_call *call;
    if (!(flags & DM_CMD_NEED_FRIEND) || (op->thread && (op->thread->flags & THREAD_FRIENDS))) {
        attachment_prepare(op, place);
        return;
    }
    call = operation_prepare(op, STORE_FRIENDS_CHECK);
    call->other_id = op->other->id;
    operation_call(op, 0, friends_known);
}

static void looked_again(struct operation *op, enum dm_status status) {
    if (is_online(op))
        check_friend(op);
    else
        operation_finish(op, DM_OFFLINE);
}

/* That somebody has come on another node may be on its way. */
static void check_recipient(struct operation *op) {
    if (!engine_user_active(op->other))
        operation_finish(op, DM_NO_USER);
    else if (!(op->command.flags & DM_CMD_NEED_ONLINE) || is_online(op))
        check_friend(op);
    else if (cluster_has_peers(&op->engine->cluster))
        operation_wait(op, PRESENCE_US, looked_again);
    else
        operation_finish(op, DM_OFFLINE);
}

static void user_known(struct operation *op, enum dm_status status) {
    if (status == DM_OK && op->other->id == op->actor->id)
        status = DM_SELF;
    if (status != DM_OK) {
        operation_finish(op, status);
        return;
    }
    operation_set_thread(op, thread_cache_find_direct(&op->engine->threads, op->actor->id,
                                                      op->other->id));
    check_recipient(op);
}

static void thread_known(struct operation *op, enum dm_status status) {
    if (status != DM_OK)
        operation_finish(op, status);
    else if (op->thread->kind == DM_THREAD_CHAT)
        attachment_prepare(op, place);
    else
        check_recipient(op);
}

/* The UUID named no user and was tried as a thread's. */
static void chat_known(struct operation *op, enum dm_status status) {
    thread_known(op, status == DM_NO_THREAD ? DM_NO_USER : status);
}

static void user_or_chat_known(struct operation *op, enum dm_status status) {
    if (status != DM_NO_USER) {
        user_known(op, status);
        return;
    }
    op->command.thread = op->command.user;
    resolve_thread(op, chat_known);
}

void send_begin(struct operation *op) {
    const struct dm_command *command = &op->command;
    struct thread *chat;
    if (command->thread.kind != DM_REF_NONE) {
        resolve_thread(op, thread_known);
        return;
    }
    if (!(command->flags & DM_CMD_USER_OR_CHAT) || command->user.kind != DM_REF_UUID) {
        resolve_user(op, &command->user, user_known);
        return;
    }
    chat = thread_cache_find_uuid(&op->engine->threads, &command->user.uuid);
    if (chat && chat->kind == DM_THREAD_CHAT) {
        operation_set_thread(op, chat);
        attachment_prepare(op, place);
        return;
    }
    resolve_user(op, &command->user, user_or_chat_known);
}

/* ---- what was sent ---- */

static void show(struct operation *op, uint32_t flags) {
    const struct store_append *done = &op->at.append;
    struct thread *thread = op->thread;
    struct sent *sent = arena_zalloc(&op->arena, sizeof(*sent));
    struct dm_message *message = &sent->message;
    message->id = done->ret_id;
    message->uuid = done->uuid;
    message->thread_id = thread->id;
    message->thread_uuid = thread->uuid;
    message->seq = done->ret_seq;
    message->author = op->actor->user;
    message->recipient = thread->kind == DM_THREAD_DIRECT ? op->other->user : NULL;
    message->text = op->command.text.ptr ? op->command.text : DM_SLICE("");
    message->attachments = attachment_show(op, done->ret_created_us);
    message->attachment_count = done->attachment_count;
    message->created_us = done->ret_created_us;
    message->updated_us = done->ret_created_us;
    message->flags = flags | DM_MESSAGE_READ_BY_ME;
    view_thread(thread, op->actor->id, done->ret_state, &sent->own);
    sent->own.title = arena_slice(&op->arena, thread->title);
    sent->own.last_message = message;
    sent->own.message_count = done->ret_seq;
    sent->own.rev = done->ret_rev;
    sent->own.updated_us = done->ret_created_us;
    sent->unread = done->ret_unread;
    op->extra = sent;
    op->result.message = message;
    op->result.thread = &sent->own;
    op->result.flags |= DM_RESULT_CHANGED;
}

static void announce(struct operation *op) {
    struct sent *sent = op->extra;
    struct dm_event event = router_event(op->engine, DM_EVENT_MESSAGE, op->corr, op->actor->user);
    struct dm_thread others;
    sent->own.title = op->thread->title;
    view_turn(&sent->own, op->actor->user, &others);
    others.last_message = &sent->message;
    others.message_count = sent->own.message_count;
    others.unread = sent->unread;
    sent->message.flags &= ~(uint32_t)DM_MESSAGE_READ_BY_ME;
    event.message = &sent->message;
    event.unread = sent->unread;
    fanout_thread(op, &event, &sent->own, &others, operation_session(op));
}

/* A principal who is gone waits for nothing. */
static void keep_cookie(struct operation *op, struct engine_session *session) {
    if (session->user == op->actor)
        session_hold(session, op->result.message->id, op->cookie);
}

/* ---- the append ---- */

static void announce_release(struct operation *op) {
    release_announce(op, op->extra);
}

static void approved(struct operation *op, enum dm_status status) {
    if (status != DM_OK) {
        refuse(op, status);
        return;
    }
    op->extra = &op->result;
    op->span = op->rev ? 1 + op->result.message_count : 0;
    fanout_announce_now(op, announce_release);
    memset(&op->result, 0, sizeof(op->result));
    op->command.flags &= ~(uint32_t)DM_CMD_ANSWER_APPROVES; /* once */
    append(op);
}

/* An answer by somebody whose dialect has no word for requests lets the request through. */
static void approve_first(struct operation *op) {
    struct dm_command *query;
    struct store_call *call;
    if (op->strand)
        strand_close_lane(op->strand);
    query = operation_query(op);
    query->kind = DM_CMD_APPROVE;
    query->thread = dm_ref_id(op->thread->id);
    call = operation_prepare(op, STORE_COMMAND);
    call->command = query;
    call->thread_id = op->thread->id;
    operation_call(op, (uint64_t)op->thread->id, approved);
}

static void conclude(struct operation *op) {
    const struct store_append *done = &op->at.append;
    op->rev = done->ret_rev;
    op->span = done->ret_rev ? 1 : 0;
    op->seq = done->ret_seq;
    switch (done->ret_outcome) {
    case STORE_APPENDED:
        marks_own(op->thread, op->actor->id, done->ret_seq);
        op->member_rev = op->thread->kind == DM_THREAD_CHAT ? done->ret_member_rev : 0;
        op->emit = announce;
        show(op, done->ret_state == DM_THREAD_REQUESTED ? DM_MESSAGE_FIRST : 0);
        operation_finish(op, DM_OK);
        return;
    case STORE_APPENDED_HELD:
        marks_own(op->thread, op->actor->id, done->ret_seq);
        op->deliver = keep_cookie;
        op->emit = fanout_nothing;
        show(op, DM_MESSAGE_HELD);
        operation_finish(op, DM_HELD);
        return;
    case STORE_REFUSED_BLOCKED:
        refuse(op, DM_BLOCKED);
        return;
    case STORE_REFUSED_MEMBER:
        refuse(op, DM_NO_THREAD);
        return;
    case STORE_NEEDS_APPROVE:
        approve_first(op);
        return;
    }
    operation_finish(op, DM_INTERNAL);
}

static void append_done(struct store_request *request, enum dm_status status) {
    struct operation *op = request->owner;
    operation_ref(op);
    if (status == DM_OK)
        conclude(op);
    else
        refuse(op, status);
    operation_settle(op);
    operation_unref(op);
}

static void append(struct operation *op) {
    struct store_append *append = &op->at.append;
    if (op->state != OPERATION_RUNNING)
        strand_enter(op, op->lane);
    memset(append, 0, sizeof(*append));
    list_init(&append->base.link);
    append->base.kind = STORE_APPEND;
    append->base.lane = op->lane;
    append->base.corr = op->corr;
    append->base.done = append_done;
    append->base.owner = op;
    append->thread_id = op->thread->id;
    append->lo_id = op->thread->pair[0];
    append->hi_id = op->thread->pair[1];
    append->author_id = op->actor->id;
    append->text = op->command.text.ptr ? op->command.text : DM_SLICE("");
    if (op->command.flags & DM_CMD_ANSWER_APPROVES)
        append->flags |= STORE_APPEND_APPROVES;
    uuid_new_v7(&append->uuid);
    attachment_store(op);
    marks_join(op->engine, op->thread);
    store_submit(op->engine->store, &append->base);
}
