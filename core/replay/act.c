/* Steps that do something: connect, request, send, close, drop. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/replay/player_internal.h"

/* Renders; a variable nobody knows is the transcript's fault. */
static enum player_result render(struct player *player, const struct step *step,
                                 const struct template *template, struct buf *out) {
    struct dm_slice unbound;
    if (!template || template_render(template, player->vars, out, &unbound) == 0)
        return PLAYER_PASSED;
    return player_fail(player, PLAYER_FAULT, step, "$%.*s is not known\n",
                       DM_SLICE_FMT(unbound));
}

/* What the step sends: its message or body. */
static enum player_result render_body(struct player *player, const struct step *step,
                                      struct buf *out) {
    if (!player->options->instead.ptr)
        return render(player, step, step->out, out);
    buf_append_slice(out, player->options->instead);
    return PLAYER_PASSED;
}

static const struct header *find_header(const struct header *list, const char *name) {
    while (list && (list->name.len != strlen(name) ||
                    strncasecmp(list->name.ptr, name, list->name.len) != 0))
        list = list->next;
    return list;
}

/* A header that the step names, or else the client's own. */
static const struct header *named_header(const struct role *role, const struct step *step,
                                         const char *name) {
    const struct header *header = find_header(step->headers, name);
    return header ? header : find_header(role->defaults, name);
}

static enum player_result add_header(struct player *player, const struct step *step,
                                     const struct header *header, struct buf *out) {
    if (!header->out)
        return PLAYER_PASSED;
    buf_append_slice(out, header->name);
    buf_append_str(out, ": ");
    enum player_result result = render(player, step, header->out, out);
    buf_append_str(out, "\r\n");
    return result;
}

/* Request line, Host, and all headers that are written. */
static enum player_result begin_request(struct player *player, const struct role *role,
                                        const struct step *step, struct dm_slice method,
                                        struct buf *out) {
    const struct target *target = player->options->target;
    buf_append_slice(out, method);
    enum player_result result = PLAYER_PASSED;
    buf_printf(out, " %s", target->prefix);
    if (player->options->instead_path.ptr)
        buf_append_slice(out, player->options->instead_path);
    else
        result = render(player, step, step->path, out);
    buf_append_str(out, " HTTP/1.1\r\n");
    if (!named_header(role, step, "Host"))
        buf_printf(out, "Host: %s\r\n", target->authority);
    for (const struct header *h = step->headers; h && result == PLAYER_PASSED; h = h->next)
        result = add_header(player, step, h, out);
    for (const struct header *h = role->defaults; h && result == PLAYER_PASSED; h = h->next)
        if (!find_header(step->headers, h->name.ptr))
            result = add_header(player, step, h, out);
    return result;
}

static void add_unless_named(const struct role *role, const struct step *step, const char *name,
                             const char *value, struct buf *out) {
    if (!named_header(role, step, name))
        buf_printf(out, "%s: %s\r\n", name, value);
}

static void tell_sent(const struct player *player, const struct step *step,
                      struct dm_slice bytes) {
    if (player->options->sent)
        player->options->sent(player->options->owner, step, bytes);
}

static int upgrade_done(const struct role *role) {
    return role->peer.state != PEER_UPGRADING;
}

enum player_result act_connect(struct player *player, struct role *role, const struct step *step) {
    struct peer *peer = &role->peer;
    struct buf request = BUF_INIT;
    if (peer->state == PEER_OPEN)
        return player_fail(player, PLAYER_FAULT, step, "has a WebSocket already\n");
    enum player_result result = expect_nothing_left(player, role, step);
    if (result == PLAYER_PASSED)
        result = begin_request(player, role, step, DM_SLICE("GET"), &request);
    add_unless_named(role, step, "Upgrade", "websocket", &request);
    add_unless_named(role, step, "Connection", "Upgrade", &request);
    add_unless_named(role, step, "Sec-WebSocket-Version", "13", &request);
    add_unless_named(role, step, "Sec-WebSocket-Key", PEER_KEY, &request);
    buf_append_str(&request, "\r\n");
    if (result == PLAYER_PASSED) {
        role->leaving = 0;
        player_trace(player, role, "connects:", buf_slice(&request));
        tell_sent(player, step, buf_slice(&request));
        peer_connect(peer, buf_slice(&request));
        if (!player_wait(player, upgrade_done, role, player->options->timeout_ms))
            result = player_fail(player, PLAYER_DIFFERS, step, "the upgrade got no answer\n");
    }
    buf_fini(&request);
    return result;
}

static int is_chunked(const struct role *role, const struct step *step) {
    const struct header *header = named_header(role, step, "Transfer-Encoding");
    return header && header->out;
}

