/* Waiting for a deadline or another process: a moment, then one turn. Not UV_RUN_ONCE, which
 * sleeps on when the deadline has passed before its poll. */
#ifndef DRAGOMAN_TESTS_UNIT_NET_NAP_H
#define DRAGOMAN_TESTS_UNIT_NET_NAP_H

#include <unistd.h>

#include "core/net/loop.h"

static inline void loop_nap(struct loop *loop) {
    usleep(1000);
    loop_run_once(loop);
}

#endif
