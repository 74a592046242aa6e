/* The adapter contract. Adapters include it as <dragoman/adapter.h>.
 *
 * An adapter implements one dialect: it decodes frames and requests into commands, and encodes
 * results and events into frames and responses. Everything else (sockets, authentication,
 * authorization, limits, order, storage, logging) is the host's.
 *
 * An adapter defines one constant descriptor, `const struct dm_adapter`, built-in ones and shared
 * objects alike; a shared object exports it as the symbol DM_ADAPTER_SYMBOL.
 *
 * Rules that hold for every hook and every host function:
 *  - One thread. Hooks run on the loop's thread, one at a time, and never inside one another. All
 *    sessions of the process wait while a hook runs: it must not block, neither on files, sockets,
 *    locks and names nor on long computations.
 *  - Host functions are called in hooks of the adapter, on its own sessions and its own instance,
 *    and nowhere else. Each returns at once, and none calls a hook before it returns: what follows
 *    from it comes when the hook is over.
 *  - Ownership. What a hook gets is borrowed until it returns; what a host function gets is copied
 *    before it returns, if the host needs it longer. (Exception: strings put into a struct dm_out
 *    are borrowed until that frame or response ends.) An adapter frees nothing of the host's, and
 *    the host nothing of the adapter's: what hangs on `state` is freed in `close` and `stop`.
 *  - Sessions. `close` is the last hook of a session. After dm_close the session gets no more
 *    frames, results or events, only `close`; what is written or submitted then is dropped.
 *  - Errors. The host checks each argument it gets, in release builds too. A wrong one is logged
 *    ("adapter broke the contract") and the call has no effect; functions that return something
 *    return what they do for nothing there (NULL, 0, an absent slice). Outcomes that a correct
 *    adapter may meet are values: enum dm_status in results, enum dm_notice.
 *  - Limits. What a peer may do too much of is stopped before the adapter sees it (frame sizes,
 *    rates, backlogs: settings that every adapter has). What an adapter writes for a peer that does
 *    not read is queued up to limits.send_queue_bytes; then that peer is disconnected.
 *  - Growth. An adapter built against minor version N loads into a host with any later minor; a
 *    host refuses one of another major or a later minor. For that, structs grow at their tail only,
 *    the large ones say their size, and constant arrays come as struct dm_table with their row
 *    size. These never grow, because one side embeds them or fills them for the other without a
 *    size: dm_slice, dm_uuid, dm_table, dm_limits, dm_header, dm_response, dm_part, dm_ref,
 *    dm_upload, dm_profile. Enums get further members: an adapter passes over a notice, status or
 *    session kind that it does not know, as `default:` does. Of events it gets only those that its
 *    capabilities name.
 *
 * Minor versions: 1.1 added Engine.IO routes, the hook `configure`, flags of settings and
 * DM_SETTING_DEFAULT; 1.2 added dm_finish, and .user of APPROVE and BLOCK; 1.3 added
 * DM_CMD_TOLD_LATER; 1.4 added DM_ROUTE_PIECES, the hook `body` and dm_body_next. */
#ifndef DRAGOMAN_ADAPTER_H
#define DRAGOMAN_ADAPTER_H

#include <stdint.h>

#include "../model/event.h"
#include "../model/result.h"

#define DM_ABI_MAJOR 1
#define DM_ABI_MINOR 4
#define DM_ADAPTER_SYMBOL "dragoman_adapter"
#define DM_COOKIE_MAX 65536 /* bytes, see dm_submit */

/* Begins the definition of the descriptor: DM_ADAPTER_DEFINE = { .size = ..., ... };
 * An adapter that is built into the program gets another name for it from the build. */
#ifndef DM_ADAPTER_DESCRIPTOR
#define DM_ADAPTER_DESCRIPTOR dragoman_adapter
#endif
#define DM_ADAPTER_DEFINE \
    extern __attribute__((visibility("default"))) const struct dm_adapter DM_ADAPTER_DESCRIPTOR; \
    const struct dm_adapter DM_ADAPTER_DESCRIPTOR

struct dm_host;
struct dm_json; /* a parsed JSON value */
struct dm_part;
struct dm_out;  /* where frames and response bodies are written */

/* A constant array whose rows may have been compiled shorter or longer than the reader's. */
struct dm_table {
    const void *rows;
    uint32_t row_size;
    uint32_t count;
};
#define DM_TABLE(array) \
    { (array), (uint32_t)sizeof((array)[0]), (uint32_t)(sizeof(array) / sizeof((array)[0])) }

/* ---- what the host hands out ------------------------------------------------------------- */

/* One configured adapter. The host allocates `state` (descriptor: instance_size, zeroed). */
struct dm_instance {
    const struct dm_host *host;
    void *state;
    const char *name;  /* as configured */
    const char *mount; /* path prefix, "" or like "/chat", without trailing slash */
};

