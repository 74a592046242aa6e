/* Tells who started this process how it fares, in the words of sd_notify(3): the process behind
 * INHERIT_PARENT (a supervisor, or the gateway that this one succeeds) when there is one, and the
 * service manager behind NOTIFY_SOCKET. Never blocks and never fails aloud: nobody may listen. */
#ifndef DRAGOMAN_SERVER_NOTIFY_H
#define DRAGOMAN_SERVER_NOTIFY_H

#include <stdint.h>

#include "core/net/loop.h"

/* How long the process behind INHERIT_PARENT waits for a sign of life. */
#define NOTIFY_WATCHDOG_MS 30000

/* What the process behind INHERIT_PARENT wants (see child_tell), or NULL: it has ended, and
 * nothing more will come. */
typedef void notify_order_fn(void *owner, const char *order);

struct notify {
    int manager;     /* a datagram socket connected to NOTIFY_SOCKET; -1: none */
    int parent;      /* -1: none */
    uint64_t feed_ms; /* between two signs of life; 0: nobody asks for them */
    notify_order_fn *ordered;
    void *owner;
    uv_poll_t poll;
    enum { NOTIFY_DEAF = 0, NOTIFY_LISTENS } state;
    struct loop *loop;
    struct loop_timer timer;
};

/* Opens what there is. `parent` may be -1; it becomes notify's. Reads NOTIFY_SOCKET, and
 * WATCHDOG_USEC where WATCHDOG_PID is absent or this process. */
void notify_open(struct notify *notify, int parent);

/* Takes it off the loop, which must turn once more before it is freed. Sending still works. */
void notify_still(struct notify *notify);

void notify_close(struct notify *notify);

/* Hears the process behind INHERIT_PARENT, if there is one, from now on. */
void notify_listen(struct notify *notify, struct loop *loop, notify_order_fn *ordered,
                   void *owner);

/* Sends assignments, one a line ("READY=1"), to both. */
void notify_send(struct notify *notify, const char *state);

/* "STATUS=…": one line for people, such as why it fails. */
void notify_status(struct notify *notify, const char *status);

/* The same to the process behind INHERIT_PARENT alone. */
void notify_parent(struct notify *notify, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The same to the service manager alone. */
void notify_manager(struct notify *notify, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* "RELOADING=1" with the time that Type=notify-reload wants beside it. READY=1 ends it. */
void notify_reloading(struct notify *notify);

/* From now on WATCHDOG=1 is sent, as often as asked, for as long as the loop turns. */
void notify_feed(struct notify *notify, struct loop *loop);

#endif
