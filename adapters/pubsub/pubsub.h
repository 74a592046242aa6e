/* What the files of this adapter share. The dialect is described in proto-docs/pubsub. */
#ifndef DRAGOMAN_ADAPTER_PUBSUB_H
#define DRAGOMAN_ADAPTER_PUBSUB_H

#include <dragoman/adapter.h>

enum pubsub_route {
    ROUTE_SOCKETIO = 1,
    ROUTE_PLAIN, /* the same events over a WebSocket, without Socket.IO's framing */
    ROUTE_REGISTER,
    ROUTE_LOGIN,
    ROUTE_UPLOAD,
};

/* Both forms, as variants of the host. */
enum pubsub_form {
    FORM_SOCKETIO = 0,
    FORM_PLAIN,
};

enum pubsub_close {
    CLOSE_POLICY = 1008,
    CLOSE_TRY_LATER = 1013,
};

/* What a client may send. */
enum pubsub_call {
    CALL_FETCH_USERS = 0,
    CALL_FETCH_CONVERSATION,
    CALL_FETCH_CHATS,
    CALL_UNREAD_COUNT,
    CALL_READ_CHAT,
    CALL_SEND_MESSAGE,
    CALL_WAIT,
    CALL_STOP_WAITING,
    CALL_DELETE_CHAT,
    CALL_AUTH,
    CALL_COUNT,
};

/* Where an answer goes. Travels with the command, followed by the text of `id`. */
struct pubsub_reply {
    enum pubsub_call call;
    enum pubsub_form form;
    enum { REPLY_NONE = 0, REPLY_WANTED } wanted;
    uint32_t listing; /* CALL_FETCH_USERS: which of the session's */
    uint64_t ack;     /* FORM_SOCKETIO */
};

/* A list of users that comes page by page. */
struct pubsub_listing {
    struct pubsub_listing *next;
    uint32_t number;
    char *names;      /* each: a byte, 1 when online; its length, 4 bytes; the name */
    size_t len, cap;
};

struct pubsub_uploads;

struct pubsub_session {
    enum pubsub_form form;
    enum pubsub_route route;
    struct pubsub_listing *listings;
    uint32_t listing_count, next_listing;
    size_t listing_bytes; /* what the listings have room for */
    struct pubsub_uploads *uploads; /* of a request that brought files */
};

/* envelope.c: events and answers in both forms. */
extern const char *const pubsub_call_names[CALL_COUNT];
/* Opens the data of an event; pubsub_end_event ends it and the frame. */
void pubsub_begin_event(struct dm_out *out, enum pubsub_form form, const char *name);
void pubsub_end_event(struct dm_out *out, const char *name);
/* The cookie of a command: reply and id (JSON text or absent) in memory of the caller. */
#define PUBSUB_ID_MAX 256
struct pubsub_cookie {
    struct pubsub_reply reply;
    char id[PUBSUB_ID_MAX];
    size_t id_len;
};
struct dm_slice pubsub_cookie_slice(const struct pubsub_cookie *cookie);
int pubsub_cookie_read(struct dm_slice slice, struct pubsub_cookie *ret_cookie);
/* Opens the data of an answer. */
void pubsub_begin_answer(struct dm_out *out, const struct pubsub_cookie *cookie);
void pubsub_end_answer(struct dm_out *out, const struct pubsub_cookie *cookie);

/* session.c */
void pubsub_open(struct dm_session *session, const struct dm_request *request);
const char *pubsub_frame(struct dm_session *session, const struct dm_frame *frame);
void pubsub_notice(struct dm_session *session, enum dm_notice notice,
                   const struct dm_frame *frame);
void pubsub_authenticated(struct dm_session *session, const struct dm_result *result,
                          struct dm_slice cookie);
void pubsub_close(struct dm_session *session);
void pubsub_redact(struct dm_instance *instance, const struct dm_frame *frame,
                   struct dm_out *out);

/* calls.c: carries out one event of the client; returns its type. */
const char *pubsub_call(struct dm_session *session, struct dm_slice name,
                        const struct dm_json *data, struct pubsub_cookie *cookie);

/* results.c */
void pubsub_result(struct dm_session *session, const struct dm_result *result,
                   struct dm_slice cookie);
struct pubsub_listing *pubsub_listing_new(struct pubsub_session *state);
void pubsub_listings_free(struct pubsub_session *state);

/* events.c */
void pubsub_event(struct dm_instance *instance, const struct dm_event *event,
                  const struct dm_view *view, struct dm_out *out);
void pubsub_put_unread(struct dm_out *out, enum pubsub_form form, uint64_t count,
                       const struct dm_user *user);
void pubsub_put_user_event(struct dm_out *out, enum pubsub_form form, const char *name,
                           const struct dm_user *user);

/* json.c */
void pubsub_put_chat(struct dm_out *out, const char *key, const struct dm_message *message);

/* rest.c */
void pubsub_request(struct dm_session *session, const struct dm_request *request);
void pubsub_fault(struct dm_session *session, const struct dm_request *request, int status);
void pubsub_rest_result(struct dm_session *session, const struct dm_result *result);
void pubsub_respond_status(struct dm_session *session, int status);
/* 400 with what is wrong. */
void pubsub_respond_errors(struct dm_session *session, const char *what);
void pubsub_respond_failure(struct dm_session *session, enum dm_status status);

/* upload.c */
void pubsub_upload(struct dm_session *session);
void pubsub_uploaded(struct dm_session *session, const struct dm_result *result);

#endif