enum dm_session_kind {
    DM_SESSION_SOCKET = 0, /* a WebSocket */
    DM_SESSION_REQUEST,    /* one HTTP exchange; `open` is not called, `close` is */
    DM_SESSION_SOCKETIO,   /* a namespace that a Socket.IO client has joined */
    DM_SESSION_ENGINEIO,   /* an Engine.IO session */
};

/* One peer. The host allocates `state` (descriptor: session_size, zeroed). */
struct dm_session {
    const struct dm_host *host;
    struct dm_instance *instance;
    void *state;
    const struct dm_user *user; /* the principal; NULL until authenticated. Read-only, set once by
                                   the host; the struct is replaced when the user's data change */
    enum dm_session_kind kind;
};

enum dm_frame_kind {
    DM_FRAME_TEXT = 0, /* valid UTF-8: the host has checked */
    DM_FRAME_BINARY,
};

enum dm_frame_flag {
    DM_FRAME_WANTS_ACK = 1u << 0, /* Socket.IO: dm_ack_end may answer it, once, with `ack` */
    DM_FRAME_SENT = 1u << 1,      /* for `redact`: the adapter's own, on its way to the peer */
};

/* A message of a WebSocket or Engine.IO session; or a Socket.IO event, which is text: a JSON array
 * of at least one element, the name (a string or number) and its arguments. */
struct dm_frame {
    enum dm_frame_kind kind;
    struct dm_slice data;
    uint32_t flags;             /* enum dm_frame_flag */
    uint64_t ack;               /* below 2^53 */
    const struct dm_slice *attachments; /* binary arguments: {"_placeholder":true,"num":n} in data
                                           stands for the one at n */
    uint32_t attachment_count;
};

/* An HTTP request, or the request that asked for a WebSocket. */
struct dm_request {
    uint32_t route;             /* the matched row's id; of no meaning in `fault` for 404 */
    enum dm_status auth;        /* OK: the session has a principal. UNAUTHENTICATED with
                                   credentials.ptr == NULL: there were none */
    struct dm_slice credentials; /* present when the request carried a token; always empty */
    struct dm_slice method;
    struct dm_slice path;       /* below the mount, from "/" on; decoded, "?" for no UTF-8 */
    const struct dm_slice *params; /* what matched the path's ":name" segments, in order */
    size_t param_count;
    struct dm_slice body;       /* whole; absent when there was none, or it comes in pieces */
    struct dm_slice content_type; /* lower-cased, without parameters; absent when not given */
};

struct dm_header {
    const char *name;
    struct dm_slice value;
};

struct dm_response {
    int status;                 /* 200..599 */
    const char *content_type;   /* NULL: application/json when there is a body */
    const struct dm_header *headers;
    size_t header_count;
};

/* To whom an event is being encoded. */
struct dm_view {
    enum dm_audience audience;
    uint32_t variant;             /* of the sessions, as dm_set_variant said; 0 otherwise */
    const struct dm_user *viewer; /* the one user whose sessions these are; NULL when the same
                                     bytes go to several users */
    struct dm_slice cookie;       /* MESSAGE_RELEASED, for the session that sent the held message:
                                     that command's cookie; absent otherwise */
};

/* What happens to a session beside frames. */
enum dm_notice {
    DM_NOTICE_AUTH_TIMEOUT = 0, /* no principal in time; the host closes after the hook */
    DM_NOTICE_RATE_LIMITED,     /* this frame was over the limit and is dropped. Answer it, close,
                                   or, where the dialect has no word for it, do nothing */
    DM_NOTICE_BACKLOG,          /* this frame cannot be taken now, as too many commands wait for
                                   the store; dropped. The same choice */
    DM_NOTICE_REVOKED,          /* token revoked or user deactivated; the principal is gone */
    DM_NOTICE_DRAINING,         /* the gateway goes down; the host closes (1001) after the hook */
    DM_NOTICE_TIMER,            /* the timer asked for by dm_timer */
    DM_NOTICE_WRITABLE,         /* a response in pieces may go on, see dm_respond_piece */
};

/* ---- what the adapter declares ------------------------------------------------------------ */

enum dm_transport {
    DM_WEBSOCKET = 1,
    DM_HTTP,
    DM_SOCKETIO, /* Socket.IO 5 over Engine.IO 4, long-polling and WebSocket. A WebSocket route of
                    the same path takes upgrades that name no EIO, transport or sid */
    DM_ENGINEIO, /* Engine.IO 4 alone, for dialects that put something else than Socket.IO into
                    its messages. Paths as with DM_SOCKETIO, `auth` is NONE */
};

enum dm_route_auth {
    DM_AUTH_NONE = 0, /* no credentials are looked at */
    DM_AUTH_OPTIONAL, /* looked at when present; request->auth tells */
    DM_AUTH_REQUIRED, /* none or bad ones: `fault` with 401, before anything else */
};

