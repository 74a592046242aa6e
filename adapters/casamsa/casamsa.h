/* What the files of this adapter share. The dialect is described in proto-docs/casamsa. */
#ifndef DRAGOMAN_ADAPTER_CASAMSA_H
#define DRAGOMAN_ADAPTER_CASAMSA_H

#include <dragoman/adapter.h>

enum casamsa_route {
    ROUTE_SOCKET = 1,
};

struct casamsa_session {
    char *pending;      /* the frame whose token is being looked at, to be taken afterwards */
    size_t pending_len;
};

/* session.c: frames, tokens, notices. */
const char *casamsa_frame(struct dm_session *session, const struct dm_frame *frame);
void casamsa_notice(struct dm_session *session, enum dm_notice notice,
                    const struct dm_frame *frame);
void casamsa_close(struct dm_session *session);
void casamsa_authenticated(struct dm_session *session, const struct dm_result *result);
void casamsa_redact(struct dm_instance *instance, const struct dm_frame *frame,
                    struct dm_out *out);

/* methods.c: carries out an authenticated session's method; returns the frame's type. */
const char *casamsa_method(struct dm_session *session, struct dm_slice name,
                           const struct dm_json *args);

/* results.c */
void casamsa_result(struct dm_session *session, const struct dm_result *result,
                    struct dm_slice cookie);

/* events.c */
void casamsa_event(struct dm_instance *instance, const struct dm_event *event,
                   const struct dm_view *view, struct dm_out *out);

/* errors.c: one error frame. `key` is the event_response_key as JSON text; absent gives null. */
void casamsa_fail(struct dm_session *session, const char *type, const char *detail,
                  struct dm_slice key);
/* The same for what asks nothing of the core: it waits in line behind the answers to frames before,
 * as clients that give no key know errors by their order alone. */
void casamsa_refuse(struct dm_session *session, const char *type, const char *detail,
                    struct dm_slice key);
void casamsa_refuse_field(struct dm_session *session, const char *field, struct dm_slice key);
/* The answer to `auth`, in line as well. */
void casamsa_welcome(struct dm_session *session, struct dm_slice key);
/* The turn of one of these has come. */
void casamsa_turn(struct dm_session *session, struct dm_slice cookie);
void casamsa_fail_result(struct dm_session *session, const struct dm_result *result,
                         struct dm_slice key);

/* json.c: the dialect's objects, and its frames' envelope. */
enum casamsa_key {
    KEY_LEFT_OUT = 0,
    KEY_GIVEN, /* event_response_key stands in the data, null when absent */
};

/* Opens {"type": …, "data": { … and puts the event_response_key as `with` says. */
void casamsa_begin(struct dm_out *out, const char *type, enum casamsa_key with,
                   struct dm_slice key);
void casamsa_end(struct dm_out *out, const char *type);
/* `self` completes a direct thread's users, of which the thread names only the other one. */
void casamsa_put_chat(struct dm_out *out, const struct dm_thread *thread,
                      const struct dm_user *self);
void casamsa_put_message(struct dm_out *out, const struct dm_message *message);
void casamsa_put_ids(struct dm_out *out, const struct dm_user *const *users, size_t count);
/* messages_updated frames, at most 500 messages in each; none for no message. */
void casamsa_put_updates(struct dm_out *out, const struct dm_message *const *messages,
                         size_t count);

#endif
