#include "core/kit/client.h"

#include "core/base/mem.h"

/* The request without a query and without header lines that hold a secret. */
static void strip(const struct stage *stage, struct dm_slice request, struct buf *out) {
    const char *at = request.ptr, *end = request.ptr + request.len;
    while (at < end) {
        const char *line_end = memmem(at, (size_t)(end - at), "\r\n", 2);
        size_t len = line_end ? (size_t)(line_end - at) + 2 : (size_t)(end - at);
        struct dm_slice line = { at, len };
        const char *query = at == request.ptr ? memchr(at, '?', len) : NULL;
        if (!stage_find_secret(stage, line).ptr) {
            buf_append_slice(out, line);
        } else if (query) {
            buf_append(out, at, (size_t)(query - at));
            buf_append_str(out, " HTTP/1.1\r\n");
        }
        at += len;
        if (len == 2) {
            buf_append(out, at, (size_t)(end - at));
            return;
        }
    }
}

static void prepare(const struct stage *stage, struct dm_slice request,
                    enum credentials credentials, struct buf *out) {
    if (credentials == CREDENTIALS_STRIPPED)
        strip(stage, request, out);
    else
        buf_append_slice(out, request);
}

int client_open(struct client *client, struct stage *stage, const struct frame *frame,
                enum credentials credentials) {
    struct buf request = BUF_INIT;
    client->stage = stage;
    peer_init(&client->peer, DM_SLICE("client"), loop_uv(stage->loop), &stage->target, 0);
    if (frame->step->kind == STEP_REQUEST)
        return 0;
    if (!frame->upgrade.ptr)
        return -1;
    prepare(stage, frame->upgrade, credentials, &request);
    peer_connect(&client->peer, buf_slice(&request));
    stage_settle(stage);
    buf_fini(&request);
    return client->peer.state == PEER_OPEN ? 0 : -1;
}

void client_send(struct client *client, const struct frame *frame, enum credentials credentials) {
    static const struct cuts whole = { .count = 0 };
    struct buf request = BUF_INIT;
    if (frame->step->kind == STEP_REQUEST) {
        prepare(client->stage, frame->bytes, credentials, &request);
        peer_request(&client->peer, buf_slice(&request), PEER_BODY);
        buf_fini(&request);
    } else if (client->peer.state == PEER_OPEN) {
        socket_send(client->peer.socket, frame->step->frame, frame->body, &whole);
    }
}

int client_is_open(const struct client *client) {
    return client->peer.state == PEER_OPEN;
}

void client_close(struct client *client) {
    if (client->peer.state == PEER_OPEN)
        socket_close(client->peer.socket, 1000, DM_SLICE(""));
    stage_settle(client->stage);
    peer_fini(&client->peer);
    stage_settle(client->stage);
}

int frame_has_login(const struct stage *stage, const struct frame *frame) {
    return stage_has_login(stage, frame->body);
}
