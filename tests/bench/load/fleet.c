#include "tests/bench/load/fleet.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>

#define OPENING_MAX 128
#define RING_MIN 1024
#define EVENTS 256
#define US 1000u

uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void raise_descriptor_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit))
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

int fleet_init(struct fleet *fleet, const struct options *options) {
    memset(fleet, 0, sizeof(*fleet));
    raise_descriptor_limit();
    fleet->options = options;
    fleet->count = options->sockets;
    fleet->members = calloc(fleet->count, sizeof(*fleet->members));
    fleet->dirty = calloc(fleet->count, sizeof(struct member *));
    fleet->ring = RING_MIN;
    while (fleet->ring < 16 * (uint64_t)options->window)
        fleet->ring *= 2;
    fleet->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (fleet->epoll_fd < 0)
        return -errno;
    for (unsigned i = 0; i < fleet->count; i++) {
        struct member *member = &fleet->members[i];
        member->fleet = fleet;
        member->index = i;
        member->user = &options->users[i % options->user_count];
        member->client.fd = -1;
        if (options->mode != MODE_IDLE && (options->mode != MODE_FANOUT || i == 0))
            member->flights = calloc(fleet->ring, sizeof(*member->flights));
    }
    return 0;
}

void fleet_fini(struct fleet *fleet) {
    for (unsigned i = 0; i < fleet->count; i++) {
        client_close(&fleet->members[i].client, "done");
        free(fleet->members[i].flights);
    }
    free(fleet->members);
    free(fleet->dirty);
}

/* Who sends what this one receives; of pairs, also the other way round. */
static struct member *sender_to(struct member *member) {
    struct fleet *fleet = member->fleet;
    return fleet->options->mode == MODE_FANOUT ? &fleet->members[0]
           : fleet->options->mode == MODE_ECHO ? member
                                               : &fleet->members[member->index ^ 1];
}

static unsigned recipients(const struct fleet *fleet) {
    return fleet->options->mode == MODE_FANOUT ? fleet->count - 1 : 1;
}

static void make_dirty(struct member *member) {
    if (member->dirty || member->blocked)
        return;
    member->dirty = 1;
    member->fleet->dirty[member->fleet->dirty_count++] = member;
}

int fleet_send(struct member *member, uint64_t sent_at) {
    struct fleet *fleet = member->fleet;
    char text[65536], frame[UINT16_MAX];
    if (!member->ready || member->client.state != CLIENT_OPEN ||
        member->sent - member->oldest >= fleet->ring)
        return -1;
    uint64_t number = member->sent++;
    size_t len = (size_t)snprintf(text, sizeof(text), TEXT_MARK "%llu ",
                                  (unsigned long long)number);
    memset(text + len, 'x', fleet->options->bytes - len);
    const struct dialect *dialect = fleet->options->dialect;
    const char *to = fleet->options->mode == MODE_FANOUT ? fleet->options->chat
                                                         : sender_to(member)->user->uuid;
    size_t frame_len = dialect->send(to, number, text, fleet->options->bytes, frame,
                                     sizeof(frame));
    member->flights[number & (fleet->ring - 1)] = (struct flight){
        .sent_at = sent_at, .confirmed = dialect->confirming == NEVER_CONFIRMS,
    };
    member->under_way++;
    client_queue(&member->client, frame, frame_len);
    if (dialect->follow)
        client_queue(&member->client, dialect->follow, strlen(dialect->follow));
    make_dirty(member);
    return 0;
}

static int is_complete(const struct fleet *fleet, const struct flight *flight) {
    return flight->confirmed && flight->delivered == recipients(fleet);
}

static void complete(struct member *sender, const struct flight *flight) {
    struct fleet *fleet = sender->fleet;
    if (!is_complete(fleet, flight))
        return;
    while (sender->oldest < sender->sent) {
        const struct flight *first = &sender->flights[sender->oldest & (fleet->ring - 1)];
        if (!is_complete(fleet, first))
            break;
        sender->oldest++;
    }
    sender->under_way--;
    fleet->complete++;
    fleet->completed(fleet, sender);
}

/* The flight of that number, NULL (and an error counted) when there is none. */
static struct flight *flight_of(struct member *sender, uint64_t number) {
    if (sender->flights && number >= sender->oldest && number < sender->sent)
        return &sender->flights[number & (sender->fleet->ring - 1)];
    sender->fleet->errors.strange++;
    return NULL;
}

static void confirmed(struct member *sender, uint64_t number) {
    struct fleet *fleet = sender->fleet;
    struct flight *flight = flight_of(sender, number == NUMBER_NEXT ? sender->next_confirmed++
                                                                    : number);
    if (!flight)
        return;
    fleet->errors.strange += flight->confirmed;
    if (flight->confirmed)
        return;
    flight->confirmed = 1;
    if (fleet->recording)
        histogram_add(&fleet->confirm, (now_ns() - flight->sent_at) / US);
    complete(sender, flight);
}

