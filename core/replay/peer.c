#include "core/replay/peer.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/mem.h"

#define OPEN_REQUESTS_MAX 64

static void socket_data(void *owner, struct dm_slice bytes);
static void socket_ended(void *owner, int status);
static void http_data(void *owner, struct dm_slice bytes);
static void http_ended(void *owner, int status);

static const struct wire_hooks socket_wire_hooks = { socket_data, socket_ended };
static const struct wire_hooks http_wire_hooks = { http_data, http_ended };

void peer_init(struct peer *peer, struct dm_slice name, uv_loop_t *loop,
               const struct target *target, size_t cut) {
    *peer = (struct peer){ .name = name, .loop = loop, .target = target, .cut = cut };
    list_init(&peer->arrivals);
    list_init(&peer->answers);
    answer_reader_init(&peer->upgrade);
    answer_reader_init(&peer->reader);
}

static void cut_socket(struct peer *peer, enum wire_end how) {
    wire_close(peer->socket_wire, how);
    peer->socket_wire = NULL;
    socket_free(peer->socket);
    peer->socket = NULL;
}

static void cut_http(struct peer *peer, enum wire_end how) {
    wire_close(peer->http_wire, how);
    peer->http_wire = NULL;
    answer_reader_fini(&peer->reader);
    answer_reader_init(&peer->reader);
}

void peer_fini(struct peer *peer) {
    struct list *link;
    cut_socket(peer, WIRE_CLOSE);
    cut_http(peer, WIRE_CLOSE);
    answer_reader_fini(&peer->upgrade);
    answer_reader_fini(&peer->reader);
    answer_free(peer->upgrade_answer);
    buf_fini(&peer->close_reason);
    buf_fini(&peer->held);
    while ((link = list_pop_front(&peer->arrivals)))
        arrival_free(container_of(link, struct arrival, link));
    while ((link = list_pop_front(&peer->answers)))
        answer_free(container_of(link, struct answer, link));
}

void peer_drop(struct peer *peer) {
    cut_socket(peer, WIRE_RESET);
    cut_http(peer, WIRE_RESET);
    peer->open_requests = 0;
    if (peer->state == PEER_OPEN || peer->state == PEER_UPGRADING)
        peer->state = PEER_ENDED;
}

/* ---- WebSocket ---- */

static void on_frame(void *owner, enum frame_kind kind, struct dm_slice bytes) {
    struct peer *peer = owner;
    struct arrival *arrival = mem_zalloc(sizeof(*arrival));
    arrival->kind = kind;
    buf_append_slice(&arrival->bytes, bytes);
    list_push_back(&peer->arrivals, &arrival->link);
}

static void on_closing(void *owner, unsigned code, struct dm_slice reason) {
    struct peer *peer = owner;
    peer->close_code = code;
    buf_reset(&peer->close_reason);
    buf_append_slice(&peer->close_reason, reason);
}

static void on_output(void *owner, struct dm_slice bytes) {
    struct peer *peer = owner;
    if (peer->flow == PEER_HOLDS)
        buf_append_slice(&peer->held, bytes);
    else if (peer->socket_wire)
        wire_write(peer->socket_wire, bytes);
}

void peer_hold(struct peer *peer) {
    peer->flow = PEER_HOLDS;
}

void peer_release(struct peer *peer) {
    peer->flow = PEER_SENDS;
    if (peer->held.len && peer->socket_wire)
        wire_write(peer->socket_wire, buf_slice(&peer->held));
    buf_reset(&peer->held);
}

static const struct socket_hooks frame_hooks = { on_frame, on_closing, on_output };

void peer_connect(struct peer *peer, struct dm_slice request) {
    cut_socket(peer, WIRE_CLOSE);
    answer_reader_fini(&peer->upgrade);
    answer_reader_init(&peer->upgrade);
    answer_free(peer->upgrade_answer);
    peer->upgrade_answer = NULL;
    peer->close_code = 1006;
    peer->broken = 0;
    peer->wire_error = 0;
    buf_reset(&peer->close_reason);
    peer->state = PEER_UPGRADING;
    peer->socket_wire = wire_open(peer->loop, (const struct sockaddr *)&peer->target->address,
                                  peer->cut, &socket_wire_hooks, peer);
    wire_write(peer->socket_wire, request);
}

static int accepted(const struct answer *answer) {
    const struct answer_field *field = answer_field(answer, DM_SLICE("Sec-WebSocket-Accept"));
    return field && dm_slice_eq(field->value, DM_SLICE(PEER_ACCEPT));
}