enum dm_route_flag {
    DM_ROUTE_HANDSHAKE = 1u << 0, /* a session without principal may submit LOGIN, REGISTER,
                                     REFRESH here (WebSockets always may) */
    DM_ROUTE_LOOKUP = 1u << 1,    /* ... and USER_LOOKUP */
    DM_ROUTE_PIECES = 1u << 2,    /* HTTP: the body is asked for by dm_body_next. Since 1.4 */
};

struct dm_route {
    enum dm_transport transport;
    const char *method;       /* HTTP: "GET" (HEAD comes with it), "POST", ... */
    const char *path;         /* below the mount: "/ws", "/thread/:id/:verb", "/". A trailing
                                 slash is tolerated both ways */
    enum dm_route_auth auth;
    const char *auth_query;   /* query parameter that may bear the token instead of the
                                 Authorization header, and counts before it; NULL: none */
    uint32_t flags;           /* enum dm_route_flag */
    uint32_t id;              /* the adapter's own number, given back in requests */
    const char *ns;           /* SOCKETIO: "/" or a namespace like "/chat". `auth` is NONE: what a
                                 client brings to CONNECT is `open`'s to look at */
};

enum dm_setting_kind {
    DM_SETTING_STRING = 1,
    DM_SETTING_INT,  /* min..max */
    DM_SETTING_BOOL, /* read by setting_int: 0 or 1 */
    DM_SETTING_WORD, /* one of `words`, NULL-terminated */
    DM_SETTING_DEFAULT, /* no setting of its own: `fallback` becomes the default of the setting of
                           that key which every adapter has ("rate"), and stands before the
                           gateway's limits.rate and limits.burst; the rest is passed over. Since
                           1.1 */
};

enum dm_setting_flag {
    DM_SETTING_SECRET = 1u << 0, /* never shown */
};

/* A key below `settings` of the adapter in the configuration. The host reads and checks it: a value
 * of another kind, or a key that no row has, keeps the gateway from starting. */
struct dm_setting {
    const char *key;          /* as a name of adapters; not that of a setting that all have */
    enum dm_setting_kind kind;
    const char *fallback;     /* default, as it would stand in the file; NULL: absent */
    int64_t min, max;
    const char *const *words;
    const char *doc;          /* one line */
    uint32_t flags;           /* enum dm_setting_flag; since 1.1 */
};

enum dm_treatment {
    DM_SUPPORTED = 1, /* the dialect has a word for it */
    DM_TRANSLATED,    /* said in other words */
    DM_STORED_ONLY,   /* not pushed; visible when the client asks */
    DM_DROPPED,       /* the dialect cannot show it */
};

/* One row per event kind; kinds without a row are dropped. `event` is called for SUPPORTED and
 * TRANSLATED kinds only. */
struct dm_capability {
    enum dm_event_kind event;
    enum dm_treatment treatment;
    const char *note;         /* what becomes of it: one line of UTF-8, no control characters */
};

enum dm_adapter_flag {
    DM_ADAPTER_CHATS = 1u << 0,    /* knows chats. Without: events of chats do not reach it, unless
                                      the setting `chats: flatten` shows their messages as direct
                                      ones; the host adds that setting */
    DM_ADAPTER_REQUESTS = 1u << 1, /* knows message requests: its clients say APPROVE and BLOCK.
                                      Without: the host adds DM_CMD_ANSWER_APPROVES to each SEND,
                                      so that an answer of the asked one approves the request */
    DM_ADAPTER_ANONYMOUS = 1u << 2, /* a session needs no principal to be of use: no auth timeout,
                                      and the larger frame limit from the start */
};

/* Defaults of the limits that every adapter has; each is a setting of the same name. 0: the
 * host's default. */
struct dm_limits {
    uint32_t frame_max_unauthenticated; /* bytes; 64 KiB */
    uint32_t frame_max;                 /* bytes; 1 MiB */
    uint32_t auth_timeout_ms;           /* 45 s */
    uint32_t ping_interval_ms;          /* WebSocket keep-alive; 30 s */
    uint32_t body_max;                  /* bytes of an HTTP request, also in pieces; 1 MiB */
};

struct dm_adapter {
    uint32_t size;               /* sizeof(struct dm_adapter) */
    uint16_t abi_major;          /* DM_ABI_MAJOR */
    uint16_t abi_minor;          /* DM_ABI_MINOR */
    const char *name;            /* [a-z][a-z0-9_-]*, at most 31 characters */
    const char *title;
    const char *version;
    uint32_t flags;              /* enum dm_adapter_flag */
    uint32_t instance_size;
    uint32_t session_size;
    struct dm_limits limits;
    struct dm_table routes;       /* struct dm_route */
    struct dm_table settings;     /* struct dm_setting */
    struct dm_table capabilities; /* struct dm_capability */

    /* All hooks may be NULL unless said otherwise. Which host functions a hook may call: those that
     * take the session it got, or another one of the same instance that is open; dm_log, settings
     * and reading JSON everywhere; what is said of a request's data where it says so. */

