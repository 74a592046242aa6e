/* The engine: what the gateway does, whatever the dialect. It authenticates, authorizes, limits,
 * orders and routes; it is the only caller of the store. */
#ifndef DRAGOMAN_ENGINE_ENGINE_H
#define DRAGOMAN_ENGINE_ENGINE_H

#include "core/engine/auth.h"
#include "core/engine/bus.h"
#include "core/engine/file_store.h"
#include "core/engine/store.h"
#include "core/model/event.h"
#include "core/model/result.h"

struct engine;
struct engine_session;
struct engine_user;      /* a cached, counted snapshot of a user */
struct catchup;
struct command_counters;
struct strand;           /* the commands of one session under way, in order */
struct metrics;

/* To whom an event goes. */
struct engine_view {
    enum dm_audience audience;
    const struct dm_user *viewer; /* whose session this is */
    enum { ENGINE_SHARED = 0, ENGINE_SINGLE } sharing; /* SHARED: the audience has sessions of
                                     several users, who all get the same */
    struct dm_slice cookie;       /* MESSAGE_RELEASED to the session that sent it */
};

#define ENGINE_ADDRESS_TEXT 64

/* What the adapter host does for the engine. All run on the loop, never inside engine_submit. */
struct engine_client {
    /* The one answer of a command. `cookie` is the one given to engine_submit. Runs in the order
     * of the session's commands; not after engine_session_close. */
    void (*result)(struct engine_session *session, const struct dm_result *result,
                   struct dm_slice cookie);
    /* One event for one session. Calls for one event follow each other without anything between,
     * so that encodings can be shared by event->serial. Returns 1 when bytes were queued for the
     * peer, 0 when the session's adapter has nothing to say: the engine counts pushed messages as
     * delivered. */
    int (*event)(struct engine_session *session, const struct dm_event *event,
                 const struct engine_view *view);
    /* The principal is gone: token revoked, or user deactivated. engine_session_user is NULL. */
    void (*revoked)(struct engine_session *session);
    /* The principal's data changed; engine_session_user gives the new snapshot. */
    void (*user_changed)(struct engine_session *session);
    /* Writes the peer's address, as throttles count it; returns its length. */
    size_t (*address)(const struct engine_session *session, char ret_text[ENGINE_ADDRESS_TEXT]);
    /* Asks for one call of engine_run: `ms` milliseconds from now, with 0 as soon as the callback
     * under way has returned to the loop. Replaces what was asked before. Must not call
     * engine_run itself. `owner` is the one below. */
    void (*wake)(void *owner, uint32_t ms);
    void *owner;
};

/* What an adapter may ask for, by its descriptor. */
enum engine_session_flag {
    ENGINE_SESSION_PRESENCE = 1u << 0, /* makes its user "online" (sockets yes, requests no) */
    ENGINE_SESSION_CHATS = 1u << 1,    /* gets events of chats */
    ENGINE_SESSION_LISTED = 1u << 2,   /* gets events (sockets yes, requests no) */
    ENGINE_SESSION_HANDSHAKE = 1u << 3, /* may LOGIN, REGISTER, REFRESH without a principal */
    ENGINE_SESSION_LOOKUP = 1u << 4,    /* may USER_LOOKUP without a principal */
};

/* Embedded by the host in its own session. Fields are the engine's; the host reads by functions.
 *
 *   NEW ──AUTHENTICATE/LOGIN/REGISTER ok──▶ KNOWN ──revoked──▶ NEW
 *    └────────────engine_session_close────────┴──▶ CLOSED
 */
enum engine_session_state {
    ENGINE_SESSION_NEW = 0,
    ENGINE_SESSION_KNOWN,
    ENGINE_SESSION_CLOSED,
};

struct engine_session {
    struct engine *engine;
    struct command_counters *counters; /* of its adapter, with that one's name */
    struct engine_user *user;
    struct list user_link;         /* among the user's sessions */
    struct list all_link;          /* among all sessions */
    struct strand *strand;         /* its commands under way; NULL when there are none */
    struct session_kept *kept;     /* watches and cookies; NULL when it never had any */
    struct catchup *catchup;       /* while it asks for what it missed, and a little longer */
    uint8_t fingerprint[AUTH_FINGERPRINT_LEN];
    uint8_t state;                 /* enum engine_session_state */
    uint8_t flags;                 /* enum engine_session_flag */
};

