/* Events: encoded once for all sockets that get the same bytes. */
#include <errno.h>

#include "core/adapter/internal.h"
#include "core/adapter/observe.h"
#include "core/base/buf.h"

static void encoded_drop(struct encoded *encoded) {
    encoded->blob = blob_unref(encoded->blob);
    observed_free(encoded);
}

void encoded_reset(struct host *host) {
    for (uint32_t i = 0; i < host->encoded_count; i++)
        encoded_drop(&host->encoded[i]);
    host->encoded_count = 0;
    host->encoded_next = 0;
}

void encoded_frame(struct host *host, enum dm_frame_kind kind, struct dm_slice payload,
                   const char *type) {
    struct encoded *encoded = host->capture;
    uint32_t place = encoded->frames < ENCODED_TYPES_MAX ? encoded->frames
                                                         : ENCODED_TYPES_MAX - 1;

    encoded->blob = carrier_join(encoded->blob,
                                 carrier_frame(&host->out, &encoded->framing, kind, payload));
    encoded->types[place] = count_type((struct instance *)(uintptr_t)encoded->instance,
                                       DIRECTION_OUT, type);
    encoded->frames++;
    if (host->observer)
        observe_encoded(encoded, type, kind, payload);
}

/* A chat's message as a direct one from its author to the viewer. Lives in the reader's arena. */
struct flat {
    struct dm_event event;
    struct dm_thread thread;
    struct dm_message message;
};

static void flatten_message(struct host *host, const struct dm_thread *chat,
                            const struct dm_user *viewer, struct dm_message *message) {
    struct dm_slice title = chat->title, text = message->text;

    message->recipient = viewer;
    if (title.len) {
        char *joined = arena_alloc(&host->reader.arena, title.len + text.len + 3);

        joined[0] = '[';
        memcpy(joined + 1, title.ptr, title.len);
        memcpy(joined + 1 + title.len, "] ", 2);
        if (text.len)
            memcpy(joined + 3 + title.len, text.ptr, text.len);
        message->text = (struct dm_slice){ joined, title.len + text.len + 3 };
    }
}

static const struct dm_event *flatten(struct host *host, const struct dm_event *event,
                                      const struct dm_user *viewer) {
    struct flat *flat = arena_zalloc(&host->reader.arena, sizeof(*flat));

    flat->event = *event;
    flat->thread = *event->thread;
    flat->message = *event->message;
    flat->event.thread = &flat->thread;
    flat->event.message = &flat->message;
    flat->thread.kind = DM_THREAD_DIRECT;
    flat->thread.state = DM_THREAD_ALLOWED;
    flat->thread.title = DM_SLICE_NONE;
    flat->thread.peer = event->message->author;
    flat->thread.members = NULL;
    flat->thread.member_count = 0;
    flatten_message(host, event->thread, viewer, &flat->message);
    return &flat->event;
}

static const struct dm_thread *chat_of(const struct dm_result *result,
                                       const struct dm_message *message) {
    for (size_t i = 0; i < result->thread_count; i++)
        if (result->threads[i]->id == message->thread_id)
            return result->threads[i]->kind == DM_THREAD_CHAT ? result->threads[i] : NULL;
    return NULL;
}

const struct dm_result *flatten_missed(struct session *session, const struct dm_result *result) {
    struct host *host = session->instance->host;
    struct arena *arena = &host->reader.arena;
    const struct dm_message **messages;
    struct dm_result *flat;

    if (result->kind != DM_CMD_UNDELIVERED || !result->thread_count
        || session->instance->chats == CHATS_KNOWN)
        return result;
    flat = arena_alloc(arena, sizeof(*flat));
    *flat = *result;
    messages = arena_alloc(arena, (result->message_count + 1) * sizeof(*messages));
    for (size_t i = 0; i < result->message_count; i++) {
        const struct dm_thread *chat = chat_of(result, result->messages[i]);
        struct dm_message *message = arena_alloc(arena, sizeof(*message));

        *message = *result->messages[i];
        if (chat)
            flatten_message(host, chat, session->pub.user, message);
        messages[i] = message;
    }
    flat->messages = messages;
    flat->threads = NULL;
    flat->thread_count = 0;
    return flat;
}

static int is_chat_event(const struct dm_event *event) {
    return event->thread && event->thread->kind == DM_THREAD_CHAT;
}

/* Runs the adapter's hook; the frames land in ret_encoded. */
static void encode(struct session *session, const struct dm_event *event,
                   const struct dm_view *view, struct encoded *ret_encoded) {
    struct instance *instance = session->instance;
    struct host *host = instance->host;

    *ret_encoded = (struct encoded){
        .instance = instance,
        .framing = session_framing(session),
        .viewer = view->viewer ? view->viewer->id : 0,
        .variant = view->variant,
        .audience = view->audience,
    };
    hook_enter(instance, NULL, HOOK_EVENT);
    if (instance->chats == CHATS_FLATTEN && is_chat_event(event))
        event = flatten(host, event, view->viewer);
    host->capture = ret_encoded;
    host->encode_for = session;
    host->base_use = BASE_UNUSED;
    out_begin(&host->out, NULL);
    instance->adapter.event(&instance->pub, event, view, &host->out.base);
    hook_leave(host, NULL);
    host->capture = NULL;
    host->encode_for = NULL;
    if (host->base_use == BASE_USED)
        ret_encoded->base = session->base;
}

