/* The process above several workers: it owns the listening sockets and the private database, starts
 * the workers, which inherit the sockets and are gateways of their own, starts again what ends, and
 * passes on what operators want. It serves no client.
 *
 * Orders to a worker (child_tell): "DRAIN=stop", "DRAIN=succeeded", "RELOAD=1". From a worker:
 * READY=1 and WATCHDOG=1 as sd_notify(3) has them, "LISTENS=URL" before it is ready, "DRAIN=asked",
 * and "RELOADED=KEYS" or "REFUSED=WHY" as the answer to RELOAD. */
#ifndef DRAGOMAN_SERVER_SUPERVISOR_H
#define DRAGOMAN_SERVER_SUPERVISOR_H

#include "core/net/listener.h"
#include "core/server/cli.h"

#define SUPERVISOR_DRAIN "DRAIN=stop"
#define SUPERVISOR_DRAIN_SUCCEEDED "DRAIN=succeeded"
#define SUPERVISOR_RELOAD "RELOAD=1"

#define WORKER_LISTENS "LISTENS="
#define WORKER_DRAIN "DRAIN=asked"
#define WORKER_RELOADED "RELOADED="
#define WORKER_REFUSED "REFUSED="

/* The word that makes `serve` a worker, followed by its number. */
#define WORKER_OPTION "--worker="

/* Runs until all workers are gone. Returns a CLI exit code. */
int supervisor_run(struct cli *cli);

/* What a supervisor passes on to its workers. Zeroed: nothing. */
struct supervisor_sockets {
    struct inherit shared; /* by all */
    struct inherit admin;  /* one for each, in the order of their numbers; may be empty */
    char **files;          /* of Unix sockets that were bound here */
    size_t file_count;
};

/* The workers' admin sockets: claims what is inherited, and binds what is configured beyond that.
 * Returns a CLI exit code, said on stderr; supervisor_sockets_close in any case. */
int supervisor_sockets_open_admin(struct supervisor_sockets *sockets, struct config *config,
                                  struct inherit *inherit);

/* The same for those of all, which answer from then on. */
int supervisor_sockets_open(struct supervisor_sockets *sockets, struct config *config,
                            struct inherit *inherit);

/* Closes all of them. What becomes of the files of Unix sockets that were bound here: */
void supervisor_sockets_close(struct supervisor_sockets *sockets, enum listener_file file);

#endif