    /* The instance is configured: `instance->state` is zeroed, settings can be read. Sessions come
     * when the adapters of the process have all started. Returns 0, or -1 after dm_log said why
     * (the gateway's last line ends with that): the gateway does not start then, `stop` of this
     * instance does not run, and what `start` had allocated must be gone again. It may be called
     * once more, with a zeroed state. */
    int (*start)(struct dm_instance *instance);
    /* The last hook of an instance that has started; every session of it has been closed. */
    void (*stop)(struct dm_instance *instance);

    /* A WebSocket wants in; its route's `auth` has been seen to. NULL: it is accepted. Otherwise
     * the adapter calls dm_accept or dm_respond, here or later (from `result` or `notice`). Without
     * either until limits.handshake_ms it is answered 503. */
    void (*upgrade)(struct dm_session *session, const struct dm_request *request);
    /* The WebSocket is open. With DM_AUTH_OPTIONAL request->auth tells what came of a token.
     * Socket.IO: the client has joined the namespace and been told so (`upgrade` is not asked);
     * request->body is the object that came with CONNECT, as JSON text, request->path the
     * namespace. Engine.IO: the handshake is done; nothing but request->route is set. */
    void (*open)(struct dm_session *session, const struct dm_request *request);
    /* One message or event of the peer, whole, within the limit. Returns its type for metrics and
     * log: a string of static storage from a small set ("SEND_MESSAGE"), "invalid" for what is
     * none; the 33rd and later ones are counted as "other". Required with WebSocket, Socket.IO and
     * Engine.IO routes. */
    const char *(*frame)(struct dm_session *session, const struct dm_frame *frame);

    /* An HTTP request of a route, authenticated as the route says, its body within body_max: whole,
     * or still to be read (DM_ROUTE_PIECES). The adapter answers once, by dm_respond or
     * dm_respond_begin, here or later; until then it has something under way: a command, a timer, a
     * piece that has not come or was not taken. One with nothing under way is answered 500, one
     * that takes longer than a minute 503. Required with HTTP routes. */
    void (*request)(struct dm_session *session, const struct dm_request *request);
    /* The host refuses a request (also one for a WebSocket): 401, 404 (no route), 405, 413, 429,
     * 503. The adapter answers by dm_respond in its dialect, at once; if it does not, or without
     * this hook, the host answers plainly. */
    void (*fault)(struct dm_session *session, const struct dm_request *request, int status);

    /* The one answer of a command, with the cookie given to dm_submit. Never called inside
     * dm_submit. Results come in the order of the session's commands. After DM_NOTICE_REVOKED
     * those of commands under way still come, and session->user is NULL then. */
    void (*result)(struct dm_session *session, const struct dm_result *result,
                   struct dm_slice cookie);
    /* Encodes one event for all sessions that `view` describes: zero or more frames into `out`,
     * each ended by dm_frame_end. Called once per event, audience and variant; the bytes are
     * shared. Must depend on its arguments and the instance alone; dm_out, dm_submit and whatever
     * else takes a session has no place here. Required when any capability is SUPPORTED or
     * TRANSLATED. */
    void (*event)(struct dm_instance *instance, const struct dm_event *event,
                  const struct dm_view *view, struct dm_out *out);

    /* Something else happened. `frame` is set for RATE_LIMITED and BACKLOG, NULL otherwise.
     * Without this hook AUTH_TIMEOUT, RATE_LIMITED, BACKLOG and REVOKED close with 1008. */
    void (*notice)(struct dm_session *session, enum dm_notice notice,
                   const struct dm_frame *frame);
    /* The last hook of a session, also of one whose upgrade was refused: the peer is gone, or was
     * closed. Not of a socket that no other hook ever saw, as one that goes before `open`. Frees
     * what hangs on session->state; the host frees the state itself, and the session: a pointer to
     * it that is kept beyond this hook leads nowhere, and no call may be given it. Nothing can be
     * written or submitted any more. Commands under way are carried out, but their results are not
     * delivered. */
    void (*close)(struct dm_session *session);

    /* Pure, for the log and the inspector: writes the frame with every secret in it replaced by
     * "***" into `out`, as one frame. NULL: frames are never shown. `frame` may be any bytes, of
     * either direction. No session is at hand. */
    void (*redact)(struct dm_instance *instance, const struct dm_frame *frame,
                   struct dm_out *out);

    /* Settings have changed while sessions are there: what `start` has read of them is to be read
     * again. An adapter with `start` and without this hook keeps what it has read. */
    void (*configure)(struct dm_instance *instance);

    /* A piece of the body: 1 byte to 128 KiB; absent at its end. Whatever keeps that from coming is
     * told by `close` (too much: after `fault`). Required with DM_ROUTE_PIECES. Since 1.4. */
    void (*body)(struct dm_session *session, struct dm_slice piece);
};