static int fits(const struct encoded *encoded, const struct session *session,
                const struct dm_view *view) {
    const struct framing framing = session_framing(session);

    return encoded->instance == session->instance
           && encoded->framing.kind == framing.kind
           && encoded->framing.ns == framing.ns
           && encoded->audience == view->audience
           && encoded->variant == view->variant
           && encoded->viewer == (view->viewer ? view->viewer->id : 0)
           && (!encoded->base || encoded->base == session->base);
}

static struct encoded *find(struct host *host, const struct session *session,
                            const struct dm_view *view) {
    for (uint32_t i = 0; i < host->encoded_count; i++)
        if (fits(&host->encoded[i], session, view))
            return &host->encoded[i];
    return NULL;
}

/* A place for a further encoding of this event; the oldest makes room. */
static struct encoded *claim(struct host *host) {
    struct encoded *encoded;

    if (host->encoded_count < ENCODED_MAX)
        return &host->encoded[host->encoded_count++];
    encoded = &host->encoded[host->encoded_next];
    host->encoded_next = (host->encoded_next + 1) % ENCODED_MAX;
    encoded_drop(encoded);
    return encoded;
}

static enum event_outcome send_encoded(struct session *session, const struct dm_event *event,
                                       const struct encoded *encoded) {
    int r;

    if (!encoded->blob)
        return EVENT_SILENT;
    r = carrier_send_blob(session, encoded->blob);
    if (r != 0)
        return r == -ENOBUFS ? EVENT_SLOW : EVENT_CLOSING;
    for (uint32_t i = 0; i < encoded->frames; i++)
        metrics_inc(encoded->types[i < ENCODED_TYPES_MAX ? i : ENCODED_TYPES_MAX - 1]);
    if (encoded->observed)
        observe_event(session, event->corr, encoded);
    return EVENT_DELIVERED;
}

static int is_flattened(enum dm_event_kind kind) {
    return kind == DM_EVENT_MESSAGE || kind == DM_EVENT_MESSAGE_RELEASED
           || kind == DM_EVENT_MESSAGE_DELETED;
}

/* Whether the adapter is to be asked at all: DELIVERED, or why not. */
static enum event_outcome concerns(const struct session *session, const struct dm_event *event,
                                   const struct engine_view *view) {
    const struct instance *instance = session->instance;
    enum dm_treatment treatment = instance->treatment[event->kind];
    int flat = instance->chats == CHATS_FLATTEN && view->audience == DM_AUDIENCE_MEMBER
               && is_flattened(event->kind);

    if (session->state != SESSION_OPEN)
        return EVENT_CLOSING;
    if (treatment != DM_SUPPORTED && treatment != DM_TRANSLATED)
        return EVENT_UNSUPPORTED;
    return instance->chats == CHATS_KNOWN || !is_chat_event(event) || flat ? EVENT_DELIVERED
                                                                           : EVENT_CHATS;
}

static enum event_outcome deliver(struct session *session, const struct dm_event *event,
                                  const struct engine_view *view) {
    const struct instance *instance = session->instance;
    struct host *host = instance->host;
    struct dm_view pub = { .audience = view->audience, .variant = session->variant,
                           .cookie = view->cookie };
    struct encoded *encoded;

    if (view->sharing == ENGINE_SINGLE
        || (instance->chats == CHATS_FLATTEN && is_chat_event(event)))
        pub.viewer = view->viewer;
    if (pub.cookie.ptr) {
        struct encoded own;
        enum event_outcome outcome;

        encode(session, event, &pub, &own);
        outcome = send_encoded(session, event, &own);
        encoded_drop(&own);
        return outcome;
    }
    if (event->serial != host->encoded_serial) {
        encoded_reset(host);
        host->encoded_serial = event->serial;
    }
    encoded = find(host, session, &pub);
    if (!encoded) {
        encoded = claim(host);
        encode(session, event, &pub, encoded);
    }
    return send_encoded(session, event, encoded);
}

int host_event(struct engine_session *engine, const struct dm_event *event,
               const struct engine_view *view) {
    struct session *session = session_of_engine(engine);
    enum event_outcome outcome;

    if ((unsigned)event->kind >= DM_EVENT_KIND_COUNT)
        return 0;
    outcome = concerns(session, event, view);
    if (outcome == EVENT_DELIVERED)
        outcome = deliver(session, event, view);
    count_event(session->instance, event->kind, outcome);
    return outcome == EVENT_DELIVERED;
}
