/* A stream over a socket pair, and what happened to it. */
#ifndef DRAGOMAN_TESTS_UNIT_NET_STREAM_CHECK_H
#define DRAGOMAN_TESTS_UNIT_NET_STREAM_CHECK_H

#include "core/net/stream.h"
#include "tests/unit/check.h"
#include "tests/unit/net/nap.h"

struct fixture {
    struct stream stream;
    struct stream_layer layer;
    struct loop *loop;
    struct buf got;
    int peer;
    int eofs;
    int drains;
    int timeouts;
    int closes;
    enum stream_end end;
    int pause_on_data;
    /* of the layer */
    int writes;
    int blocked;
    unsigned block_want;
    size_t write_max;
    int frees;
};

extern const struct stream_handler fixture_handler;
extern const struct stream_handler fixture_bare_handler; /* without the optional callbacks */
extern const struct stream_limits fixture_limits;        /* 1000, 10000, 50000 */

/* layer may be NULL. */
void fixture_open(struct fixture *f, struct stream_layer *layer,
                  const struct stream_handler *handler);

/* Aborts it, if need be, and checks that it was closed once. */
void fixture_close(struct fixture *f);

void fixture_turn(struct fixture *f);
void fixture_run_until_closed(struct fixture *f);

/* What the peer can read now; 0 when nothing. */
size_t fixture_peer_read(struct fixture *f, char *data, size_t max);

#endif