static int has_body_by_nature(struct dm_slice method) {
    return dm_slice_eq(method, DM_SLICE("POST")) || dm_slice_eq(method, DM_SLICE("PUT")) ||
           dm_slice_eq(method, DM_SLICE("PATCH"));
}

/* What follows the written headers: those about the body, and the body. */
static void finish_request(const struct role *role, const struct step *step,
                           struct dm_slice body, struct buf *out) {
    char length[32];
    int chunked = is_chunked(role, step);
    snprintf(length, sizeof(length), "%zu", body.len);
    if (step->flags & STEP_JSON_BODY)
        add_unless_named(role, step, "Content-Type", "application/json", out);
    if (!chunked && (step->out || has_body_by_nature(step->method)))
        add_unless_named(role, step, "Content-Length", length, out);
    buf_append_str(out, "\r\n");
    if (chunked && body.len)
        buf_printf(out, "%zx\r\n", body.len);
    buf_append_slice(out, body);
    if (chunked)
        buf_append_str(out, body.len ? "\r\n0\r\n\r\n" : "0\r\n\r\n");
}

enum player_result act_request(struct player *player, struct role *role, const struct step *step) {
    struct buf request = BUF_INIT, body = BUF_INIT;
    enum player_result result = begin_request(player, role, step, step->method, &request);
    if (result == PLAYER_PASSED)
        result = render_body(player, step, &body);
    if (result == PLAYER_PASSED) {
        int head = dm_slice_eq(step->method, DM_SLICE("HEAD"));
        finish_request(role, step, buf_slice(&body), &request);
        player_trace(player, role, "requests:", buf_slice(&request));
        tell_sent(player, step, buf_slice(&request));
        if (peer_request(&role->peer, buf_slice(&request), head ? PEER_NO_BODY : PEER_BODY) < 0)
            result = player_fail(player, PLAYER_FAULT, step, "has too many open requests\n");
    }
    buf_fini(&request);
    buf_fini(&body);
    return result;
}

/* The kind of frame that the message goes as. */
static enum frame_kind kind_of(const struct player *player, const struct step *step) {
    if (player->options->kind == PLAYER_SAME_KIND || step->frame > FRAME_BINARY)
        return step->frame;
    return step->frame == FRAME_TEXT ? FRAME_BINARY : FRAME_TEXT;
}

enum player_result act_send(struct player *player, struct role *role, const struct step *step) {
    enum frame_kind kind = kind_of(player, step);
    struct buf body = BUF_INIT;
    enum player_result result = render_body(player, step, &body);
    if (result == PLAYER_PASSED && role->peer.state != PEER_OPEN) {
        result = player_fail(player, PLAYER_DIFFERS, step, "has no open WebSocket to send on");
        if (role->peer.state == PEER_ENDED && !role->leaving)
            buf_printf(player->report, ": the server closed it with %u", role->peer.close_code);
        buf_append_char(player->report, '\n');
    }
    if (result == PLAYER_PASSED) {
        player_trace(player, role, "->", buf_slice(&body));
        tell_sent(player, step, buf_slice(&body));
        if (player->options->fragment && !step->cuts.count && kind <= FRAME_BINARY)
            socket_send_pieces(role->peer.socket, kind, buf_slice(&body),
                               player->options->fragment);
        else
            socket_send(role->peer.socket, kind, buf_slice(&body), &step->cuts);
    }
    buf_fini(&body);
    return result;
}

static int socket_gone(const struct role *role) {
    return role->peer.state != PEER_OPEN;
}

static void forget_arrivals(struct role *role) {
    struct arrival *arrival;
    while ((arrival = peer_front(&role->peer))) {
        peer_take(&role->peer, arrival);
        arrival_free(arrival);
    }
}

enum player_result act_close(struct player *player, struct role *role, const struct step *step) {
    struct buf reason = BUF_INIT;
    if (role->peer.state != PEER_OPEN)
        return player_fail(player, PLAYER_DIFFERS, step, "has no open WebSocket to close\n");
    enum player_result result = expect_nothing_left(player, role, step);
    if (result == PLAYER_PASSED)
        result = render(player, step, step->out, &reason);
    if (result == PLAYER_PASSED) {
        role->leaving = 1;
        socket_close(role->peer.socket, step->status, buf_slice(&reason));
        if (!player_wait(player, socket_gone, role, player->options->timeout_ms))
            result = player_fail(player, PLAYER_DIFFERS, step,
                                 "closed, and the server keeps the connection\n");
        forget_arrivals(role);
    }
    buf_fini(&reason);
    return result;
}

enum player_result act_drop(struct player *player, struct role *role, const struct step *step) {
    enum player_result result = expect_nothing_left(player, role, step);
    role->leaving = 1;
    peer_drop(&role->peer);
    forget_arrivals(role);
    return result;
}
