/* Another node, played by the test: what the engine publishes is kept, and frames are said to it as
 * if over the bus. */
#ifndef DRAGOMAN_TESTS_ENGINE_OTHER_H
#define DRAGOMAN_TESTS_ENGINE_OTHER_H

#include "core/base/buf.h"
#include "tests/unit/engine/bench.h"

#define OTHER 2 /* its id */
#define OTHER_FRAMES 64

extern struct other {
    struct bus bus;
    char *frames[OTHER_FRAMES]; /* what the engine has said */
    size_t count;
    uint64_t number;            /* of the other node's last frame */
} other;

/* bench_open and bench_close with a bus. */
void other_open(void);
void other_close(void);

/* The store has an empty thread of ann and bob, its first. */
void other_open_thread(void);

/* For bench.store.events: the store has these events of that thread, which ends with rev ... */
enum dm_status other_stored(struct store_call *call, const struct store_event *events,
                            size_t count, uint64_t rev);

/* ... and this is the message that they name. */
void other_stored_message(struct store_call *call, uint64_t seq, const char *author);

/* The bus tells which nodes there are, and that it is heard again. */
void other_nodes(int64_t now_us, const int64_t *ids, size_t count);

/* ... while something is under way that began then. */
void other_nodes_while(int64_t open_us, int64_t now_us, const int64_t *ids, size_t count);
void other_resync(void);

/* Says kind and body, with a number given or the next one. */
void other_say_as(uint64_t number, const char *rest, size_t len);
void other_say(const char *rest);

/* Tells a unit, and frees it. */
void other_tell(struct buf unit);

/* The other node is there and tells its state. */
void other_meet(const char *state);

/* The body of the first frame of that kind kept; NULL when there is none. */
const char *other_frame(char kind);

/* Forgets the frames kept. */
void other_forget(void);

/* The unit about a message of ann to bob, or of bob to ann, in their thread. */
struct buf other_message(const char *author, uint64_t rev, uint64_t seq, const char *text);

#endif