struct engine_config {
    /* Sizes. 0: the default named here. */
    uint32_t text_max;             /* bytes of a message; 65536 */
    uint32_t name_max;             /* bytes of names, titles, URLs of a profile; 512 */
    uint32_t secret_max;           /* bytes of a password or pin; 1024 */
    uint32_t attachments_max;      /* URLs per message; 100 */
    uint32_t uploads_max;          /* files that come with one command; 10 */
    uint32_t upload_max;           /* bytes of one of them; 10 MiB */
    uint32_t upload_total_max;     /* bytes of all of them; 16 MiB */
    uint64_t upload_memory_max;    /* bytes of all commands' uploads under way, above which more
                                      are UNAVAILABLE; 256 MiB */
    uint32_t queue_max;            /* commands waiting per session; 1024 */
    uint32_t held_max;             /* confirmations waiting per session; 64 */
    uint32_t watch_max;            /* watched users per session; 1000 */
    uint32_t page_max;             /* rows of one result; 500 */
    uint32_t cache_users;          /* 100000 */
    uint32_t cache_threads;        /* 100000 */
    uint32_t guesses;              /* wrong secrets a minute per name and per address; 5 */
    const char *gate_role;         /* the role whose members are asked first; "TUTOR"; "": none */
    int64_t (*now_us)(void);       /* real time; NULL: the clock */
};

/* Starts an engine on the ports given, all of which outlive it. `metrics` may be NULL. The engine
 * loads the revoked tokens at once and refuses authentication as UNAVAILABLE until it has them. */
struct engine *engine_new(const struct engine_config *config, struct store *store,
                          struct auth *auth, const struct engine_client *client,
                          struct metrics *metrics);

/* All sessions must be closed and engine_busy be 0. */
void engine_free(struct engine *engine);

/* Replaces limits while running. */
void engine_reload(struct engine *engine, const struct engine_config *config);

/* Where files are kept, and who knows the gateway's own URLs; both outlive the engine. Without them
 * uploads are UNAVAILABLE, and every URL is a foreign one. Before the first session. */
void engine_attach_files(struct engine *engine, struct file_store *store,
                         file_url_check_fn check, void *check_owner);

/* By what this node and the others speak with each other; outlives the engine, or stays until
 * engine_leave. Without it the node is alone. Before the first session. */
void engine_attach_bus(struct engine *engine, struct bus *bus);

/* 1 when the others that were there before have been heard of: from now on no event is missed. */
int engine_is_settled(const struct engine *engine);

/* What passes between this node and the others. */
struct engine_node_stats {
    size_t nodes;          /* others now */
    uint64_t told, heard;  /* units: what one command did */
    uint64_t readings;     /* of what was missed, from the store */
};

void engine_node_stats(const struct engine *engine, struct engine_node_stats *ret_stats);

/* Says good-bye to the others, when the last operation is over. */
void engine_leave(struct engine *engine);

/* Runs on the loop, once, never inside engine_file_find. `info` is borrowed; NULL unless DM_OK. */
typedef void (*engine_file_fn)(void *owner, enum dm_status status, const struct file_info *info);

/* Finds a file for somebody who wants to read it: for the user of an access token, when that user
 * may open it now; with an absent token for whoever asks, because of a signature that the caller
 * has checked. DM_NO_FILE, DM_UNAUTHENTICATED, DM_TOKEN_EXPIRED, DM_UNAVAILABLE. */
void engine_file_find(struct engine *engine, int64_t file_id, struct dm_slice token,
                      engine_file_fn done, void *owner);

/* Operations under way, those of closed sessions included, and marks not yet stored. */
size_t engine_busy(const struct engine *engine);

/* For the end, when no session is left: writes at once what is otherwise stored lazily (delivered
 * marks). What fails after this is not tried again. */
void engine_flush(struct engine *engine);

/* Does what waits for a moment outside all other calls: answers known at submit, presence, marks,
 * delayed answers. Called by the host as client->wake asks; harmless at any other time, but never
 * from inside a callback of the engine. */
void engine_run(struct engine *engine);

/* What the bus heard. Safe at any time. */
void engine_notice(struct engine *engine, const struct bus_notice *notice);

/* A new session without principal. `session` is the host's memory, zeroed; it must stay until
 * engine_session_close. `adapter` is for issuers limited to some adapters, and for metrics. */
void engine_session_open(struct engine *engine, struct engine_session *session, uint32_t flags,
                         const char *adapter);

/* Ends the session: no callback for it runs afterwards, its commands are still carried out. The
 * memory is the host's again at once. */
void engine_session_close(struct engine_session *session);

/* The principal, or NULL. The pointer changes when user_changed runs. */
const struct dm_user *engine_session_user(const struct engine_session *session);

/* Carries out a command for the session. Copies what it keeps. The result comes by
 * client->result, always, never inside this call. Refused with UNAUTHENTICATED before a principal
 * is set (handshake verbs excepted), with LIMITED when queue_max commands wait. */
void engine_submit(struct engine_session *session, const struct dm_command *command,
                   struct dm_slice cookie);

/* Calls visit for each session that is open, newest first; it must not open or close any. */
typedef void (*engine_visit_fn)(void *owner, struct engine_session *session);
void engine_each_session(const struct engine *engine, engine_visit_fn visit, void *owner);

/* Commands of the session not yet answered: the host stops reading from the peer when many. */
uint32_t engine_session_backlog(const struct engine_session *session);

/* 1 when the user has a session that counts for presence, on any node; else 0. */
int engine_user_is_online(const struct engine *engine, int64_t user_id);

#endif
