#include "core/net/listener.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/net/stream.h"

#define ACCEPT_BATCH 64
#define SURPLUS_MAX 64
#define SURPLUS_MS 1000
#define EXHAUSTED_MS 100
#define TELL_EVERY_MS 60000
#define STAND_BACK_MS 2

struct listener {
    uv_poll_t poll;
    struct loop *loop;
    struct loop_timer pause; /* out of descriptors, or standing back */
    uint64_t tell_at_ms;     /* loop time from which on being out of them is news again */
    enum { LISTENER_ASKS = 0, LISTENER_STOOD_BACK } manners;
    listener_accept_fn *accept;
    void *userdata;
    struct listener_config config;
    struct net_address address;
    char *path; /* of a Unix socket bound here */
    int fd;
    uint32_t count;
    uint32_t surplus;
    enum { LISTENER_ACTIVE, LISTENER_CLOSING, LISTENER_CLOSED } state;
};

/* ---- connections without room ---- */

struct surplus {
    struct stream stream;
    struct listener *listener;
};

static void listener_free_if_done(struct listener *listener) {
    if (listener->state != LISTENER_CLOSED || listener->count || listener->surplus)
        return;
    free(listener->path);
    free(listener);
}

static void surplus_data(struct stream *stream, uint8_t *data, size_t len) {
    (void)stream, (void)data, (void)len;
}

static void surplus_closed(struct stream *stream, enum stream_end why) {
    struct surplus *surplus = container_of(stream, struct surplus, stream);
    (void)why;
    surplus->listener->surplus--;
    listener_free_if_done(surplus->listener);
    free(surplus);
}

static const struct stream_handler surplus_handler = {
    .data = surplus_data,
    .closed = surplus_closed,
};
static const struct stream_limits surplus_limits = { 4096, 8192, 16384, NULL };

static void refuse(struct listener *listener, int fd) {
    if (listener->config.surplus.len == 0 || listener->surplus == listener->config.surplus_max) {
        close(fd);
        return;
    }
    struct surplus *surplus = mem_alloc(sizeof(*surplus));
    surplus->listener = listener;
    int r = stream_init(&surplus->stream, listener->loop, fd, NULL, &surplus_limits,
                        &surplus_handler);
    if (r < 0) {
        close(fd);
        free(surplus);
        return;
    }
    listener->surplus++;
    stream_write(&surplus->stream, listener->config.surplus.ptr, listener->config.surplus.len);
    stream_close(&surplus->stream, SURPLUS_MS, SURPLUS_MS);
}

/* ---- accepting ---- */

static void on_readable(uv_poll_t *poll, int status, int events);

static void watch(struct listener *listener) {
    uv_poll_start(&listener->poll, UV_READABLE, on_readable);
}

static void on_pause_over(struct loop_timer *timer) {
    struct listener *listener = container_of(timer, struct listener, pause);
    if (listener->state == LISTENER_ACTIVE)
        watch(listener);
}

static enum log_level exhausted_level(struct listener *listener) {
    uint64_t now = uv_now(loop_uv(listener->loop));
    if (now < listener->tell_at_ms)
        return LOG_LEVEL_DEBUG;
    listener->tell_at_ms = now + TELL_EVERY_MS;
    return LOG_LEVEL_WARNING;
}

static void handle_accept_error(struct listener *listener, int error) {
    if (error == EAGAIN || error == EWOULDBLOCK)
        return;
    if (error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM) {
        enum log_level level = exhausted_level(listener);
        log_event(level, "cannot accept connections for a moment",
                  LOG_ERRNO("error", error));
        uv_poll_stop(&listener->poll);
        loop_timer_arm(listener->loop, &listener->pause, EXHAUSTED_MS);
    }
    /* All else (ECONNABORTED, EPROTO, ...) belongs to a connection that died in the queue. */
}

