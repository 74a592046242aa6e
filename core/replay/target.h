/* Where a replay's server is. */
#ifndef DRAGOMAN_REPLAY_TARGET_H
#define DRAGOMAN_REPLAY_TARGET_H

#include <sys/socket.h>
#include <uv.h>

struct target {
    char authority[300]; /* HOST[:PORT] as it was written, for Host headers */
    char host[256];      /* without brackets */
    char port[8];
    char prefix[256];    /* of every path; no slash at its end */
    struct sockaddr_storage address;
};

/* Splits http://HOST[:PORT][/PREFIX] or ws://…. Returns NULL, or what is wrong (static). */
const char *target_parse(const char *url, struct target *ret_target);

/* Finds the address of the host; blocks while the resolver works. Returns 0, or a negative errno
 * as libuv gives it. */
int target_resolve(struct target *target, uv_loop_t *loop);

#endif