/* ---- JSON reading -------------------------------------------------------------------------- */

enum dm_json_type {
    DM_JSON_NONE = 0, /* of a NULL value */
    DM_JSON_NULL,
    DM_JSON_BOOL,
    DM_JSON_INT,      /* fits int64_t */
    DM_JSON_REAL,
    DM_JSON_STRING,
    DM_JSON_ARRAY,
    DM_JSON_OBJECT,
};

enum dm_field_kind {
    DM_FIELD_STRING = 1, /* struct dm_slice: valid UTF-8; may hold U+0000, which the core refuses */
    DM_FIELD_INT,        /* int64_t */
    DM_FIELD_INT_LOOSE,  /* int64_t, from an int or a string of digits */
    DM_FIELD_UUID,       /* struct dm_uuid */
    DM_FIELD_VALUE,      /* const struct dm_json *: any type */
    DM_FIELD_ARRAY,      /* const struct dm_json * */
    DM_FIELD_OBJECT,     /* const struct dm_json * */
    DM_FIELD_SCALAR,     /* struct dm_slice: a string, or an int as its digits */
};

enum dm_field_flag {
    DM_FIELD_REQUIRED = 1u << 0,
    DM_FIELD_NULLABLE = 1u << 1, /* null counts as absent */
};

/* One row of a decode table: JSON key → member of a struct. */
struct dm_field {
    const char *key;
    enum dm_field_kind kind;
    uint32_t flags;
    uint32_t offset; /* offsetof in the destination */
};

/* ---- the host table ------------------------------------------------------------------------ */

enum dm_log_level {
    DM_LOG_DEBUG = 0,
    DM_LOG_INFO,
    DM_LOG_WARNING,
    DM_LOG_ERROR,
};

enum dm_time_style {
    DM_TIME_BARE = 0, /* 2026-11-20T08:29:21.766487 */
    DM_TIME_Z,        /* ...Z */
    DM_TIME_OFFSET,   /* ...+00:00 */
};

/* The functions behind the dm_* wrappers below, where each is described. */
struct dm_host {
    uint32_t size;
    uint16_t abi_major;
    uint16_t abi_minor;

    void (*submit)(struct dm_session *, const struct dm_command *, struct dm_slice cookie);
    void (*close)(struct dm_session *, uint16_t code);
    void (*accept)(struct dm_session *, const char *subprotocol);
    void (*timer)(struct dm_session *, uint32_t ms);
    void (*set_variant)(struct dm_session *, uint32_t variant);
    void (*log)(struct dm_instance *, enum dm_log_level, const char *text);
    int64_t (*setting_int)(const struct dm_instance *, const char *key);
    struct dm_slice (*setting_str)(const struct dm_instance *, const char *key);
    struct dm_slice (*request_header)(struct dm_session *, const char *name);
    struct dm_slice (*request_query)(struct dm_session *, const char *name);
    struct dm_slice (*request_form)(struct dm_session *, const char *name);

    struct dm_out *(*out)(struct dm_session *);
    void (*respond)(struct dm_session *, const struct dm_response *, struct dm_out *);
    void (*respond_begin)(struct dm_session *, const struct dm_response *);
    int (*respond_piece)(struct dm_session *, struct dm_out *);
    void (*respond_end)(struct dm_session *);
    void (*respond_abort)(struct dm_session *);
    void (*put_object)(struct dm_out *, const char *key);
    void (*put_array)(struct dm_out *, const char *key);
    void (*put_end)(struct dm_out *);
    void (*put_string)(struct dm_out *, const char *key, struct dm_slice);
    void (*put_int)(struct dm_out *, const char *key, int64_t);
    void (*put_bool)(struct dm_out *, const char *key, int);
    void (*put_null)(struct dm_out *, const char *key);
    void (*put_json)(struct dm_out *, const char *key, struct dm_slice json);
    void (*put_uuid)(struct dm_out *, const char *key, const struct dm_uuid *);
    void (*put_time)(struct dm_out *, const char *key, int64_t us, enum dm_time_style);
    void (*put_url)(struct dm_out *, const char *key, const struct dm_attachment *);
    void (*put_message_text)(struct dm_out *, const char *key, const struct dm_message *);
    void (*put_raw)(struct dm_out *, struct dm_slice bytes);
    void (*frame_end)(struct dm_out *, enum dm_frame_kind, const char *type);

    const struct dm_json *(*json_parse)(const struct dm_host *, struct dm_slice text);
    enum dm_json_type (*json_type)(const struct dm_json *);
    const struct dm_json *(*json_get)(const struct dm_json *object, const char *key);
    const struct dm_json *(*json_next)(const struct dm_json *container,
                                       const struct dm_json *previous);
    size_t (*json_count)(const struct dm_json *container);
    struct dm_slice (*json_string)(const struct dm_json *);
    int64_t (*json_int)(const struct dm_json *);
    struct dm_slice (*json_text)(const struct dm_host *, const struct dm_json *);
    int (*json_decode)(const struct dm_host *, const struct dm_json *object,
                       const struct dm_table *fields, void *dest, const char **ret_field);
    struct dm_slice (*base64_decode)(const struct dm_host *, struct dm_slice text);

