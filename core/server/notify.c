#include "core/server/notify.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/log.h"

/* Signs of life come three times as often as they must. */
#define FEEDS 3

#define ORDER_MAX 255

/* A path, or "@" and an abstract name. */
static int connect_manager(const char *path) {
    struct sockaddr_un un = { .sun_family = AF_UNIX };
    size_t len = strlen(path);
    if ((*path != '/' && *path != '@') || len < 2 || len >= sizeof(un.sun_path))
        return -EINVAL;
    memcpy(un.sun_path, path, len);
    if (*path == '@')
        un.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    if (connect(fd, (struct sockaddr *)&un, size) == 0)
        return fd;
    int error = errno;
    close(fd);
    return -error;
}

static uint64_t watchdog_ms(void) {
    const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    if (!usec || (pid && atol(pid) != getpid()))
        return 0;
    return strtoull(usec, NULL, 10) / 1000;
}

static void feed(struct loop_timer *timer) {
    struct notify *notify = container_of(timer, struct notify, timer);
    notify_send(notify, "WATCHDOG=1");
    loop_timer_arm(notify->loop, timer, notify->feed_ms);
}

void notify_open(struct notify *notify, int parent) {
    const char *path = getenv("NOTIFY_SOCKET");
    uint64_t watchdog = watchdog_ms();
    *notify = (struct notify){ .manager = -1, .parent = parent };
    loop_timer_init(&notify->timer, feed);
    if (path) {
        notify->manager = connect_manager(path);
        if (notify->manager < 0)
            log_event(LOG_LEVEL_WARNING, "NOTIFY_SOCKET cannot be reached",
                      LOG_ERRNO("error", notify->manager));
    }
    if (notify->manager >= 0 && watchdog)
        notify->feed_ms = (watchdog + FEEDS - 1) / FEEDS;
    if (parent >= 0 && (!notify->feed_ms || notify->feed_ms > NOTIFY_WATCHDOG_MS / FEEDS))
        notify->feed_ms = NOTIFY_WATCHDOG_MS / FEEDS;
}

void notify_still(struct notify *notify) {
    if (notify->loop)
        loop_timer_cancel(notify->loop, &notify->timer);
    notify->loop = NULL;
    if (notify->state == NOTIFY_LISTENS)
        uv_close((uv_handle_t *)&notify->poll, NULL);
    notify->state = NOTIFY_DEAF;
}

void notify_close(struct notify *notify) {
    if (notify->manager >= 0)
        close(notify->manager);
    if (notify->parent >= 0)
        close(notify->parent);
    notify->manager = notify->parent = -1;
}

static void on_order(uv_poll_t *poll, int status, int events) {
    struct notify *notify = container_of(poll, struct notify, poll);
    char text[ORDER_MAX + 1];
    ssize_t n = recv(notify->parent, text, ORDER_MAX, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        uv_poll_stop(poll);
        notify->ordered(notify->owner, NULL);
        return;
    }
    text[n] = '\0';
    notify->ordered(notify->owner, text);
}

void notify_listen(struct notify *notify, struct loop *loop, notify_order_fn *ordered,
                   void *owner) {
    if (notify->parent < 0)
        return;
    notify->ordered = ordered;
    notify->owner = owner;
    notify->state = NOTIFY_LISTENS;
    uv_poll_init(loop_uv(loop), &notify->poll, notify->parent);
    uv_poll_start(&notify->poll, UV_READABLE, on_order);
}

static void tell(int fd, const char *state) {
    if (fd >= 0)
        (void)!send(fd, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT);
}

void notify_send(struct notify *notify, const char *state) {
    tell(notify->manager, state);
    tell(notify->parent, state);
}

void notify_status(struct notify *notify, const char *status) {
    char state[512];
    snprintf(state, sizeof(state), "STATUS=%.*s", (int)strcspn(status, "\n"), status);
    notify_send(notify, state);
}

static void tell_formatted(int fd, const char *format, va_list args) {
    char state[512];
    vsnprintf(state, sizeof(state), format, args);
    tell(fd, state);
}

void notify_parent(struct notify *notify, const char *format, ...) {
    va_list args;
    va_start(args, format);
    tell_formatted(notify->parent, format, args);
    va_end(args);
}

void notify_manager(struct notify *notify, const char *format, ...) {
    va_list args;
    va_start(args, format);
    tell_formatted(notify->manager, format, args);
    va_end(args);
}

void notify_reloading(struct notify *notify) {
    notify_manager(notify, "RELOADING=1\nMONOTONIC_USEC=%llu",
                   (unsigned long long)(clock_mono_ns() / 1000));
}

void notify_feed(struct notify *notify, struct loop *loop) {
    notify->loop = loop;
    if (notify->feed_ms)
        loop_timer_arm(loop, &notify->timer, notify->feed_ms);
}
