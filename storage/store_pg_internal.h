/* The store's parts among themselves. */
#ifndef DRAGOMAN_STORAGE_STORE_PG_INTERNAL_H
#define DRAGOMAN_STORAGE_STORE_PG_INTERNAL_H

#include "core/base/map.h"
#include "storage/batch.h"
#include "storage/store_pg.h"
#include "storage/task.h"

#define STORE_CONNECTIONS_MAX 16
#define STORE_LANES 4096

/* A write connection.
 *
 *   DOWN ──ready──▶ REGISTER ──▶ IDLE ◀──▶ HOT ──(was done)──▶ LOOKUP
 *    ▲                            ◀──▶ COLD ──(was done)──▶ RESULT
 *    └── lost, from anywhere      └──▶ LEAVE                 the unit in hand is kept
 */
enum writer_step {
    WRITER_DOWN,
    WRITER_REGISTER, /* making its row */
    WRITER_IDLE,
    WRITER_HOT,      /* a batch is sent */
    WRITER_LOOKUP,   /* that batch was committed before: what became of its rows? */
    WRITER_COLD,     /* a phase of a call is sent */
    WRITER_RESULT,   /* that call was committed before: what was its outcome? */
    WRITER_LEAVE,    /* removing its row */
};

enum unit_kind {
    UNIT_NONE,
    UNIT_HOT,
    UNIT_COLD,
};

/* Requests that are carried out together. */
struct unit {
    struct list link;
    struct list requests;
    size_t count;
};

struct writer {
    struct store_pg *store;
    struct pg_conn *conn;
    int64_t id;
    int64_t number;           /* of the last unit known to be committed */
    int registered;
    int cleaned;
    int leaving;
    enum writer_step step;

    size_t held;              /* requests: queued, and in hand */
    struct list hot;          /* requests no earlier cold one of their lane waits for */
    struct list cold;         /* calls, and hot requests behind a call of their lane */
    struct map_u64 cold_lanes; /* lane → how many of its requests are in `cold` */
    struct list halves;       /* units that failed as a whole and were split */
    unsigned cold_streak;

    enum unit_kind unit;      /* in hand: sent, or to be sent as soon as there is a connection */
    struct list requests;     /* of a hot unit */
    size_t request_count;
    struct batch batch;
    struct task *task;        /* of a cold one */
    int mark_pending;         /* writer_mark's answer comes before the operation's */
    int uncertain;            /* the connection was lost while it was under way */
    unsigned attempts;
    uint64_t sent_ns;
    enum pg_fault fault;
    char reason[160];
};

/* Requests of one lane keep their order: while some of it are held, by the writer that has them,
 * later ones join those; then any writer will do. Lanes that share a slot are merely kept together
 * where they might have gone apart. */
struct lane {
    uint32_t requests;
    uint32_t writer;
};

struct reader {
    struct store_pg *store;
    struct pg_conn *conn;
    struct list tasks; /* sent, in order */
    size_t count;
    size_t given_up;   /* of them: nobody waits for their answers */
};

enum store_closing {
    STORE_OPEN = 0,
    STORE_DRAINING, /* takes nothing more, and carries out what is pending */
    STORE_PARTING,  /* its connections are closing */
    STORE_ENDING,   /* its handles are */
};

struct store_pg {
    struct store port; /* first */
    uv_loop_t *loop;
    struct store_pg_config config;
    char *conninfo;
    struct pg_outage outage;
    struct pg_args args; /* scratch */
    struct writer writers[STORE_CONNECTIONS_MAX];
    struct lane lanes[STORE_LANES]; /* by the lane's hash */
    uint64_t usual_ns;              /* of a batch's round trip */
    struct reader readers[STORE_CONNECTIONS_MAX];
    struct list reads;    /* tasks that no connection carries yet */
    struct list finished; /* requests that ended inside submit */
    size_t pending_count;
    size_t pending_bytes;
    int64_t last_ns;
    enum store_state state;
    struct store_pg_stats stats;
    uv_check_t check;
    uv_idle_t idle;
    uv_timer_t timer;
    int looks;           /* for what has expired, when this turn's answers have been heard */
    uint64_t tell_at_ms; /* from then on it is news again that the database is slow */
    enum store_closing closing;
    size_t closing_conns;
    int closing_handles;
    uint64_t close_deadline_ms;
    store_pg_closed_fn closed;
    void *closed_owner;
};

/* Ends a request that was counted as pending; not inside submit. */
void store_complete(struct store_pg *store, struct store_request *request, enum dm_status status);

/* Something may be sent: at the end of this turn of the loop. */
void store_wake(struct store_pg *store);

/* Looks whether STORE_UP or STORE_DOWN has changed. */
void store_note_state(struct store_pg *store);

/* One connection of a closing store is gone. */
void store_conn_closed(struct store_pg *store);

/* Who is to carry a request out (lanes.c); it holds the request until lane_release, which comes
 * before its `done` runs. */
struct writer *lane_take(struct store_pg *store, const struct store_request *request);
void lane_release(struct writer *writer, const struct store_request *request);

int writer_open(struct writer *writer, struct store_pg *store);
void writer_submit(struct writer *writer, struct store_request *request);
/* Sends the next unit if none is in hand. */
void writer_kick(struct writer *writer);
/* Ends what has waited since before then (monotonic) and is not in hand. */
void writer_expire(struct writer *writer, int64_t before_ns);
/* Ends all that is left, without looking at the connection. */
void writer_abandon(struct writer *writer);
/* Ends a request that it holds. */
void writer_complete(struct writer *writer, struct store_request *request, enum dm_status status);
void writer_close(struct writer *writer);
int writer_is_up(const struct writer *writer);
/* How many of the requests it holds are in hand. */
size_t writer_in_hand(const struct writer *writer);

/* The unit in hand (writer_unit.c). */
void unit_send(struct writer *writer);
void unit_result(struct writer *writer, const PGresult *result);
void unit_sync(struct writer *writer);
void unit_abandon(struct writer *writer);

int reader_open(struct reader *reader, struct store_pg *store);
void readers_kick(struct store_pg *store);
/* Ends what has waited since before then, sent or not. */
void readers_expire(struct store_pg *store, int64_t before_ns);
void readers_abandon(struct store_pg *store);
void reader_close(struct reader *reader);

/* What a fault that cannot be mended means to the asker; logs it. */
enum dm_status fault_status(enum pg_fault fault, const char *reason,
                            const struct store_request *request);

#endif
