/* What operators tell a process that serves. By signals: SIGTERM and SIGINT to drain, SIGHUP to
 * reload, SIGUSR2 to upgrade. And by `dragoman drain`, `reload` and `upgrade`: it answers HTTP on
 * STATE/control/PID.sock, which its user and root alone can enter. So whoever can name the state
 * directory can name the gateway.
 *
 *     POST /drain /reload /upgrade      200 done, 409 not now, 422 refused, with a line of text
 */
#ifndef DRAGOMAN_SERVER_CONTROL_H
#define DRAGOMAN_SERVER_CONTROL_H

#include "core/net/loop.h"

struct control;

/* A request that waits for its answer. */
struct control_call;

/* Each is answered by control_answer, exactly once, at once or later. `call` is NULL for a signal.
 * A hook that is NULL is not offered. */
struct control_handler {
    void (*drain)(void *owner, struct control_call *call);
    void (*reload)(void *owner, struct control_call *call);
    void (*upgrade)(void *owner, struct control_call *call);
};

enum control_outcome {
    CONTROL_DONE = 200,
    CONTROL_NOT_NOW = 409, /* another one is under way, or it drains */
    CONTROL_REFUSED = 422, /* tried, and nothing has changed */
};

/* Hears signals, and listens below the state directory unless `state` is NULL. Returns 0 or a
 * negative errno. handler must outlive it. */
int control_open(struct loop *loop, const char *state, const struct control_handler *handler,
                 void *owner, struct control **ret_control);

/* Answers with that line (a newline is added), whether or not the asker still waits. NULL: nobody
 * has asked. The call is gone afterwards. */
void control_answer(struct control_call *call, enum control_outcome outcome, const char *format,
                    ...) __attribute__((format(printf, 3, 4)));

/* Removes the socket; unanswered calls must be answered before. Runs the loop until it is gone. The
 * signals do nothing from then on: the process is about to end. NULL does nothing. */
void control_close(struct control *control);

/* A way to the file `name` of an open directory that is short enough for a sockaddr_un however deep
 * the directory lies. */
#define CONTROL_PATH_MAX 100
void control_path(int dir, const char *name, char ret_path[CONTROL_PATH_MAX]);

#endif
