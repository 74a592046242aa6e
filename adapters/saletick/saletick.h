/* What the files of this adapter share. The dialect is described in proto-docs/saletick. */
#ifndef DRAGOMAN_ADAPTER_SALETICK_H
#define DRAGOMAN_ADAPTER_SALETICK_H

#include <dragoman/adapter.h>

enum saletick_route {
    ROUTE_SOCKET = 1,
    ROUTE_MESSAGES,
    ROUTE_THREADS,
};

/* Of a request: a list that is told page by page.
 *
 *   START ─▶ [SEEKING] ─▶ the first page ─▶ PIECES, when there are more
 */
struct saletick_session {
    enum saletick_route route;
    enum { PHASE_START = 0, PHASE_SEEKING, PHASE_PIECES } phase;
    uint32_t rows;        /* already told */
    uint64_t left;        /* that may be told yet */
    uint64_t cursor;      /* of the next page; 0: there is none */
    int64_t before;       /* only what stands before this message; 0: all */
    struct dm_uuid other; /* ROUTE_MESSAGES: whose conversation */
};

/* Close codes of this dialect. */
enum saletick_close {
    CLOSE_POLICY = 1008,
    CLOSE_INTERNAL = 1011,
};

/* socket.c */
const char *saletick_frame(struct dm_session *session, const struct dm_frame *frame);
void saletick_redact(struct dm_instance *instance, const struct dm_frame *frame,
                     struct dm_out *out);
void saletick_socket_result(struct dm_session *session, const struct dm_result *result);
void saletick_event(struct dm_instance *instance, const struct dm_event *event,
                    const struct dm_view *view, struct dm_out *out);
void saletick_notice(struct dm_session *session, enum dm_notice notice,
                     const struct dm_frame *frame);

/* rest.c */
void saletick_request(struct dm_session *session, const struct dm_request *request);
void saletick_fault(struct dm_session *session, const struct dm_request *request, int status);
void saletick_rest_result(struct dm_session *session, const struct dm_result *result);
void saletick_next_page(struct dm_session *session);

/* json.c: the dialect's objects, as values of an open array or object. */
void saletick_put_message(struct dm_out *out, const char *key, const struct dm_message *message);
void saletick_put_thread(struct dm_out *out, const struct dm_thread *thread);

#endif
