#include "core/net/handoff.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/base/base64.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/random.h"
#include "core/net/conn_pass.h"

#define PREFIX_MAX (HANDOFF_PLACE_MAX + 1 + HANDOFF_NAME_LEN)
#define BATCH 16

struct handoff {
    struct loop *loop;
    struct conn_server *server;
    uv_poll_t poll;
    int dir;
    int fd; /* -1: does not listen */
    uint8_t *scratch;
    size_t place_len; /* with its dot */
    char prefix[PREFIX_MAX + 1];
    enum { HANDOFF_OPEN = 0, HANDOFF_CLOSED } state;
};

struct handoff *handoff_new(struct loop *loop, struct dm_slice place) {
    struct handoff *handoff = mem_zalloc(sizeof(*handoff));
    uint8_t random[HANDOFF_NAME_LEN * 3 / 4];
    if (place.len)
        handoff->place_len = (size_t)snprintf(handoff->prefix, sizeof(handoff->prefix), "%.*s.",
                                              (int)place.len, place.ptr);
    random_bytes(random, sizeof(random));
    base64_encode(BASE64_URL, random, sizeof(random), handoff->prefix + handoff->place_len);
    handoff->loop = loop;
    handoff->fd = -1;
    return handoff;
}

struct dm_slice handoff_prefix(const struct handoff *handoff) {
    return dm_slice_str(handoff->prefix);
}

/* Short enough however deep the directory lies. */
static void address_of(const struct handoff *handoff, const char *name,
                       struct sockaddr_un *ret_address) {
    *ret_address = (struct sockaddr_un){ .sun_family = AF_UNIX };
    snprintf(ret_address->sun_path, sizeof(ret_address->sun_path), "/proc/self/fd/%d/%.*s",
             handoff->dir, HANDOFF_NAME_LEN, name);
}

/* ---- the others ---- */

static int is_name(const char *name) {
    for (int i = 0; i < HANDOFF_NAME_LEN; i++)
        if (!isalnum((unsigned char)name[i]) && name[i] != '-' && name[i] != '_')
            return 0;
    return 1;
}

/* A datagram socket connected to it. */
static int connect_to(struct handoff *handoff, const char *name) {
    struct sockaddr_un address;
    address_of(handoff, name, &address);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    /* Left by a process that was killed. */
    if (errno == ECONNREFUSED)
        unlink(address.sun_path);
    close(fd);
    return -ENOENT;
}

/* ---- in ---- */

static void take(struct handoff *handoff, struct msghdr *message, size_t len) {
    struct cmsghdr *control = CMSG_FIRSTHDR(message);
    struct conn_passed passed;
    int fd;
    if (!control || control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_RIGHTS)
        return;
    memcpy(&fd, CMSG_DATA(control), sizeof(fd));
    int r = message->msg_flags & MSG_TRUNC
                ? -EMSGSIZE : conn_passed_read(handoff->scratch, len, &passed);
    if (r == 0)
        r = conn_adopt(handoff->server, fd, &passed);
    if (r < 0) {
        log_event(LOG_LEVEL_WARNING, "a passed connection cannot be taken",
                  LOG_ERRNO("error", r));
        close(fd);
    }
}

static int take_next(struct handoff *handoff) {
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec iov = { handoff->scratch, CONN_PASS_MAX };
    struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
                              .msg_controllen = sizeof(control) };
    ssize_t n = recvmsg(handoff->fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (n < 0)
        return 0;
    take(handoff, &message, (size_t)n);
    return 1;
}

static void on_readable(uv_poll_t *poll, int status, int events) {
    struct handoff *handoff = container_of(poll, struct handoff, poll);
    for (int i = 0; i < BATCH && take_next(handoff); i++)
        ;
}

/* Clears away what killed processes have left. */
static void sweep(struct handoff *handoff) {
    DIR *listing = fdopendir(fcntl(handoff->dir, F_DUPFD_CLOEXEC, 0));
    struct dirent *entry;
    while (listing && (entry = readdir(listing))) {
        int fd = strlen(entry->d_name) == HANDOFF_NAME_LEN && is_name(entry->d_name)
                     ? connect_to(handoff, entry->d_name) : -ENOENT;
        if (fd >= 0)
            close(fd);
    }
    if (listing)
        closedir(listing);
}

int handoff_listen(struct handoff *handoff, int dir, struct conn_server *server) {
    struct sockaddr_un address;
    handoff->dir = dir;
    handoff->server = server;
    sweep(handoff);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    address_of(handoff, handoff->prefix + handoff->place_len, &address);
    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
        int error = errno;
        close(fd);
        return -error;
    }
    handoff->fd = fd;
    handoff->scratch = mem_alloc(CONN_PASS_MAX);
    uv_poll_init(loop_uv(handoff->loop), &handoff->poll, fd);
    uv_poll_start(&handoff->poll, UV_READABLE, on_readable);
    return 0;
}

/* ---- out ---- */

int handoff_pass(struct handoff *handoff, struct dm_slice id, struct http_exchange *exchange) {
    size_t place = handoff ? handoff->place_len : 0;
    const char *name = id.ptr + place;
    if (!handoff || handoff->fd < 0 || id.len < place + HANDOFF_NAME_LEN
        || memcmp(id.ptr, handoff->prefix, place) || !is_name(name)
        || !memcmp(name, handoff->prefix + place, HANDOFF_NAME_LEN))
        return -ENOENT;
    int fd = connect_to(handoff, name);
    if (fd < 0)
        return -ENOENT;
    conn_pass(exchange, fd);
    return 0;
}

/* ---- the end ---- */

static void poll_closed(uv_handle_t *handle) {
    container_of((uv_poll_t *)handle, struct handoff, poll)->state = HANDOFF_CLOSED;
}

void handoff_close(struct handoff *handoff) {
    struct sockaddr_un address;
    if (!handoff)
        return;
    if (handoff->fd >= 0) {
        address_of(handoff, handoff->prefix + handoff->place_len, &address);
        unlink(address.sun_path);
        uv_close((uv_handle_t *)&handoff->poll, poll_closed);
        while (handoff->state != HANDOFF_CLOSED)
            uv_run(loop_uv(handoff->loop), UV_RUN_ONCE);
        close(handoff->fd);
    }
    free(handoff->scratch);
    free(handoff);
}
