/* All sockets of a run on one epoll loop: opened, logged in, and what they say passed on.
 *
 * Sockets write to each other in pairs: what number 2k sends goes to 2k + 1 and back. In fan-out
 * the first writes to all others, in echo each to itself. A message is complete when its sender has
 * the confirmation and every recipient the message, in any order. */
#ifndef DRAGOMAN_BENCH_FLEET_H
#define DRAGOMAN_BENCH_FLEET_H

#include "tests/bench/load/client.h"
#include "tests/bench/load/histogram.h"

struct fleet;

/* A message on its way. Times in ns of the monotonic clock. */
struct flight {
    uint64_t sent_at;
    uint8_t confirmed;
    unsigned delivered; /* to so many */
};

struct member {
    struct client client;
    struct fleet *fleet;
    const struct user *user;
    unsigned index;
    uint8_t ready;
    uint8_t dirty;            /* waits in fleet.dirty to be flushed */
    uint8_t blocked;          /* the kernel takes no more: EPOLLOUT is asked for */
    struct flight *flights;   /* ring of fleet.ring, by number; NULL when idle */
    uint64_t sent;            /* the number of the next message */
    uint64_t oldest;          /* the first one not complete */
    uint64_t next_confirmed;  /* where the dialect confirms in order */
    uint64_t next_delivered;  /* expected by this one, were all in order */
    unsigned under_way;
};

struct fleet_errors {
    uint64_t refused;   /* sockets that could not be opened or logged in */
    uint64_t closed;    /* ... and that ended later on */
    uint64_t strange;   /* answers nobody asked for, repeated ones among them */
    uint64_t reordered; /* deliveries that overtook or were overtaken */
    uint64_t overrun;   /* not sent, because too many were under way (fixed rate) */
};

struct fleet {
    const struct options *options;
    int epoll_fd;
    struct member *members;
    unsigned count;
    unsigned opened;     /* begun to connect */
    unsigned ready;      /* logged in */
    unsigned lost;       /* closed, whenever */
    uint64_t ring;       /* flights of one member */
    struct member **dirty;
    unsigned dirty_count;
    uint64_t complete;   /* messages, ever */
    struct histogram confirm, deliver; /* in us; while `recording` */
    int recording;
    const char *why;     /* the first socket was lost */
    struct fleet_errors errors;
    /* A message of this member is complete. */
    void (*completed)(struct fleet *fleet, struct member *member);
};

uint64_t now_ns(void);

/* Reserves everything; options must live as long. Returns 0 or a negative errno. */
int fleet_init(struct fleet *fleet, const struct options *options);
void fleet_fini(struct fleet *fleet);

/* Opens all sockets, a bounded number at a time, and waits until each is logged in or lost, for
 * at most `seconds`. */
void fleet_open(struct fleet *fleet, double seconds);

/* Queues this member's next message; sent_at is what its latency counts from. Returns 0, or -1
 * when its ring is full or it is not open. */
int fleet_send(struct member *member, uint64_t sent_at);

/* One turn: writes what is queued, waits for at most `wait_ns` for events, and handles them. */
void fleet_turn(struct fleet *fleet, uint64_t wait_ns);

#endif