    void (*ack_end)(struct dm_out *, uint64_t ack, const char *type);
    void (*put_attachment)(struct dm_out *, struct dm_slice bytes);
    int (*request_part)(struct dm_session *, size_t index, struct dm_part *ret_part);
    void (*finish)(struct dm_session *, uint16_t code);
    void (*body_next)(struct dm_session *);
};

/* Asks the core, in any hook that has a session but `close`. Everything is copied. The one answer
 * comes by `result`, later, with a copy of `cookie` (at most DM_COOKIE_MAX; absent: none). Refused
 * before the session is authenticated, except for the handshake verbs; every refusal is a result
 * too: INVALID with the member at fault, TOO_LARGE, LIMITED when limits.queue_max commands of that
 * session are under way, UNAVAILABLE when the database cannot take more. While a handshake verb
 * that can set the principal of a socket is under way, no further frame is read from the peer:
 * `frame` never sees a login half done. */
static inline void dm_submit(struct dm_session *session, const struct dm_command *command,
                             struct dm_slice cookie) {
    session->host->submit(session, command, cookie);
}

/* Closes a WebSocket after what was written has left; commands under way are carried out, but not
 * answered any more: dm_finish waits for them. code 0: a Close frame without a body. Only
 * codes that RFC 6455 section 7.4 lets an endpoint send; any other is logged and becomes 1011. The
 * hook `close` follows, later. No effect on what is not open, or closing already.
 * Engine.IO: a polling client gets a close packet instead.
 * Socket.IO: the client gets DISCONNECT, after which it does not come back by itself, but not for
 * codes that want it back (1001, 1011 to 1013). With its last namespace the connection closes. */
static inline void dm_close(struct dm_session *session, uint16_t code) {
    session->host->close(session, code);
}

/* As dm_close, but once the commands under way have been answered: for a client that says goodbye
 * behind other frames. What the peer sends after that is not taken; results and events come, and
 * what is written leaves, until then. The first code counts; dm_close closes at once all the same.
 * Since 1.2. */
static inline void dm_finish(struct dm_session *session, uint16_t code) {
    session->host->finish(session, code);
}

/* Accepts the WebSocket that `upgrade` left open, in a hook of the same session; `open` follows
 * when that hook has returned. subprotocol: one that the client offered, or NULL; another one is
 * logged and left out. */
static inline void dm_accept(struct dm_session *session, const char *subprotocol) {
    session->host->accept(session, subprotocol);
}

/* Runs `notice` with DM_NOTICE_TIMER once, after so many milliseconds (at most a day: longer is
 * cut); replaces the session's earlier timer; 0 cancels it. It ends with the session. */
static inline void dm_timer(struct dm_session *session, uint32_t ms) {
    session->host->timer(session, ms);
}

/* Sorts the session into one of the adapter's framings, 0..15: `event` encodes once for each. 0 at
 * first; may change at any time, for the events from then on. */
static inline void dm_set_variant(struct dm_session *session, uint32_t variant) {
    session->host->set_variant(session, variant);
}

/* Logs a line, in any hook; what goes beyond 500 bytes is cut off. It is written when the gateway's
 * log.level lets it. No secret and no message text belongs into it. */
static inline void dm_log(struct dm_instance *instance, enum dm_log_level level, const char *text) {
    instance->host->log(instance, level, text);
}

/* The value of a declared setting, or of one that every adapter has ("frame_max"), in any hook; 0
 * or absent when it has none or is not declared. It changes just before `configure` runs, and not
 * otherwise; the string lives as long as the instance. */
static inline int64_t dm_setting_int(const struct dm_instance *instance, const char *key) {
    return instance->host->setting_int(instance, key);
}

static inline struct dm_slice dm_setting_str(const struct dm_instance *instance, const char *key) {
    return instance->host->setting_str(instance, key);
}

/* A header of the request (name compared without case; any bytes), a percent-decoded query
 * parameter, or a field of an application/x-www-form-urlencoded body (both valid UTF-8): the first
 * of that name; absent when not there. In `upgrade`, `open`, `request`, `body` and `fault` only,
 * and never for Socket.IO. Lives until the hook returns. */
static inline struct dm_slice dm_request_header(struct dm_session *session, const char *name) {
    return session->host->request_header(session, name);
}

static inline struct dm_slice dm_request_query(struct dm_session *session, const char *name) {
    return session->host->request_query(session, name);
}

static inline struct dm_slice dm_request_form(struct dm_session *session, const char *name) {
    return session->host->request_form(session, name);
}

