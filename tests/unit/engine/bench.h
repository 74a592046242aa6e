/* An engine on fakes, with sessions that write down what they get.
 *
 * Everything a session gets becomes one line:
 *     ann send ok seq=1 text=hi peer=bob created cookie=7       a result
 *     bob ! message member actor=ann seq=1 text=hi peer=ann unread=1   an event
 *     ann revoked        ann changed ...                          the other callbacks
 * bench_expect compares the lines since the last call with the expected ones, each in full. */
#ifndef DRAGOMAN_TESTS_ENGINE_BENCH_H
#define DRAGOMAN_TESTS_ENGINE_BENCH_H

#include "core/engine/engine.h"
#include "tests/unit/check.h"
#include "tests/unit/engine/fake.h"

#define BENCH_LINES 4096

struct peer {
    struct engine_session session;
    const char *name; /* of its lines */
    const char *address;
    int mute;         /* 1: event returns 0 */
    void (*on_line)(struct peer *peer); /* after each line; may close sessions */
};

struct bench {
    struct fake_store store;
    struct fake_auth auth;
    struct engine_config config;
    struct engine_client client;
    struct metrics *metrics;
    struct engine *engine;
    int quiet;        /* 1: nothing is written down */
    size_t events;    /* events got while quiet or not */
    char *lines[BENCH_LINES];
    size_t line_count;
    int64_t wake_ms;  /* -1: no wake is due */
};

/* The one engine of the running test, and its clock. */
extern struct bench bench;
extern int64_t bench_clock_us;

#define PEER_SOCKET (ENGINE_SESSION_PRESENCE | ENGINE_SESSION_CHATS | ENGINE_SESSION_LISTED \
                     | ENGINE_SESSION_HANDSHAKE)

/* Users ann, bob, cat, dan without role, and the tutor tom. */
void bench_open(void);
void bench_close(void);

/* Lets store, auth and engine go on until nothing moves. */
void bench_run(void);

/* Moves the clock on, and runs. */
void bench_wait(int64_t us);

void peer_open(struct peer *peer, const char *name, uint32_t flags);
void peer_close(struct peer *peer);

/* Opens a socket session and authenticates it as that user; `name` is the label of its lines. */
void peer_join(struct peer *peer, const char *name, const char *username);

/* Submits; cookie may be NULL. */
void peer_submit(struct peer *peer, struct dm_command command, const char *cookie);
void peer_send(struct peer *peer, const char *to, const char *text, const char *cookie);
void peer_send_thread(struct peer *peer, int64_t thread_id, const char *text,
                      const char *cookie);

struct dm_command bench_command(enum dm_command_kind kind);
struct dm_ref bench_name(const char *username);
int64_t bench_id(const char *username);

/* Fails unless the lines since the last call are exactly those. Ends with NULL. */
void bench_expect_lines(const char *file, int line, const char *const *expected);
#define bench_expect(...) \
    bench_expect_lines(__FILE__, __LINE__, (const char *const[]){ __VA_ARGS__, NULL })
#define bench_expect_nothing() \
    bench_expect_lines(__FILE__, __LINE__, (const char *const[]){ NULL })

/* Forgets the lines so far. */
void bench_forget(void);

#endif
