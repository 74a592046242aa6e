/* What the files of the host share. Private to core/adapter. */
#ifndef DRAGOMAN_ADAPTER_INTERNAL_H
#define DRAGOMAN_ADAPTER_INTERNAL_H

#include "core/adapter/hook.h"
#include "core/adapter/host.h"
#include "core/adapter/inspect.h"
#include "core/adapter/json_read.h"
#include "core/adapter/multipart.h"
#include "core/adapter/out.h"
#include "core/adapter/router.h"
#include "core/base/list.h"
#include "core/base/map.h"
#include "core/base/metrics.h"
#include "core/base/token_bucket.h"
#include "core/net/engineio.h"

#define ADAPTER_NAME_MAX 31
#define SESSION_MAGIC UINT32_C(0x64726167)
#define TYPE_SLOTS 64 /* a power of two */
#define TYPES_MAX 32
#define ENCODED_MAX 16
#define ENCODED_TYPES_MAX 4
#define VARIANTS_MAX 16
#define TIMER_MS_MAX 86400000u
#define BUCKETS 4096 /* a power of two */

int adapter_fail(struct adapter_error *ret_error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
int adapter_check_settings(const struct dm_adapter *adapter, struct adapter_error *ret_error);

/* ---- counters by frame type: found by the address of the type's name ---- */

enum direction {
    DIRECTION_IN = 0,
    DIRECTION_OUT,
    DIRECTION_COUNT,
};

struct type_counters {
    struct {
        const char *type;
        struct metric_counter *counter;
    } slots[TYPE_SLOTS];
    uint32_t used;
};

/* ---- counters by route, method and status of requests answered ---- */

#define ANSWER_SLOTS 256 /* a power of two */
#define ANSWERS_MAX 192

struct answer_counters {
    struct {
        const struct dm_route *route;
        uint32_t answer; /* method and status; 0: the slot is free */
        struct metric_counter *counter;
    } slots[ANSWER_SLOTS];
    uint32_t used;
};

/* ---- counters by event: what became of it, session by session ---- */

enum event_outcome {
    EVENT_DELIVERED = 0, /* queued for the peer */
    EVENT_UNSUPPORTED,   /* the adapter's table says so */
    EVENT_CHATS,         /* of a chat, and the adapter knows none */
    EVENT_SILENT,        /* the adapter had nothing to say */
    EVENT_CLOSING,       /* the session was about to end */
    EVENT_SLOW,          /* the peer had left too much unread, and was disconnected */
    EVENT_OUTCOMES,
};

/* ---- instances ---- */

struct instance {
    struct dm_instance pub;
    struct host *host;
    const struct dm_adapter *origin;
    struct dm_adapter adapter; /* copied, so that every member this host knows can be read */
    struct adapter_values *values;
    struct adapter_values **retired; /* of before reloads: the adapter may hold their strings */
    uint32_t retired_count;
    char *name;
    char *mount;
    uint8_t treatment[DM_EVENT_KIND_COUNT];

    /* from the values */
    uint32_t frame_max_unauthenticated, frame_max, body_max;
    uint32_t auth_timeout_ms, ping_interval_ms;
    struct token_rate rate;
    struct dm_slice public_url;
    enum { CHATS_KNOWN = 0, CHATS_DROP, CHATS_FLATTEN } chats;
    uint32_t socket_flags;     /* enum engine_session_flag */

    struct type_counters types[DIRECTION_COUNT];
    struct answer_counters answers;
    struct metric_counter *events[DM_EVENT_KIND_COUNT][EVENT_OUTCOMES];
    struct metric_counter *notices[DM_NOTICE_WRITABLE + 1];
    uint32_t ping_timeout_ms, connect_timeout_ms; /* with Socket.IO or Engine.IO routes */
    uint32_t heartbeat_ms, payload_max;
    struct dm_slice cors_origins; /* with these or HTTP routes */

    struct engineio *engineio; /* NULL: no Socket.IO or Engine.IO routes */
    struct metric_gauge *sockets;
    struct metric_gauge *namespaces;
    struct metric_gauge *engineios;
    struct metric_gauge *connections; /* with Socket.IO or Engine.IO routes */
    struct metric_gauge *requests;
    struct metric_counter *opened;
    enum { INSTANCE_ADDED = 0, INSTANCE_STARTED } state;
};

/* ---- sessions ----
 *
 *   sockets:  HANDSHAKE ─▶ UPGRADING ─▶ OPEN ─▶ CLOSING ─▶ GONE
 *   Socket.IO:                           OPEN ─▶ CLOSING ─▶ GONE
 *                 └── fault, refusal ─▶ ANSWERED ────────────▲
 *   requests: HANDSHAKE ─▶ BODY ─▶ WAITING ─▶ ANSWERED ──────┘
 */
enum session_state {
    SESSION_HANDSHAKE = 0, /* the host is authenticating */
    SESSION_UPGRADING,     /* `upgrade` has it, and has not decided */
    SESSION_OPEN,
    SESSION_CLOSING,       /* a Close was asked for; nothing more is delivered */
    SESSION_BODY,          /* its body is on the way */
    SESSION_WAITING,       /* `request` has it, and has not answered */
    SESSION_PIECES,        /* a response in pieces has begun */
    SESSION_ANSWERED,      /* a response has been given */
    SESSION_GONE,          /* `close` runs or has run */
};

enum session_flag {
    SESSION_ACCEPTED = 1u << 0,     /* dm_accept was called, the host has not acted on it */
    SESSION_SEEN = 1u << 1,         /* a hook has run: `close` must */
    SESSION_PAUSED_LOGIN = 1u << 2, /* not read while a handshake verb is under way */
    SESSION_PAUSED_BACKLOG = 1u << 3,
    SESSION_PAUSED_DRAIN = 1u << 4,
    SESSION_HAS_TOKEN = 1u << 5,    /* the request bore credentials */
    SESSION_WAITS_FOR_PEER = 1u << 6, /* a piece was taken, DM_NOTICE_WRITABLE is owed */
    SESSION_PAUSED_FINISH = 1u << 7,  /* closes with finish_code once its commands are answered */
    SESSION_BODY_OPEN = 1u << 8,    /* of a route with pieces: there may be more of its body */
};
#define SESSION_PAUSED_ANY (SESSION_PAUSED_LOGIN | SESSION_PAUSED_BACKLOG | SESSION_PAUSED_DRAIN \
                            | SESSION_PAUSED_FINISH)