static void feed_socket(struct peer *peer, struct dm_slice bytes) {
    if (bytes.len == 0 || peer->broken || socket_feed(peer->socket, bytes) == 0)
        return;
    peer->broken = 1;
    cut_socket(peer, WIRE_CLOSE);
    peer->state = PEER_ENDED;
}

static void socket_data(void *owner, struct dm_slice bytes) {
    struct peer *peer = owner;
    size_t read = 0;
    if (peer->state != PEER_UPGRADING) {
        if (peer->socket)
            feed_socket(peer, bytes);
        return;
    }
    enum answer_state state = answer_reader_feed(&peer->upgrade, bytes, 0, &read,
                                                 &peer->upgrade_answer);
    if (state == ANSWER_MORE)
        return;
    if (state == ANSWER_UPGRADED && accepted(peer->upgrade_answer)) {
        peer->state = PEER_OPEN;
        peer->socket = socket_new(&frame_hooks, peer);
        feed_socket(peer, (struct dm_slice){ bytes.ptr + read, bytes.len - read });
        return;
    }
    peer->state = PEER_REFUSED;
    cut_socket(peer, WIRE_CLOSE);
}

static void socket_ended(void *owner, int status) {
    struct peer *peer = owner;
    peer->wire_error = status;
    if (peer->state == PEER_UPGRADING) {
        answer_reader_end(&peer->upgrade, &peer->upgrade_answer);
        peer->state = PEER_REFUSED;
    } else {
        peer->state = PEER_ENDED;
    }
    cut_socket(peer, WIRE_CLOSE);
}

/* ---- HTTP ---- */

static void request_answered(struct peer *peer) {
    peer->open_requests--;
    peer->no_bodies >>= 1;
}

static void lose_answers(struct peer *peer, const char *reason) {
    cut_http(peer, WIRE_CLOSE);
    peer->lost_answers += peer->open_requests;
    peer->lost_reason = reason;
    peer->open_requests = 0;
    peer->no_bodies = 0;
}

int peer_request(struct peer *peer, struct dm_slice request, enum peer_answer answer) {
    if (peer->open_requests == OPEN_REQUESTS_MAX)
        return -1;
    if (!peer->http_wire)
        peer->http_wire = wire_open(peer->loop, (const struct sockaddr *)&peer->target->address,
                                    peer->cut, &http_wire_hooks, peer);
    if (answer == PEER_NO_BODY)
        peer->no_bodies |= 1ull << peer->open_requests;
    peer->open_requests++;
    wire_write(peer->http_wire, request);
    return 0;
}

static int closes(const struct answer *answer) {
    const struct answer_field *field = answer_field(answer, DM_SLICE("Connection"));
    return field && field->value.len == 5 && strncasecmp(field->value.ptr, "close", 5) == 0;
}

static void http_data(void *owner, struct dm_slice bytes) {
    struct peer *peer = owner;
    while (bytes.len && peer->http_wire) {
        struct answer *answer = NULL;
        size_t read = 0;
        if (peer->open_requests == 0) {
            lose_answers(peer, "bytes came that no request asked for");
            return;
        }
        enum answer_state state = answer_reader_feed(&peer->reader, bytes, peer->no_bodies & 1,
                                                     &read, &answer);
        if (state == ANSWER_BROKEN) {
            lose_answers(peer, answer_reader_error(&peer->reader));
            return;
        }
        if (state == ANSWER_MORE)
            return;
        list_push_back(&peer->answers, &answer->link);
        request_answered(peer);
        bytes.ptr += read;
        bytes.len -= read;
        if (closes(answer))
            lose_answers(peer, "the connection was closed");
    }
}

static void http_ended(void *owner, int status) {
    struct peer *peer = owner;
    struct answer *answer = NULL;
    if (answer_reader_end(&peer->reader, &answer) == ANSWER_DONE) {
        list_push_back(&peer->answers, &answer->link);
        request_answered(peer);
    }
    lose_answers(peer, status == 0 ? "the connection was closed" : uv_strerror(status));
}

/* ---- what came ---- */

struct arrival *peer_front(const struct peer *peer) {
    struct list *link = list_front(&peer->arrivals);
    return link ? container_of(link, struct arrival, link) : NULL;
}

size_t peer_arrival_count(const struct peer *peer) {
    size_t count = 0;
    list_foreach(it, &peer->arrivals)
        count++;
    return count;
}

void peer_take(struct peer *peer, struct arrival *arrival) {
    list_remove(&arrival->link);
}

void arrival_free(struct arrival *arrival) {
    if (!arrival)
        return;
    buf_fini(&arrival->bytes);
    free(arrival);
}