static void delivered(struct member *member, uint64_t number) {
    struct fleet *fleet = member->fleet;
    struct member *sender = sender_to(member);
    struct flight *flight = flight_of(sender, number);
    if (!flight)
        return;
    fleet->errors.reordered += number != member->next_delivered;
    member->next_delivered = number + 1;
    fleet->errors.strange += flight->delivered == recipients(fleet);
    if (flight->delivered == recipients(fleet))
        return;
    flight->delivered++;
    if (fleet->recording)
        histogram_add(&fleet->deliver, (now_ns() - flight->sent_at) / US);
    complete(sender, flight);
}

static void answer(struct member *member, const char *data, size_t len) {
    char frame[8192];
    size_t n = member->fleet->options->dialect->answer(member->user, data, len, frame,
                                                       sizeof(frame));
    client_queue(&member->client, frame, n);
    make_dirty(member);
}

static void be_ready(struct member *member) {
    member->fleet->ready += !member->ready;
    member->ready = 1;
}

static void heard(struct client *client, const char *data, size_t len) {
    struct member *member = client->owner;
    uint64_t number = NUMBER_NEXT;
    switch (member->fleet->options->dialect->read(data, len, &number)) {
    case HEARD_STEP:
        answer(member, data, len);
        break;
    case HEARD_READY:
        be_ready(member);
        break;
    case HEARD_CONFIRMED:
        confirmed(member, number);
        break;
    case HEARD_DELIVERED:
        delivered(member, number);
        break;
    case HEARD_ECHO:
        confirmed(member, number);
        delivered(member, number);
        break;
    case HEARD_FAILURE:
        client_close(client, "the server said no");
        break;
    case HEARD_NOTHING:
        break;
    }
}

static void watch(struct member *member, int operation, uint32_t events) {
    struct epoll_event event = { .events = events, .data.ptr = member };
    epoll_ctl(member->fleet->epoll_fd, operation, member->client.fd, &event);
}

static void note_loss(struct member *member) {
    struct fleet *fleet = member->fleet;
    fleet->lost++;
    fleet->errors.closed += member->ready;
    fleet->errors.refused += !member->ready;
    if (!fleet->why)
        fleet->why = member->client.why;
}

static void flush(struct member *member) {
    enum client_state before = member->client.state;
    int left = before == CLIENT_CLOSED ? 0 : client_flush(&member->client);
    if (before != CLIENT_CLOSED && member->client.state == CLIENT_CLOSED) {
        note_loss(member);
    } else if (left != member->blocked && member->client.state != CLIENT_CLOSED) {
        member->blocked = (uint8_t)left;
        watch(member, EPOLL_CTL_MOD, left ? EPOLLIN | EPOLLOUT : EPOLLIN);
    }
}

static void log_in(struct member *member) {
    char frame[8192];
    const struct dialect *dialect = member->fleet->options->dialect;
    size_t len = dialect->login ? dialect->login(member->user, frame, sizeof(frame)) : 0;
    if (len)
        client_queue(&member->client, frame, len);
    if (dialect->greeting == READY_WHEN_OPEN)
        be_ready(member);
    make_dirty(member);
}

static void handle(struct member *member, uint32_t events) {
    enum client_state before = member->client.state;
    if (before == CLIENT_CLOSED)
        return;
    if (events & EPOLLOUT)
        flush(member);
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR) && member->client.state != CLIENT_CLOSED) {
        client_read(&member->client, heard);
        if (member->client.state == CLIENT_CLOSED)
            note_loss(member);
        else if (member->client.out_from < member->client.out_len)
            make_dirty(member);
    }
    if (before == CLIENT_CONNECTING && member->client.state == CLIENT_OPEN)
        log_in(member);
}

void fleet_turn(struct fleet *fleet, uint64_t wait_ns) {
    struct epoll_event events[EVENTS];
    struct timespec wait = { .tv_sec = (time_t)(wait_ns / 1000000000u),
                             .tv_nsec = (long)(wait_ns % 1000000000u) };
    for (unsigned i = 0; i < fleet->dirty_count; i++) {
        fleet->dirty[i]->dirty = 0;
        flush(fleet->dirty[i]);
    }
    fleet->dirty_count = 0;
    int n = epoll_pwait2(fleet->epoll_fd, events, EVENTS, &wait, NULL);
    for (int i = 0; i < n; i++)
        handle(events[i].data.ptr, events[i].events);
}

static void open_next(struct fleet *fleet) {
    struct member *member = &fleet->members[fleet->opened++];
    int r = client_connect(&member->client, fleet->options, member->user, member);
    if (r) {
        client_close(&member->client, strerror(-r));
        note_loss(member);
        return;
    }
    member->blocked = 1;
    watch(member, EPOLL_CTL_ADD, EPOLLIN | EPOLLOUT);
}

void fleet_open(struct fleet *fleet, double seconds) {
    uint64_t end = now_ns() + (uint64_t)(seconds * 1e9);
    while (fleet->ready + fleet->errors.refused < fleet->count && now_ns() < end) {
        while (fleet->opened < fleet->count &&
               fleet->opened - fleet->ready - fleet->errors.refused < OPENING_MAX)
            open_next(fleet);
        fleet_turn(fleet, 100000000u);
    }
}