/* How frames are wrapped on their way to the peer. */
struct framing {
    enum dm_session_kind kind;
    const char *ns; /* Socket.IO: the namespace */
};

struct base_url {
    uint32_t refs;
    size_t len;
    char text[];
};

/* What is needed while the HTTP exchange lives. */
struct request {
    struct http_exchange *exchange;
    struct router_match match;
    struct dm_request pub;
    char *content_type;
    struct multipart_cursor parts; /* of the body */
    enum dm_status auth;
    uint32_t retry_after;
    int fault;         /* the status that `fault` was asked about; 0: none */
    int status;        /* responded */
    int64_t counted;   /* the user whose requests it is one of; 0: nobody's */
    char *subprotocol; /* of dm_accept, until it is acted on */
};

struct session {
    struct dm_session pub;
    uint32_t magic;
    uint8_t state;          /* enum session_state */
    uint8_t variant;
    uint16_t flags;         /* enum session_flag */
    struct instance *instance;
    struct engine_session engine;
    struct list link;       /* among all of the host's */
    struct websocket *ws;   /* of a socket that is open */
    struct sio_seat *seat;  /* of a Socket.IO or Engine.IO session: see sio.h */
    struct request *request;
    struct base_url *base;
    struct loop_timer deadline; /* handshake, auth or request timeout, by state */
    struct loop_timer timer;    /* dm_timer's */
    struct token_bucket bucket;
    uint16_t finish_code;   /* of dm_finish */
    uint64_t serial;        /* for the log */
    int64_t begun_us;       /* since the epoch */
    struct net_address client;
};

