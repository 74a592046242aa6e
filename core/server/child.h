/* A process that this one has started from the program's own file: a gateway's successor, or a
 * supervisor's worker. It gets descriptors under names (inherit.h), among them, as INHERIT_PARENT,
 * one end of a socket pair over which it reports in the words of sd_notify(3), and takes orders.
 *
 *     STARTING ──READY=1──▶ READY
 *        └──────exits─────────┴──▶ ended()
 *
 * Callbacks come from the loop, never from inside a call of this header. */
#ifndef DRAGOMAN_SERVER_CHILD_H
#define DRAGOMAN_SERVER_CHILD_H

#include <sys/types.h>

#include "core/net/loop.h"
#include "core/server/inherit.h"

/* How this program was started, to be started again the same way. */
struct program {
    const char *path; /* as it was called, so that a new file there is the one that runs */
    char **argv;      /* NULL-terminated */
};

/* Copies argv; to be called before options are taken out of it. */
void program_init(struct program *program, int argc, char **argv);
void program_fini(struct program *program);

enum child_role {
    CHILD_SUCCESSOR, /* goes on speaking to the service manager in this one's place */
    CHILD_WORKER,    /* speaks to this process alone; killed when it gives no sign of life */
};

struct child;

struct child_handler {
    /* It serves. */
    void (*ready)(struct child *child, void *owner);
    /* Something else it has to say: NAME=VALUE. May be NULL. */
    void (*said)(struct child *child, const char *assignment, void *owner);
    /* It has ended, with that status of waitpid(2). Always last, but for child_let_go; the child
     * is gone after the call. */
    void (*ended)(struct child *child, int status, void *owner);
};

struct child_config {
    const struct program *program;
    const char *extra;              /* appended to its arguments: "--worker=3"; NULL: nothing */
    const struct inherit *sockets;  /* to be inherited; they stay open here */
    enum child_role role;
    const struct child_handler *handler;
    void *owner;
};

/* Forks and executes. Returns 0 or a negative errno. That the program cannot be executed is seen by
 * its end, with status 127. */
int child_start(struct loop *loop, const struct child_config *config, struct child **ret_child);

/* Valid until `ended` or child_let_go. */
pid_t child_pid(const struct child *child);

/* What it said last of why it fails ("STATUS=…"); empty when nothing. Borrowed. */
const char *child_status(const struct child *child);

/* Sends it the signal. Its end comes as `ended`. */
void child_kill(struct child *child, int signum);

/* An order, for the child's notify_listen. */
void child_tell(struct child *child, const char *order);

/* The process goes its own way; no callback follows, and the child is gone. */
void child_let_go(struct child *child);

/* "exit status 1", "signal 9": of waitpid(2). */
#define CHILD_END_TEXT 32
void child_end_text(int status, char ret_text[CHILD_END_TEXT]);

#endif
