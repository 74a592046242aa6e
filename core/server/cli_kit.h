/* The conformance kit on the command line. */
#ifndef DRAGOMAN_SERVER_CLI_KIT_H
#define DRAGOMAN_SERVER_CLI_KIT_H

#include "core/kit/stage.h"

/* argv[0] is the verb, the rest its arguments. It takes no configuration: what it tests stands by
 * itself. Returns the exit status, enum kit_exit. */
int cli_adapter_test(int argc, char **argv);

/* A whole gateway of this program in the trial's process, on a private PostgreSQL. */
extern const struct stage_backing kit_live;

/* Serves files for a gateway in memory. */
extern const struct stage_files kit_files;

#endif