/* ---- the host ---- */

/* A frame that an encoding holds, kept while somebody watches. */
struct observed_frame {
    struct observed_frame *next;
    const char *type;
    enum dm_frame_kind kind;
    struct blob *payload;
};

struct encoded {
    const struct instance *instance;
    const struct base_url *base; /* NULL: its bytes hold no URL of ours */
    struct framing framing;
    int64_t viewer;              /* 0: shared by several */
    uint32_t variant;
    enum dm_audience audience;
    struct blob *blob;           /* NULL: nothing to say */
    struct metric_counter *types[ENCODED_TYPES_MAX];
    uint32_t frames;
    struct observed_frame *observed; /* newest first */
};

struct host {
    struct dm_host api; /* first: what adapters hold */
    struct host_config config;
    char *public_url;
    struct loop *loop;
    struct metrics *metrics;
    struct metrics *own_metrics; /* when none were given */
    struct engine *engine;
    struct router *router;
    struct instance **instances;
    size_t instance_count;

    struct list sessions;
    struct list sios;
    uint32_t session_count, socket_count;
    uint64_t next_serial;
    struct map_bytes bases;
    struct token_bucket *user_buckets; /* BUCKETS of them, by user and adapter; NULL: none yet */
    uint64_t *user_bucket_keys;
    struct map_u64 user_requests; /* user id → how many are under way, as a pointer */

    /* the hook that runs now */
    const struct instance *hook_instance;
    struct session *hook_session;
    enum hook_kind hook;
    struct {
        host_slow_hook_fn *fn; /* NULL: nobody looks at the clock */
        void *owner;
        uint64_t limit_us, since_us;
    } watch;
    struct json_reader reader;
    struct out out;
    struct out inert;             /* what a hook gets that may not write now */
    struct encoded *capture;      /* where frames go while `event` runs */
    const struct session *encode_for; /* whose base URL is being used */
    enum { BASE_UNUSED = 0, BASE_USED } base_use;

    struct encoded encoded[ENCODED_MAX];
    uint32_t encoded_count, encoded_next;
    uint64_t encoded_serial;

    const struct host_observer *observer; /* NULL: nobody watches */
    struct out redactor;          /* where `redact` writes ... */
    struct buf *redacted;         /* ... and that goes to */

    char start_said[256]; /* what the adapter that starts now has logged last; "": nothing */

    host_file_url_fn *file_url;
    void *file_url_data;

    enum { HOST_ACCEPTING = 0, HOST_DRAINING, HOST_DRAINED } phase;
    struct {
        host_drained_fn *done;
        void *userdata;
        struct loop_hook hook;   /* `done` is due */
        struct loop_timer timer; /* the next step */
        uint32_t pace;
        uint32_t left;           /* sessions that were not looked at yet */
        uint64_t at;             /* loop_now of the last step */
        uint64_t credit;
    } drain;
};

static inline struct session *session_of_engine(struct engine_session *engine) {
    return container_of(engine, struct session, engine);
}

/* api.c: the functions that adapters call. */
void host_api_init(struct host *host);
extern const struct out_sink host_out_sink;

/* session.c */
struct session *session_new(struct instance *instance, enum dm_session_kind kind,
                            const struct net_address *remote, const struct dm_route *route);
/* Runs `close` where due and frees. Only from the last callback of exchange or WebSocket. */
void session_end(struct session *session);
/* Takes over the engine's view of the principal. */
void session_update_user(struct session *session);
void session_pause(struct session *session, enum session_flag why);
void session_resume(struct session *session, enum session_flag why);
/* Closes a session that is no request. */
void session_close(struct session *session, uint16_t code);
/* ... once nothing of it is under way. */
void session_finish(struct session *session, uint16_t code);
void session_finish_if_idle(struct session *session);
void session_drain(struct session *session);
/* The socket is open: the auth timeout runs. */
void session_opened(struct session *session);
/* Keeps scheme and host of the request, when they are the base of the session's URLs. */
void session_keep_base(struct session *session);
struct dm_slice session_base_text(struct session *session);
/* Scheme and host of a request, counted; NULL when they are not what URLs begin with. */
struct base_url *base_of(struct instance *instance, const struct http_request *request);
struct base_url *base_ref(struct base_url *base);
void base_unref(struct host *host, struct base_url *base);
/* host.c */
void host_take_config(struct host *host, const struct host_config *config);
void instance_take_values(struct instance *instance);