static int accept_one(struct listener *listener) {
    struct sockaddr_storage sa;
    socklen_t len = sizeof(sa);
    int fd = accept4(listener->fd, (struct sockaddr *)&sa, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return -errno;
    struct net_address peer;
    net_address_from((struct sockaddr *)&sa, len, &peer);
    if (peer.family != NET_UNIX) {
        int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    }
    listener->count++;
    if (listener->accept(listener, fd, &peer, listener->userdata) < 0) {
        listener->count--;
        refuse(listener, fd);
    }
    return 0;
}

/* Who comes back from it finds the queue empty, or nobody else in a hurry. */
static int stands_back(struct listener *listener) {
    const struct listener_config *config = &listener->config;
    if (!config->stand_back || listener->manners == LISTENER_STOOD_BACK
        || !config->stand_back(config->owner)) {
        listener->manners = LISTENER_ASKS;
        return 0;
    }
    listener->manners = LISTENER_STOOD_BACK;
    uv_poll_stop(&listener->poll);
    loop_timer_arm(listener->loop, &listener->pause, STAND_BACK_MS);
    return 1;
}

static void on_readable(uv_poll_t *poll, int status, int events) {
    struct listener *listener = container_of(poll, struct listener, poll);
    (void)events;
    if (status < 0) {
        /* Level-triggered: without a pause a broken socket would spin. */
        handle_accept_error(listener, ENOBUFS);
        return;
    }
    if (stands_back(listener))
        return;
    for (uint32_t i = 0; i < listener->config.batch && listener->state == LISTENER_ACTIVE; i++) {
        int r = accept_one(listener);
        if (r < 0) {
            handle_accept_error(listener, -r);
            return;
        }
    }
}

/* ---- opening ---- */

/* A socket file may be left over from a process that was killed. */
static int unlink_if_dead(const struct sockaddr_un *un) {
    struct stat st;
    if (stat(un->sun_path, &st) < 0)
        return errno == ENOENT ? 0 : -errno;
    if (!S_ISSOCK(st.st_mode))
        return -EADDRINUSE;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    int r = connect(fd, (const struct sockaddr *)un, sizeof(*un));
    int error = r < 0 ? errno : 0;
    close(fd);
    if (error != ECONNREFUSED)
        return -EADDRINUSE;
    return unlink(un->sun_path) < 0 && errno != ENOENT ? -errno : 0;
}

static int bind_to(int fd, const struct sockaddr_storage *sa, socklen_t len,
                   const struct listener_config *config) {
    int on = 1;
    int off = 0;
    if (sa->ss_family == AF_UNIX) {
        int r = unlink_if_dead((const struct sockaddr_un *)sa);
        if (r < 0)
            return r;
    } else {
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    }
    if (sa->ss_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
    if (bind(fd, (const struct sockaddr *)sa, len) < 0)
        return -errno;
    if (sa->ss_family == AF_UNIX &&
        chmod(((const struct sockaddr_un *)sa)->sun_path, config->mode ? config->mode : 0666) < 0)
        return -errno;
    return listen(fd, config->backlog > 0 ? config->backlog : 1024) < 0 ? -errno : 0;
}

static int open_socket(const struct listener_config *config, int *ret_fd, char **ret_path) {
    struct sockaddr_storage sa;
    socklen_t len = 0;
    int r = net_address_resolve(config->address, &sa, &len);
    if (r < 0)
        return r;
    int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 && errno == EAFNOSUPPORT && net_address_any_v4(&sa, &len) == 0)
        fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    r = bind_to(fd, &sa, len, config);
    if (r < 0) {
        close(fd);
        return r;
    }
    if (sa.ss_family == AF_UNIX) {
        const char *path = ((struct sockaddr_un *)&sa)->sun_path;
        *ret_path = mem_dup(path, strlen(path));
    }
    *ret_fd = fd;
    return 0;
}

int listener_bind(const struct listener_config *config) {
    int fd = -1;
    char *path = NULL;
    int r = open_socket(config, &fd, &path);
    free(path);
    return r < 0 ? r : fd;
}

static int check_inherited(int fd) {
    int is_listening = 0;
    socklen_t len = sizeof(is_listening);
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &len) < 0)
        return -errno;
    return is_listening ? 0 : -EINVAL;
}

int listener_open(struct loop *loop, const struct listener_config *config,
                  listener_accept_fn *accept, void *userdata, struct listener **ret_listener) {
    int fd = config->fd;
    char *path = NULL;
    int r = fd >= 0 ? check_inherited(fd) : open_socket(config, &fd, &path);
    if (r < 0)
        return r;
    struct listener *listener = mem_zalloc(sizeof(*listener));
    listener->loop = loop;
    listener->accept = accept;
    listener->userdata = userdata;
    listener->config = *config;
    if (!config->batch)
        listener->config.batch = ACCEPT_BATCH;
    if (!config->surplus_max || config->surplus_max > SURPLUS_MAX)
        listener->config.surplus_max = SURPLUS_MAX;
    listener->path = path;
    listener->fd = fd;
    loop_timer_init(&listener->pause, on_pause_over);
    r = uv_poll_init(loop_uv(loop), &listener->poll, fd);
    if (r < 0) {
        if (fd != config->fd)
            close(fd);
        free(path);
        free(listener);
        return r;
    }
    struct sockaddr_storage sa;
    socklen_t len = sizeof(sa);
    if (getsockname(fd, (struct sockaddr *)&sa, &len) == 0)
        net_address_from((struct sockaddr *)&sa, len, &listener->address);
    watch(listener);
    *ret_listener = listener;
    return 0;
}

/* ---- the owner's calls ---- */

const struct net_address *listener_address(const struct listener *listener) {
    return &listener->address;
}

int listener_fd(const struct listener *listener) {
    return listener->fd;
}

void listener_release(struct listener *listener) {
    listener->count--;
    listener_free_if_done(listener);
}

uint32_t listener_count(const struct listener *listener) {
    return listener->count;
}

static void on_closed(uv_handle_t *handle) {
    struct listener *listener = container_of((uv_poll_t *)handle, struct listener, poll);
    close(listener->fd);
    listener->state = LISTENER_CLOSED;
    listener_free_if_done(listener);
}

void listener_close(struct listener *listener, enum listener_file file) {
    listener->state = LISTENER_CLOSING;
    loop_timer_cancel(listener->loop, &listener->pause);
    if (listener->path && file == LISTENER_UNLINK)
        unlink(listener->path);
    uv_close((uv_handle_t *)&listener->poll, on_closed);
}
