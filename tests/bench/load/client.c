#include "tests/bench/load/client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The example of RFC 6455, section 1.3: a known answer spares this program the hash. */
#define KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

#define READ_SIZE ((size_t)1 << 18)
#define FRAME_MAX ((size_t)1 << 17)

enum { TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10 };

/* Shared by all sockets: only a frame cut off by the end of a read needs memory of its own. */
static char input[FRAME_MAX + READ_SIZE];

static char *reserve(struct client *client, size_t more) {
    if (client->out_from == client->out_len)
        client->out_from = client->out_len = 0;
    if (client->out_len + more > client->out_size) {
        client->out_size = 2 * (client->out_len + more);
        client->out = realloc(client->out, client->out_size);
    }
    return client->out + client->out_len;
}

static void queue_handshake(struct client *client, const struct options *options,
                            const struct user *user) {
    char path[4096] = "";
    const char *hole = strstr(options->path, "%s");
    if (hole)
        snprintf(path, sizeof(path), "%.*s%s%s", (int)(hole - options->path), options->path,
                 user->token, hole + 2);
    else
        snprintf(path, sizeof(path), "%s", options->path);
    const char *protocol = options->dialect->subprotocol;
    size_t room = sizeof(path) + 512;
    int n = snprintf(reserve(client, room), room,
                     "GET %s HTTP/1.1\r\nHost: %s:%u\r\nUpgrade: websocket\r\n"
                     "Connection: Upgrade\r\nSec-WebSocket-Key: " KEY "\r\n"
                     "%s%s%sSec-WebSocket-Version: 13\r\n\r\n", path, options->host,
                     options->port, protocol ? "Sec-WebSocket-Protocol: " : "",
                     protocol ? protocol : "", protocol ? "\r\n" : "");
    client->out_len += (size_t)n;
}

int client_connect(struct client *client, const struct options *options, const struct user *user,
                   void *owner) {
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(options->port) };
    int one = 1;
    memset(client, 0, sizeof(*client));
    client->owner = owner;
    client->fd = -1;
    if (inet_pton(AF_INET, options->host, &address.sin_addr) != 1)
        return -EINVAL;
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (client->fd < 0)
        return -errno;
    setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (connect(client->fd, (struct sockaddr *)&address, sizeof(address)) && errno != EINPROGRESS)
        return -errno;
    queue_handshake(client, options, user);
    return 0;
}

void client_close(struct client *client, const char *why) {
    if (client->state != CLIENT_CLOSED)
        client->why = why;
    client->state = CLIENT_CLOSED;
    if (client->fd >= 0)
        close(client->fd);
    client->fd = -1;
    free(client->rest);
    free(client->out);
    client->rest = client->out = NULL;
    client->rest_len = client->out_len = client->out_from = client->out_size = 0;
}

