#include "core/server/child.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/server/child_internal.h"
#include "core/server/notify.h"

#define MESSAGE_MAX 1024

struct child {
    struct loop *loop;
    struct child_config config;
    pid_t pid;
    int fd;
    uv_poll_t poll;
    uv_signal_t signal;
    struct loop_timer watchdog;
    unsigned handles; /* of libuv, not closed yet */
    enum { CHILD_STARTING, CHILD_READY, CHILD_MUTE, CHILD_GONE } state;
    char status[256];
};

/* ---- the end ---- */

static void handle_closed(uv_handle_t *handle) {
    struct child *child = handle->data;
    if (--child->handles == 0)
        free(child);
}

static void release(struct child *child) {
    child->state = CHILD_GONE;
    loop_timer_cancel(child->loop, &child->watchdog);
    uv_close((uv_handle_t *)&child->poll, handle_closed);
    uv_close((uv_handle_t *)&child->signal, handle_closed);
    close(child->fd);
}

void child_let_go(struct child *child) {
    release(child);
}

static void take_messages(struct child *child);

static void on_child_signal(uv_signal_t *handle, int signum) {
    struct child *child = handle->data;
    int status;
    if (child->state == CHILD_GONE || waitpid(child->pid, &status, WNOHANG) != child->pid)
        return;
    /* Its last words may still be there. */
    take_messages(child);
    if (child->state == CHILD_GONE)
        return;
    child->config.handler->ended(child, status, child->config.owner);
    release(child);
}

void child_end_text(int status, char ret_text[CHILD_END_TEXT]) {
    if (WIFSIGNALED(status))
        snprintf(ret_text, CHILD_END_TEXT, "signal %d", WTERMSIG(status));
    else
        snprintf(ret_text, CHILD_END_TEXT, "exit status %d", WEXITSTATUS(status));
}

/* ---- what it says ---- */

static void gives_no_sign(struct loop_timer *timer) {
    struct child *child = container_of(timer, struct child, watchdog);
    log_event(LOG_LEVEL_ERROR, "a process gives no sign of life", LOG_INT("pid", child->pid));
    child_kill(child, SIGKILL);
}

static void feed(struct child *child) {
    if (child->config.role == CHILD_WORKER)
        loop_timer_arm(child->loop, &child->watchdog, NOTIFY_WATCHDOG_MS);
}

static void take_line(struct child *child, const char *line) {
    const struct child_handler *handler = child->config.handler;
    if (!strcmp(line, "WATCHDOG=1")) {
        feed(child);
    } else if (!strncmp(line, "STATUS=", 7)) {
        snprintf(child->status, sizeof(child->status), "%s", line + 7);
    } else if (!strcmp(line, "READY=1")) {
        if (child->state != CHILD_STARTING)
            return;
        child->state = CHILD_READY;
        feed(child);
        handler->ready(child, child->config.owner);
    } else if (handler->said) {
        handler->said(child, line, child->config.owner);
    }
}

static void take_messages(struct child *child) {
    char text[MESSAGE_MAX + 1], *rest, *line;
    ssize_t n = -1;
    while (child->state != CHILD_GONE && (n = recv(child->fd, text, MESSAGE_MAX, 0)) > 0) {
        text[n] = '\0';
        for (rest = text; child->state != CHILD_GONE && (line = strsep(&rest, "\n"));)
            take_line(child, line);
    }
    /* The other end is closed: what is left to come is the signal. */
    if (child->state != CHILD_GONE && n == 0) {
        child->state = CHILD_MUTE;
        uv_poll_stop(&child->poll);
    }
}

static void on_readable(uv_poll_t *poll, int status, int events) {
    take_messages(poll->data);
}

/* ---- the beginning ---- */

static void watch(struct child *child) {
    uv_signal_init(loop_uv(child->loop), &child->signal);
    uv_poll_init(loop_uv(child->loop), &child->poll, child->fd);
    child->signal.data = child->poll.data = child;
    child->handles = 2;
    loop_timer_init(&child->watchdog, gives_no_sign);
    uv_signal_start(&child->signal, on_child_signal, SIGCHLD);
    uv_poll_start(&child->poll, UV_READABLE, on_readable);
}

int child_start(struct loop *loop, const struct child_config *config, struct child **ret_child) {
    struct inherit sockets = *config->sockets;
    struct child *child;
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair))
        return -errno;
    inherit_add(&sockets, INHERIT_PARENT, pair[1]);
    child = mem_zalloc(sizeof(*child));
    child->loop = loop;
    child->config = *config;
    child->fd = pair[0];
    watch(child);
    child->pid = child_fork(config, &sockets);
    close(pair[1]);
    if (child->pid < 0) {
        int error = (int)child->pid;
        release(child);
        return error;
    }
    *ret_child = child;
    return 0;
}

/* ---- the owner's calls ---- */

pid_t child_pid(const struct child *child) {
    return child->pid;
}

const char *child_status(const struct child *child) {
    return child->status;
}

void child_kill(struct child *child, int signum) {
    kill(child->pid, signum);
}

void child_tell(struct child *child, const char *order) {
    (void)!send(child->fd, order, strlen(order), MSG_NOSIGNAL | MSG_DONTWAIT);
}
