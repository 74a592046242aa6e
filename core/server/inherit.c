#include "core/server/inherit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/decimal.h"
#include "core/base/log.h"
#include "core/net/conn.h"

static int is_nameless(const char *name, size_t len) {
    static const char suffix[] = ".socket";
    size_t tail = sizeof(suffix) - 1;
    return len == 0 || (len == 7 && !memcmp(name, "unknown", 7))
           || (len > tail && !memcmp(name + len - tail, suffix, tail));
}

void inherit_add(struct inherit *inherit, const char *name, int fd) {
    if (inherit->count == INHERIT_MAX)
        return;
    struct inherit_item *item = &inherit->items[inherit->count++];
    item->fd = fd;
    snprintf(item->name, sizeof(item->name), "%s", name);
}

void inherit_add_listeners(struct inherit *inherit, const char *name,
                           const struct conn_server *server) {
    int fd;
    for (size_t i = 0; (fd = conn_server_listener_fd(server, i)) >= 0; i++)
        inherit_add(inherit, name, fd);
}

static int take_one(struct inherit *inherit, int fd, const char *name, size_t len) {
    char text[INHERIT_NAME_MAX + 1];
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0
        || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
        return -EINVAL;
    snprintf(text, sizeof(text), "%.*s", (int)len, name);
    inherit_add(inherit, is_nameless(name, len) ? INHERIT_PUBLIC : text, fd);
    return 0;
}

static int take_all(struct inherit *inherit, const char *pid_text, const char *count_text,
                    const char *names) {
    int64_t pid, count;
    if (!pid_text || !count_text)
        return 0;
    if (decimal_parse(dm_slice_str(pid_text), INT32_MAX, &pid)
        || decimal_parse(dm_slice_str(count_text), INHERIT_MAX, &count))
        return -EINVAL;
    if (pid != getpid())
        return 0;
    for (int i = 0; i < count; i++) {
        size_t len = names ? strcspn(names, ":") : 0;
        if (take_one(inherit, INHERIT_FIRST + i, names ? names : "", len))
            return -EINVAL;
        names = names && names[len] ? names + len + 1 : NULL;
    }
    return 0;
}

int inherit_take(struct inherit *ret_inherit) {
    ret_inherit->count = 0;
    int r = take_all(ret_inherit, getenv("LISTEN_PID"), getenv("LISTEN_FDS"),
                     getenv("LISTEN_FDNAMES"));
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    return r;
}

int inherit_has(const struct inherit *inherit, const char *name) {
    for (size_t i = 0; i < inherit->count; i++)
        if (!strcmp(inherit->items[i].name, name))
            return 1;
    return 0;
}

int inherit_claim(struct inherit *inherit, const char *name) {
    for (size_t i = 0; i < inherit->count; i++) {
        struct inherit_item *item = &inherit->items[i];
        if (strcmp(item->name, name))
            continue;
        int fd = item->fd;
        inherit->count--;
        memmove(item, item + 1, (inherit->count - i) * sizeof(*item));
        return fd;
    }
    return -1;
}

void inherit_close(struct inherit *inherit) {
    for (size_t i = 0; i < inherit->count; i++) {
        log_event(LOG_LEVEL_WARNING, "an inherited socket is not used",
                  LOG_STR("name", inherit->items[i].name));
        close(inherit->items[i].fd);
    }
    inherit->count = 0;
}
