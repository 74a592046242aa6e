/* The opcode dialect: {"o": opcode, "d": data, "e": event} over WebSocket, and REST for threads.
 * Described in proto-docs/opcode. */
#ifndef DRAGOMAN_OPCODE_H
#define DRAGOMAN_OPCODE_H

#include <dragoman/adapter.h>

/* Numbers of the key "o". The 4xxx ones are no close codes. */
enum opcode {
    OPCODE_DISPATCH = 0,
    OPCODE_IDENTIFY = 2,
    OPCODE_INVALID_SESSION = 9,
    OPCODE_HELLO = 10,
    OPCODE_UNKNOWN_ERROR = 4000,
    OPCODE_UNKNOWN_OPCODE = 4001,
    OPCODE_DECODE_ERROR = 4002,
    OPCODE_NOT_AUTHENTICATED = 4003,
    OPCODE_AUTHENTICATION_FAILED = 4004,
    OPCODE_ALREADY_AUTHENTICATED = 4005,
    OPCODE_RATE_LIMITED = 4008,
    OPCODE_SESSION_TIMEOUT = 4009,
};

enum opcode_route {
    ROUTE_SOCKET = 1,
    ROUTE_THREADS,
    ROUTE_THREAD,
    ROUTE_SEND_TO_USER,
    ROUTE_SEND_TO_THREAD,
    ROUTE_THREAD_VERB,
    ROUTE_TOKEN,
    ROUTE_REGISTER,
    ROUTE_PROFILE,
};

struct opcode_instance {
    enum opcode auth_failure; /* answers a bad token */
};

struct opcode_session {
    /* Of a socket. */
    unsigned under_way;     /* commands without a result yet */
    enum opcode last_word;  /* what ends the socket when there are none; 0: it goes on */

    /* Of an HTTP exchange. */
    enum opcode_route route;
    enum {
        LIST_WHOLE = 0, /* nothing of the list of threads has been told */
        LIST_PIECES,
    } list;
    uint64_t told;          /* threads so far */
    uint64_t cursor;        /* where its next page begins; 0: there is none */
};

/* ---- frames.c: the codec ---- */

struct opcode_frame {
    enum opcode code;
    struct dm_slice event;      /* DISPATCH: present */
    const struct dm_json *data; /* "d", or what stands in it as JSON text */
};

/* Returns 0, or -1 for what a decode error answers. */
int opcode_decode(const struct dm_host *host, struct dm_slice text,
                  struct opcode_frame *ret_frame);

/* The name that counts and logs such a frame. */
const char *opcode_frame_type(const struct opcode_frame *frame);

/* A frame without data, ended. */
void opcode_put_bare(struct dm_out *out, enum opcode code);

/* Opens a DISPATCH frame up to its data object, and ends it. */
void opcode_put_event(struct dm_out *out, const char *event);
void opcode_end_event(struct dm_out *out, const char *event);

void opcode_redact(struct dm_instance *instance, const struct dm_frame *frame,
                   struct dm_out *out);

/* ---- thread_json.c ---- */

void opcode_put_person(struct dm_out *out, const char *key, const struct dm_user *user);
void opcode_put_profile(struct dm_out *out, const struct dm_user *user);

enum opcode_count {
    OPCODE_WITHOUT_COUNT,
    OPCODE_WITH_COUNT, /* with message_count */
};

/* A thread with its last message, or with the page of messages given. */
void opcode_put_thread(struct dm_out *out, const struct dm_thread *thread,
                       enum opcode_count count);
void opcode_put_thread_page(struct dm_out *out, const struct dm_thread *thread,
                            const struct dm_message *const *messages, size_t count);

const char *opcode_message_state(enum dm_message_state state);

/* ---- socket.c ---- */

void opcode_open(struct dm_session *session, const struct dm_request *request);
const char *opcode_frame(struct dm_session *session, const struct dm_frame *frame);
void opcode_socket_result(struct dm_session *session, const struct dm_result *result);
void opcode_event(struct dm_instance *instance, const struct dm_event *event,
                  const struct dm_view *view, struct dm_out *out);
void opcode_notice(struct dm_session *session, enum dm_notice notice,
                   const struct dm_frame *frame);

/* ---- rest.c ---- */

void opcode_request(struct dm_session *session, const struct dm_request *request);
void opcode_fault(struct dm_session *session, const struct dm_request *request, int status);
void opcode_rest_result(struct dm_session *session, const struct dm_result *result);
/* The client can take more of the list of threads. */
void opcode_list_on(struct dm_session *session);

/* {"message": text} with the status; text NULL: what the status is called. */
void opcode_respond_message(struct dm_session *session, int status, const char *text);
/* The answer to an outcome that is the same on every route. */
void opcode_respond_failure(struct dm_session *session, enum dm_status status);

/* ---- account.c: tokens, registration, profile ---- */

void opcode_request_token(struct dm_session *session, const struct dm_request *request);
void opcode_request_register(struct dm_session *session, const struct dm_request *request);
void opcode_token_result(struct dm_session *session, const struct dm_result *result);
void opcode_register_result(struct dm_session *session, const struct dm_result *result);
void opcode_profile_result(struct dm_session *session, const struct dm_result *result);

#endif
