#include "tests/unit/adapter/rig.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/mem.h"
#include "core/base/metrics.h"

static struct rig *current;

struct engine_user {
    struct dm_user user;
};

/* ---- the scripted engine ---- */

void engine_session_open(struct engine *engine, struct engine_session *session, uint32_t flags,
                         const char *adapter) {
    (void)adapter;
    session->engine = engine;
    session->flags = (uint8_t)flags;
    current->opened++;
    current->last_flags = flags;
}

void engine_session_close(struct engine_session *session) {
    session->state = ENGINE_SESSION_CLOSED;
    current->closed++;
    for (size_t i = current->answered; i < current->command_count; i++)
        if (current->commands[i].session == session)
            current->commands[i].session = NULL;
}

const struct dm_user *engine_session_user(const struct engine_session *session) {
    return session->user ? &session->user->user : NULL;
}

uint32_t engine_session_backlog(const struct engine_session *session) {
    uint32_t backlog = 0;

    for (size_t i = current->answered; i < current->command_count; i++)
        backlog += current->commands[i].session == session;
    return backlog;
}

static char *copy(struct dm_slice slice) {
    return slice.ptr ? mem_dup(slice.ptr, slice.len) : NULL;
}

void engine_submit(struct engine_session *session, const struct dm_command *command,
                   struct dm_slice cookie) {
    struct rig_command *kept;

    cr_assert(current->command_count < RIG_COMMANDS_MAX);
    kept = &current->commands[current->command_count++];
    *kept = (struct rig_command){ session, *command, copy(cookie), copy(command->text),
                                  copy(command->token) };
}

/* ---- the rig ---- */

static void on_request(struct conn_server *server, struct http_exchange *exchange) {
    host_request(conn_server_userdata(server), exchange);
}

static const struct conn_handler conn_handler = { .request = on_request };

void rig_init(struct rig *rig, const struct dm_adapter *adapter, const char *mount,
              const struct adapter_values *values, const struct host_config *config) {
    struct conn_config conn = CONN_CONFIG_DEFAULT;
    const struct host_instance_config instance = { .mount = mount, .values = values };
    struct adapter_error error = { "" };

    memset(rig, 0, sizeof(*rig));
    current = rig;
    cr_assert_eq(loop_new(&rig->loop), 0);
    rig->metrics = metrics_new(500);
    rig->host = host_new(config, rig->loop, rig->metrics);
    cr_assert_eq(host_add(rig->host, adapter, &instance, &error), 0, "%s", error.text);
    host_attach_engine(rig->host, (struct engine *)rig);
    cr_assert_eq(host_start(rig->host, &error), 0, "%s", error.text);
    cr_assert_eq(address_set_add(&rig->trusted, DM_SLICE("192.0.2.7")), 0);
    conn.trusted = &rig->trusted;
    rig->server = conn_server_new(rig->loop, &conn, &conn_handler, rig->host);
}

void rig_fini(struct rig *rig) {
    conn_server_close(rig->server, NULL);
    rig_settle(rig);
    host_hang_up(rig->host);
    cr_assert_eq(host_session_count(rig->host), 0);
    cr_assert_eq(rig->opened, rig->closed);
    host_stop(rig->host);
    host_free(rig->host);
    for (size_t i = 0; i < rig->command_count; i++) {
        free(rig->commands[i].cookie);
        free(rig->commands[i].text);
        free(rig->commands[i].token);
    }
    address_set_fini(&rig->trusted);
    metrics_free(rig->metrics);
    loop_free(rig->loop);
    blob_pool_drain();
}

void rig_settle(struct rig *rig) {
    for (int i = 0; i < 12; i++)
        (void)loop_run_once(rig->loop);
}

int rig_connect(struct rig *rig) {
    struct net_address peer = { .ip = { 192, 0, 2, 7 }, .port = 5000, .family = NET_IPV4 };
    int fds[2];

    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    cr_assert_eq(conn_open(rig->server, fds[0], &peer, NULL, NULL), 0);
    rig_settle(rig);
    return fds[1];
}

void rig_read(struct rig *rig, int fd, struct buf *ret_answer) {
    rig_settle(rig);
    for (;;) {
        ssize_t got = read(fd, buf_reserve(ret_answer, 65536), 65536);

        if (got <= 0)
            return;
        ret_answer->len += (size_t)got;
        rig_settle(rig);
    }
}

static void write_all(struct rig *rig, int fd, const void *data, size_t len) {
    const char *pos = data;

    while (len > 0) {
        ssize_t put = write(fd, pos, len);

        if (put < 0 && errno != EAGAIN)
            return;
        pos += put > 0 ? put : 0;
        len -= put > 0 ? (size_t)put : 0;
        rig_settle(rig);
    }
}

void rig_talk(struct rig *rig, int fd, const char *request, struct buf *ret_answer) {
    write_all(rig, fd, request, strlen(request));
    rig_read(rig, fd, ret_answer);
}

int rig_socket(struct rig *rig, const char *path, const char *headers) {
    struct buf request = BUF_INIT, answer = BUF_INIT;
    const char *end;
    int fd = rig_connect(rig);
    char byte;

    buf_printf(&request, "GET %s HTTP/1.1\r\nHost: chat.example\r\nConnection: Upgrade\r\n"
               "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
               "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s\r\n", path, headers);
    write_all(rig, fd, request.data, request.len);
    /* The head alone: frames may follow it at once. */
    while (read(fd, &byte, 1) == 1) {
        buf_append_char(&answer, byte);
        if (answer.len >= 4 && memcmp(answer.data + answer.len - 4, "\r\n\r\n", 4) == 0)
            break;
    }
    buf_append_char(&answer, '\0');
    end = strstr(answer.data, "101 ");
    cr_assert_not_null(end, "not accepted: %s", answer.data);
    buf_fini(&request);
    buf_fini(&answer);
    return fd;
}