/* One part of a multipart/form-data body (RFC 7578): any bytes. */
struct dm_part {
    struct dm_slice name;         /* of the field */
    struct dm_slice filename;     /* absent when it is no file */
    struct dm_slice content_type; /* absent when not given */
    struct dm_slice data;
};

/* Part number `index` of the request's body: 1 with ret_part, which borrows from the body; 0 past
 * the last; -1 when the body is no sound multipart/form-data. Cheapest in rising order. In
 * `request` only. */
static inline int dm_request_part(struct dm_session *session, size_t index,
                                  struct dm_part *ret_part) {
    return session->host->request_part(session, index, ret_part);
}

/* Has the next piece of a DM_ROUTE_PIECES request's body brought to `body`, one for each call, in
 * any hook from `request` on. Until it is called the peer waits. The minute for the answer begins
 * anew with each piece. After an answer none comes: what is left of the body is thrown away when it
 * is small, else the connection closes behind the answer. Since 1.4. */
static inline void dm_body_next(struct dm_session *session) {
    session->host->body_next(session);
}

/* Where the session's next frames (WebSocket) or its response body (HTTP) are written; emptied by
 * this call. Never NULL. There is one for the whole process: finish a frame before the next call of
 * dm_out and before the hook returns, or it is dropped and logged. After dm_close and after an
 * answer, what is written goes nowhere. Not in `event`, which has an `out` of its own. */
static inline struct dm_out *dm_out(struct dm_session *session) {
    return session->host->out(session);
}

/* Answers an HTTP request, or refuses the WebSocket of `upgrade`, once; `out` holds the body, NULL
 * for none. A status or header that cannot be sent is answered 500 instead. At most 32 headers;
 * where they lack them, the host adds WWW-Authenticate to a 401, Allow to a 405 that it asked for
 * by `fault`, and Retry-After to a 429 or 503. */
static inline void dm_respond(struct dm_session *session, const struct dm_response *response,
                              struct dm_out *out) {
    session->host->respond(session, response, out);
}

/* Answers an HTTP request in pieces, for what is too long to be held as a whole: begin, any number
 * of pieces, end; or abort, after which the client cannot take what it has for whole. Over several
 * hooks, each of which starts with a fresh dm_out. */
static inline void dm_respond_begin(struct dm_session *session,
                                    const struct dm_response *response) {
    session->host->respond_begin(session, response);
}

enum dm_piece {
    DM_PIECE_TAKEN = 0, /* go on */
    DM_PIECE_WAIT,      /* taken, but the client is slow: DM_NOTICE_WRITABLE tells when to go on */
};

/* Sends what is in `out`; an ill-formed one aborts the response. The client has a minute to take
 * each piece. */
static inline enum dm_piece dm_respond_piece(struct dm_session *session, struct dm_out *out) {
    return (enum dm_piece)session->host->respond_piece(session, out);
}

/* The response is whole. */
static inline void dm_respond_end(struct dm_session *session) {
    session->host->respond_end(session);
}

/* Cuts the connection. */
static inline void dm_respond_abort(struct dm_session *session) {
    session->host->respond_abort(session);
}

/* ---- writing ------------------------------------------------------------------------------- */

struct dm_out {
    const struct dm_host *host;
};

/* In every hook that has an `out`. JSON is put as values: an object or array stays open until its
 * dm_put_end. `key` is the member's name inside an object (static storage), NULL inside an array
 * and for the outermost value. At most 64 deep, and 64 MiB in one frame or body. After a wrong call
 * (a member without a key, an end too many, a string that is no UTF-8) the rest of the frame is
 * passed over, and its end drops and logs it; the next frame is as good as ever. */
static inline void dm_put_object(struct dm_out *out, const char *key) {
    out->host->put_object(out, key);
}

static inline void dm_put_array(struct dm_out *out, const char *key) {
    out->host->put_array(out, key);
}

static inline void dm_put_end(struct dm_out *out) {
    out->host->put_end(out);
}

/* An absent slice gives null. Borrowed until the frame or response ends. */
static inline void dm_put_string(struct dm_out *out, const char *key, struct dm_slice value) {
    out->host->put_string(out, key, value);
}

static inline void dm_put_str(struct dm_out *out, const char *key, const char *value) {
    out->host->put_string(out, key, dm_slice_str(value));
}

static inline void dm_put_int(struct dm_out *out, const char *key, int64_t value) {
    out->host->put_int(out, key, value);
}

static inline void dm_put_bool(struct dm_out *out, const char *key, int value) {
    out->host->put_bool(out, key, value);
}

static inline void dm_put_null(struct dm_out *out, const char *key) {
    out->host->put_null(out, key);
}

/* A value that is JSON text already, as dm_json_text gave it; absent or empty gives null. Not
 * checked again. Borrowed as with dm_put_string. */
static inline void dm_put_json(struct dm_out *out, const char *key, struct dm_slice json) {
    out->host->put_json(out, key, json);
}