/* drain.c. After something ended: was it the last that a drain waits for? */
void host_check_drained(struct host *host);
void host_drained_run(struct loop_hook *hook);
void host_drain_step(struct loop_timer *timer);

/* socket.c */
void socket_continue(struct session *session); /* the upgrade is authenticated as it should be */
void socket_open(struct session *session);     /* accepted */
/* One frame that came, of whatever carrier: limits, then the hook. */
void socket_take(struct session *session, const struct dm_frame *frame);

/* carrier.c: the same for WebSockets, Socket.IO and Engine.IO. */
struct framing session_framing(const struct session *session);
struct blob *carrier_join(struct blob *first, struct blob *second);
/* What is wrong with a frame of that framing; NULL: nothing. */
const char *carrier_check(const struct out *out, const struct framing *framing,
                          enum dm_frame_kind kind);
/* The frame as bytes that any carrier of that kind takes. */
struct blob *carrier_frame(const struct out *out, const struct framing *framing,
                           enum dm_frame_kind kind, struct dm_slice payload);
int carrier_send(struct session *session, const struct out *out, enum dm_frame_kind kind,
                 struct dm_slice payload);
int carrier_send_blob(struct session *session, struct blob *frames);
void carrier_set_max_message(struct session *session, uint32_t bytes);
void carrier_pause(struct session *session);
void carrier_resume(struct session *session);
void carrier_close(struct session *session, uint16_t code);

/* request.c */
void request_continue(struct session *session, const struct dm_result *result);
void request_run(struct session *session, struct dm_slice body);
void request_fault(struct session *session, int status);
int request_respond(struct session *session, const struct dm_response *response,
                    struct dm_slice body);
void request_respond_plain(struct session *session, int status);
/* A response in pieces, as adapter.h has it. */
int request_begin(struct session *session, const struct dm_response *response);
enum dm_piece request_piece(struct session *session, struct dm_slice piece);
void request_end(struct session *session);
void request_abort(struct session *session);
/* For the exchange's handler: a response in pieces may go on. */
void request_writable(struct http_exchange *exchange);
void request_fill(struct session *session);
/* A slow client has as much time for each piece, of either body, as a fast one for the whole. */
void request_arm_deadline(struct session *session);
/* A request that nobody is going to answer any more is answered 500. */
void request_check_answered(struct session *session);
void request_free(struct host *host, struct request *request);

/* limit.c */
/* One more of that kind from the session's address. */
int session_take_address(struct session *session, enum address_limit_kind kind);
int address_take(struct host *host, enum address_limit_kind kind, uint64_t key);
/* Counts a request as one of its user's until request_free. 0 when there are too many already. */
int request_count_in(struct session *session);
void request_count_out(struct host *host, struct request *request);
int user_bucket_take(struct host *host, const struct instance *instance, int64_t user_id);

/* encode.c */
int host_event(struct engine_session *session, const struct dm_event *event,
               const struct engine_view *view);
void encoded_reset(struct host *host);
/* The result as it is, or, of what was missed in chats, as direct messages to somebody who does not
 * know chats. */
const struct dm_result *flatten_missed(struct session *session, const struct dm_result *result);
void encoded_frame(struct host *host, enum dm_frame_kind kind, struct dm_slice payload,
                   const char *type);

/* count.c */
struct metric_counter *count_type(struct instance *instance, enum direction direction,
                                  const char *type);
void count_response(struct session *session);
void count_notice(struct instance *instance, enum dm_notice notice);
void count_event(struct instance *instance, enum dm_event_kind kind, enum event_outcome outcome);
void count_init(struct instance *instance);
void count_address_limited(struct host *host, const char *limit);

#endif