void rig_send_kind(struct rig *rig, int fd, int kind, const void *data, size_t len) {
    static const unsigned char mask[4] = { 1, 2, 3, 4 };
    struct buf frame = BUF_INIT;

    buf_append_char(&frame, (char)(0x80 | kind));
    if (len < 126) {
        buf_append_char(&frame, (char)(0x80 | len));
    } else {
        buf_append_char(&frame, (char)(0x80 | (len < 65536 ? 126 : 127)));
        for (int shift = len < 65536 ? 8 : 56; shift >= 0; shift -= 8)
            buf_append_char(&frame, (char)(len >> shift));
    }
    buf_append(&frame, mask, 4);
    for (size_t i = 0; i < len; i++)
        buf_append_char(&frame, (char)(((const unsigned char *)data)[i] ^ mask[i % 4]));
    write_all(rig, fd, frame.data, frame.len);
    rig_settle(rig);
    buf_fini(&frame);
}

void rig_send(struct rig *rig, int fd, const char *text) {
    rig_send_kind(rig, fd, WEBSOCKET_TEXT, text, strlen(text));
}

/* One server frame; the bytes it takes, or 0 when it is not complete. */
static size_t read_frame(struct dm_slice bytes, struct buf *ret_line) {
    const unsigned char *p = (const unsigned char *)bytes.ptr;
    size_t head = 2, len;

    if (bytes.len < 2)
        return 0;
    len = p[1] & 127;
    if (len >= 126) {
        size_t more = len == 126 ? 2 : 8;

        len = 0;
        for (size_t i = 0; i < more; i++)
            len = len << 8 | p[2 + i];
        head += more;
    }
    if (bytes.len < head + len)
        return 0;
    if ((p[0] & 15) != WEBSOCKET_CLOSE)
        buf_append(ret_line, bytes.ptr + head, len);
    else if (len >= 2)
        buf_printf(ret_line, "close %d", p[head] << 8 | p[head + 1]);
    else
        buf_append_str(ret_line, "close");
    buf_append_char(ret_line, '\n');
    return head + len;
}

const char *rig_frames(struct rig *rig, int fd) {
    static struct buf lines;
    struct buf bytes = BUF_INIT;
    size_t at = 0, took;
    char byte;

    buf_reset(&lines);
    rig_read(rig, fd, &bytes);
    while ((took = read_frame((struct dm_slice){ bytes.data + at, bytes.len - at }, &lines)))
        at += took;
    if (read(fd, &byte, 1) == 0)
        buf_append_str(&lines, "end\n");
    buf_append_char(&lines, '\0');
    buf_fini(&bytes);
    return lines.data;
}

struct rig_command *rig_next(struct rig *rig) {
    cr_assert(rig->answered < rig->command_count, "no command was submitted");
    return &rig->commands[rig->answered];
}

void rig_answer(struct rig *rig, struct rig_command *command, const struct dm_result *result) {
    struct dm_result full = *result;

    full.kind = command->command.kind;
    cr_assert_eq(command, &rig->commands[rig->answered], "answered out of order");
    rig->answered++;
    if (command->session)
        host_engine_client()->result(command->session, &full, dm_slice_str(command->cookie));
    rig_settle(rig);
}

void rig_answer_login(struct rig *rig, struct rig_command *command, const struct dm_user *user) {
    const struct dm_result result = { .status = DM_OK, .user = user };

    if (command->session) {
        command->session->user = (struct engine_user *)(uintptr_t)user;
        command->session->state = ENGINE_SESSION_KNOWN;
    }
    rig_answer(rig, command, &result);
}

void rig_answer_status(struct rig *rig, enum dm_status status) {
    const struct dm_result result = { .status = status };

    rig_answer(rig, rig_next(rig), &result);
}

void rig_revoke(struct rig *rig, struct engine_session *session) {
    session->user = NULL;
    session->state = ENGINE_SESSION_NEW;
    host_engine_client()->revoked(session);
    rig_settle(rig);
}

int rig_event(struct rig *rig, struct engine_session *session, const struct dm_event *event,
              enum dm_audience audience, int sharing, const char *cookie) {
    const struct engine_view view = { .audience = audience,
                                      .viewer = engine_session_user(session),
                                      .sharing = sharing,
                                      .cookie = dm_slice_str(cookie) };

    (void)rig;
    return host_engine_client()->event(session, event, &view);
}

const struct dm_user *rig_user(unsigned n) {
    static struct dm_user users[8];
    static char names[8][16];
    struct dm_user *user = &users[n % 8];

    (void)snprintf(names[n % 8], sizeof(names[0]), "user%u", n);
    *user = (struct dm_user){ .id = DM_USER_ID_FIRST + n,
                              .username = dm_slice_str(names[n % 8]),
                              .first_name = dm_slice_str(names[n % 8]),
                              .flags = DM_USER_ACTIVE };
    user->uuid.bytes[15] = (uint8_t)(n + 1);
    return user;
}