/* NULL gives null. */
static inline void dm_put_uuid(struct dm_out *out, const char *key, const struct dm_uuid *uuid) {
    out->host->put_uuid(out, key, uuid);
}

/* Microseconds since the Unix epoch as an ISO 8601 string, with six decimals. */
static inline void dm_put_time(struct dm_out *out, const char *key, int64_t us,
                               enum dm_time_style style) {
    out->host->put_time(out, key, us, style);
}

/* The attachment's URL: the foreign one, or the gateway's own, absolute, signed, expiring. */
static inline void dm_put_url(struct dm_out *out, const char *key,
                              const struct dm_attachment *attachment) {
    out->host->put_url(out, key, attachment);
}

/* For dialects without attachments: the text, followed by one line per attachment's URL. */
static inline void dm_put_message_text(struct dm_out *out, const char *key,
                                       const struct dm_message *message) {
    out->host->put_message_text(out, key, message);
}

/* Bytes outside JSON, before or after a value: framing such as "42/chat,". */
static inline void dm_put_raw(struct dm_out *out, struct dm_slice bytes) {
    out->host->put_raw(out, bytes);
}

/* Ends a frame and sends it (a socket that is open), or hands it to every socket of the audience
 * (`event`). An empty frame is one too. `type`: as `frame` returns it. A text frame must be valid
 * UTF-8; one that is not is dropped and logged. Not for response bodies: dm_respond ends those. */
static inline void dm_frame_end(struct dm_out *out, enum dm_frame_kind kind, const char *type) {
    out->host->frame_end(out, kind, type);
}

/* Socket.IO: ends a frame, a JSON array of arguments, as the acknowledgement with that id. */
static inline void dm_ack_end(struct dm_out *out, uint64_t ack, const char *type) {
    out->host->ack_end(out, ack, type);
}

/* Socket.IO: a further binary argument of this frame (at most 16), for which the placeholder in
 * its JSON stands. Copied. */
static inline void dm_put_attachment(struct dm_out *out, struct dm_slice bytes) {
    out->host->put_attachment(out, bytes);
}

/* ---- reading ------------------------------------------------------------------------------- */

/* In any hook. Parses strictly (RFC 8259; lone surrogates, depth over 128 and trailing bytes are
 * errors). NULL when it is no JSON. The value, and what is read of it, lives until the hook
 * returns. The functions that read take NULL for a value that is not there. */
static inline const struct dm_json *dm_json_parse(const struct dm_host *host,
                                                  struct dm_slice text) {
    return host->json_parse(host, text);
}

/* DM_JSON_NONE for NULL. A number beyond int64_t is a REAL. */
static inline enum dm_json_type dm_json_type(const struct dm_host *host,
                                             const struct dm_json *value) {
    return host->json_type(value);
}

/* The member of that name, the first of several; NULL when there is none or `object` is no
 * object. */
static inline const struct dm_json *dm_json_get(const struct dm_host *host,
                                                const struct dm_json *object, const char *key) {
    return host->json_get(object, key);
}

/* Walks an array's elements: previous NULL gives the first; NULL after the last. */
static inline const struct dm_json *dm_json_next(const struct dm_host *host,
                                                 const struct dm_json *array,
                                                 const struct dm_json *previous) {
    return host->json_next(array, previous);
}

/* The number of an array's elements or an object's members; 0 for anything else. */
static inline size_t dm_json_count(const struct dm_host *host, const struct dm_json *container) {
    return host->json_count(container);
}

/* The string's bytes; absent when it is no string. */
static inline struct dm_slice dm_json_string(const struct dm_host *host,
                                             const struct dm_json *value) {
    return host->json_string(value);
}

/* The int, or a bool as 0 or 1; 0 for anything else. */
static inline int64_t dm_json_int(const struct dm_host *host, const struct dm_json *value) {
    return host->json_int(value);
}

/* The value as JSON text, to be kept in a cookie and echoed by dm_put_json: without white space,
 * strings with as few escapes as may be, numbers as they were written (1E5, -0, every digit), the
 * members in their order. NULL gives "null". */
static inline struct dm_slice dm_json_text(const struct dm_host *host,
                                           const struct dm_json *value) {
    return host->json_text(host, value);
}

/* Fills `dest` by a table of struct dm_field; members not in the object are left alone. Returns 0,
 * or -1 with the key of the first field that is missing or of a wrong type, as its row has it; with
 * "" when `object` is NULL or no object. */
static inline int dm_json_decode(const struct dm_host *host, const struct dm_json *object,
                                 const struct dm_table *fields, void *dest,
                                 const char **ret_field) {
    return host->json_decode(host, object, fields, dest, ret_field);
}

/* The bytes that a base64 text stands for (RFC 4648 section 4, strictly: no white space, padding
 * where it belongs); absent when it is none. Lives until the hook returns. */
static inline struct dm_slice dm_base64_decode(const struct dm_host *host, struct dm_slice text) {
    return host->base64_decode(host, text);
}

#endif
