/* Bringing the database up, while the admin sockets of the workers say that these start. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/mem.h"
#include "core/server/admin/admin.h"
#include "core/server/supervisor_internal.h"

/* On a descriptor of its own: the socket stays the supervisor's, and what comes while nobody
 * answers waits in its queue. */
static int answer_at(struct loop *loop, int fd, struct admin **ret_admin) {
    int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    int r = own < 0 ? -errno : admin_open(loop, DM_SLICE_NONE, own, ret_admin);
    if (r == 0)
        return CLI_OK;
    if (own >= 0)
        close(own);
    return cli_fail(CLI_FAILED, "cannot listen for operators: %s", strerror(-r));
}

int supervisor_bring_up(struct supervisor *supervisor) {
    struct cli *cli = supervisor->cli;
    struct supervisor_sockets *sockets = &supervisor->sockets;
    /* At sockets that were passed, a process that this one succeeds may still answer. */
    int answers = !inherit_has(&cli->inherit, INHERIT_ADMIN);
    int r = supervisor_sockets_open_admin(sockets, cli->config, &cli->inherit);
    size_t count = answers ? sockets->admin.count : 0;
    struct admin **admins = mem_calloc(count + 1, sizeof(struct admin *));
    for (size_t i = 0; !r && i < count; i++)
        r = answer_at(supervisor->loop, sockets->admin.items[i].fd, &admins[i]);
    if (!r)
        r = database_bring_up(&supervisor->database, cli->config, BACKEND_GATEWAY,
                              supervisor->loop);
    for (size_t i = 0; i < count; i++)
        admin_close(admins[i]);
    free(admins);
    return r;
}
