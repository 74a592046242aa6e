/* Tells who started this process how it fares, in the words of sd_notify(3): the process behind
 * INHERIT_PARENT (a supervisor, or the gateway that this one succeeds) when there is one, and the
 * service manager behind NOTIFY_SOCKET. Never blocks and never fails aloud: nobody may listen. */
#ifndef DRAGOMAN_SERVER_NOTIFY_H
#define DRAGOMAN_SERVER_NOTIFY_H

#include <stdint.h>

#include "core/net/loop.h"

/* How long the process behind INHERIT_PARENT waits for a sign of life. */
#define NOTIFY_WATCHDOG_MS 30000

struct notify {
    int manager;     /* a datagram socket connected to NOTIFY_SOCKET; -1: none */
    int parent;      /* -1: none */
    uint64_t feed_ms; /* between two signs of life; 0: nobody asks for them */
    struct loop *loop;
    struct loop_timer timer;
};

/* Opens what there is. `parent` may be -1; it becomes notify's. Reads NOTIFY_SOCKET, and
 * WATCHDOG_USEC where WATCHDOG_PID is absent or this process. */
void notify_open(struct notify *notify, int parent);
void notify_close(struct notify *notify);

/* Sends assignments, one a line ("READY=1"), to both. */
void notify_send(struct notify *notify, const char *state);

/* The same to the service manager alone. */
void notify_manager(struct notify *notify, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* "RELOADING=1" with the time that Type=notify-reload wants beside it. READY=1 ends it. */
void notify_reloading(struct notify *notify);

/* From now on WATCHDOG=1 is sent, as often as asked, for as long as the loop turns. */
void notify_feed(struct notify *notify, struct loop *loop);

#endif
