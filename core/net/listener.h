/* Listening sockets, TCP and Unix. Accepts in batches and hands out descriptors. */
#ifndef DRAGOMAN_NET_LISTENER_H
#define DRAGOMAN_NET_LISTENER_H

#include <stdint.h>

#include "core/base/slice.h"
#include "core/net/address.h"
#include "core/net/loop.h"

struct listener;

/* One connection was accepted. fd is non-blocking, close-on-exec, TCP_NODELAY is set where it
 * applies. Returns 0: it belongs to the callee, who calls listener_release when the connection is
 * gone; or a negative errno when there is no room for it: it is written `surplus` and is closed,
 * never reset, once that was read or after a second. More than 64 of those at a time are closed at
 * once. May pause or close the listener. */
typedef int listener_accept_fn(struct listener *listener, int fd, const struct net_address *peer,
                               void *userdata);

struct listener_config {
    /* As net_address_resolve reads it. Ignored when fd >= 0. For "unix:PATH" a socket file that
     * nobody answers on is replaced; one with a living server is -EADDRINUSE. */
    struct dm_slice address;
    /* An inherited descriptor that is bound and listening, else -1. Owned by the listener from a
     * successful listener_open on. */
    int fd;
    /* Waiting connections in the kernel; 0 means 1024. */
    int backlog;
    /* For whom there is no room. Must live as long as the listener; may be absent (closed without a
     * word). */
    struct dm_slice surplus;
    /* How many of them may be there at a time, others being closed without a word; 0, and more than
     * that, means 64. */
    uint32_t surplus_max;
    /* Connections accepted in one turn of the loop at most; 0 means 64. 1 where several processes
     * accept on the same socket: who has nothing else to do takes the next one. */
    uint32_t batch;
    /* Asked before accepting: 1 lets other processes on the same socket come first, for 2 ms, after
     * which it accepts without being asked again. NULL: never. */
    int (*stand_back)(void *owner);
    void *owner;
    /* Permissions of a Unix socket file; 0 means 0666. */
    unsigned mode;
};

/* Binds and listens without accepting, for a socket that other processes are to inherit. Returns
 * the descriptor, or a negative errno as listener_open. A Unix socket's file is the caller's. */
int listener_bind(const struct listener_config *config);

/* Binds, listens and starts to accept in the next turn. Returns 0 or a negative errno (-EINVAL:
 * address; -EADDRINUSE, -EACCES, ...). Callbacks never run inside this call. When the process runs
 * out of descriptors the listener pauses itself for 100 ms, and warns of it once a minute. */
int listener_open(struct loop *loop, const struct listener_config *config,
                  listener_accept_fn *accept, void *userdata, struct listener **ret_listener);

/* Where it really listens: the port is never 0. */
const struct net_address *listener_address(const struct listener *listener);

/* Borrowed, to be handed to a successor process. */
int listener_fd(const struct listener *listener);

/* A connection that this listener handed out is gone. Allowed also after listener_close, for as
 * many as were handed out: the memory lives until then. */
void listener_release(struct listener *listener);

/* Connections out now. */
uint32_t listener_count(const struct listener *listener);

/* What becomes of a Unix socket's file. */
enum listener_file {
    LISTENER_UNLINK,
    LISTENER_KEEP, /* a successor listens on the same socket */
};

/* Stops accepting and closes the descriptor; no callback afterwards. The caller must not use the
 * listener again, but for listener_release. */
void listener_close(struct listener *listener, enum listener_file file);

#endif