static uint32_t next_mask(void) {
    static uint32_t state = 2463534242u;
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

static void queue_frame(struct client *client, int kind, const char *data, size_t len) {
    unsigned char *p = (unsigned char *)reserve(client, len + 14);
    unsigned char *begin = p;
    uint32_t mask = next_mask();
    *p++ = (unsigned char)(0x80 | kind);
    if (len < 126) {
        *p++ = (unsigned char)(0x80 | len);
    } else {
        *p++ = 0x80 | 126;
        *p++ = (unsigned char)(len >> 8);
        *p++ = (unsigned char)len;
    }
    memcpy(p, &mask, sizeof(mask));
    p += sizeof(mask);
    for (size_t i = 0; i < len; i += sizeof(mask)) {
        uint32_t word = 0;
        size_t part = len - i < sizeof(word) ? len - i : sizeof(word);
        memcpy(&word, data + i, part);
        word ^= mask;
        memcpy(p + i, &word, part);
    }
    client->out_len += (size_t)(p - begin) + len;
}

void client_queue(struct client *client, const char *text, size_t len) {
    if (len > UINT16_MAX)
        client_close(client, "a frame too large for this program");
    else if (client->state == CLIENT_OPEN)
        queue_frame(client, TEXT, text, len);
}

int client_flush(struct client *client) {
    while (client->out_from < client->out_len) {
        ssize_t n = send(client->fd, client->out + client->out_from,
                         client->out_len - client->out_from, MSG_NOSIGNAL);
        if (n < 0 && (errno == EAGAIN || errno == ENOTCONN))
            return 1;
        if (n < 0) {
            client_close(client, strerror(errno));
            return 0;
        }
        client->out_from += (size_t)n;
    }
    return 0;
}

/* Returns the bytes of the response's head, 0 when it is not whole yet. */
static size_t read_handshake(struct client *client, const char *data, size_t len) {
    const char *end = memmem(data, len, "\r\n\r\n", 4);
    if (!end) {
        if (len > 8192)
            client_close(client, "an endless handshake");
        return 0;
    }
    size_t head = (size_t)(end - data) + 4;
    if (strncmp(data, "HTTP/1.1 101", 12) || !memmem(data, head, ACCEPT, strlen(ACCEPT))) {
        client_close(client, "the handshake was refused");
        return 0;
    }
    client->state = CLIENT_OPEN;
    return head;
}

/* Sets where the payload is; 0 when the header is not whole yet. */
static size_t header_size(const unsigned char *p, size_t len, uint64_t *ret_payload) {
    size_t size = len < 2 ? 2 : p[1] == 126 ? 4 : p[1] == 127 ? 10 : 2;
    if (len < size)
        return 0;
    *ret_payload = p[1];
    if (size > 2) {
        *ret_payload = 0;
        for (size_t i = 2; i < size; i++)
            *ret_payload = *ret_payload << 8 | p[i];
    }
    return size;
}

static void handle_frame(struct client *client, unsigned char first, const char *data, size_t len,
                         client_message_fn message) {
    int kind = first & 0x0f;
    if (kind == PING) {
        queue_frame(client, PONG, data, len);
    } else if (kind == CLOSE) {
        if (len >= 2)
            client->close_code = (unsigned)((unsigned char)data[0] << 8 | (unsigned char)data[1]);
        client_close(client, "closed by the server");
    } else if (kind != PONG) {
        /* Neither server has a reason to fragment or compress. */
        if (!(first & 0x80) || (first & 0x70) || (kind != TEXT && kind != BINARY))
            client_close(client, "a frame that was not expected");
        else
            message(client, data, len);
    }
}

/* Returns how many bytes were taken. */
static size_t read_frames(struct client *client, const char *data, size_t len,
                          client_message_fn message) {
    size_t taken = 0;
    while (client->state == CLIENT_OPEN) {
        uint64_t payload = 0;
        const char *frame = data + taken;
        size_t head = header_size((const unsigned char *)frame, len - taken, &payload);
        if (payload > FRAME_MAX - 16)
            client_close(client, "a frame too large for this program");
        if (!head || len - taken < head + payload)
            break;
        handle_frame(client, (unsigned char)frame[0], frame + head, payload, message);
        taken += head + payload;
    }
    return taken;
}

static void keep_rest(struct client *client, const char *data, size_t len) {
    free(client->rest);
    client->rest = NULL;
    client->rest_len = 0;
    if (len == 0 || client->state == CLIENT_CLOSED)
        return;
    client->rest = malloc(len);
    memcpy(client->rest, data, len);
    client->rest_len = len;
}

void client_read(struct client *client, client_message_fn message) {
    size_t len = client->rest_len;
    if (len)
        memcpy(input, client->rest, len);
    ssize_t n = recv(client->fd, input + len, READ_SIZE, 0);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0) {
        client_close(client, n ? strerror(errno) : "connection ended");
        return;
    }
    len += (size_t)n;
    size_t taken = client->state == CLIENT_CONNECTING ? read_handshake(client, input, len) : 0;
    taken += read_frames(client, input + taken, len - taken, message);
    keep_rest(client, input + taken, len - taken);
}
