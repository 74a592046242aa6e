/* What an observer is shown of the host. */
#include <errno.h>
#include <stdlib.h>

#include "core/adapter/api.h"
#include "core/adapter/observe.h"
#include "core/base/mem.h"

void host_observe(struct host *host, const struct host_observer *observer) {
    host->observer = observer;
    encoded_reset(host);
}

uint64_t host_session_id(const struct engine_session *session) {
    return session_of_engine((struct engine_session *)(uintptr_t)session)->serial;
}

static struct host_peer peer_of(const struct session *session) {
    return (struct host_peer){ session->serial, &session->instance->pub, session->pub.user };
}

static const struct host_observer *observer_of(const struct session *session) {
    return session->instance->host->observer;
}

void observe_other(const struct host *host) {
    if (host->observer)
        host->observer->other(host->observer->owner);
}

void observe_begin(const struct host *host) {
    if (host->observer)
        host->observer->begin(host->observer->owner);
}

void observe_frame_in(const struct session *session, const char *type,
                      const struct dm_frame *frame) {
    const struct host_observer *observer = observer_of(session);
    const struct host_peer peer = peer_of(session);

    if (observer)
        observer->frame_in(observer->owner, &peer, type, frame);
}

static void show_frame_out(const struct session *session, uint64_t corr, const char *type,
                           enum dm_frame_kind kind, struct dm_slice payload) {
    const struct host_observer *observer = observer_of(session);
    const struct dm_frame frame = { .kind = kind, .data = payload, .flags = DM_FRAME_SENT };
    const struct host_peer peer = peer_of(session);

    observer->frame_out(observer->owner, &peer, corr, type, &frame);
}

void observe_frame_out(const struct session *session, const char *type, enum dm_frame_kind kind,
                       struct dm_slice payload) {
    if (observer_of(session))
        show_frame_out(session, 0, type, kind, payload);
}

void observe_response(const struct session *session) {
    const struct host_observer *observer = observer_of(session);
    const struct host_peer peer = peer_of(session);

    if (observer)
        observer->response(observer->owner, &peer, session->request->status);
}

/* ---- what is encoded once for many ---- */

void observe_encoded(struct encoded *encoded, const char *type, enum dm_frame_kind kind,
                     struct dm_slice payload) {
    struct observed_frame *frame = mem_alloc(sizeof(*frame));

    *frame = (struct observed_frame){ encoded->observed, type, kind,
                                      blob_new(payload.ptr, payload.len) };
    encoded->observed = frame;
}

static void show_oldest_first(const struct session *session, uint64_t corr,
                              const struct observed_frame *frame) {
    if (frame->next)
        show_oldest_first(session, corr, frame->next);
    show_frame_out(session, corr, frame->type, frame->kind, blob_slice(frame->payload));
}

void observe_event(const struct session *session, uint64_t corr, const struct encoded *encoded) {
    if (observer_of(session))
        show_oldest_first(session, corr, encoded->observed);
}

void observed_free(struct encoded *encoded) {
    while (encoded->observed) {
        struct observed_frame *frame = encoded->observed;

        encoded->observed = frame->next;
        (void)blob_unref(frame->payload);
        free(frame);
    }
}

/* ---- redaction ---- */

static void take_redacted(struct out *out, enum dm_frame_kind kind, struct dm_slice payload,
                          const char *type) {
    buf_append_slice(container_of(out, struct host, redactor)->redacted, payload);
}

static void no_file_url(struct out *out, const struct dm_attachment *attachment,
                        struct buf *ret_url) {
}

static void broken(struct out *out, const char *fault) {
    api_complain(NULL, fault);
}

const struct out_sink redact_sink = {
    .frame = take_redacted,
    .file_url = no_file_url,
    .broken = broken,
};

int host_redact(struct host *host, const struct dm_instance *pub, const struct dm_frame *frame,
                struct buf *ret_text) {
    struct instance *instance = container_of((struct dm_instance *)(uintptr_t)pub,
                                             struct instance, pub);

    if (!instance->adapter.redact)
        return -ENOTSUP;
    hook_enter(instance, NULL, HOOK_REDACT);
    host->redacted = ret_text;
    out_begin(&host->redactor, NULL);
    instance->adapter.redact(&instance->pub, frame, &host->redactor.base);
    (void)out_end(&host->redactor);
    hook_leave(host, NULL);
    return 0;
}
