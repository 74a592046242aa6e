/* Checks and copies commands. Private to core/engine. */
#ifndef DRAGOMAN_ENGINE_SUBMIT_H
#define DRAGOMAN_ENGINE_SUBMIT_H

#include "core/engine/operation.h"

/* Copies the command into op, texts and arrays included, and checks it: DM_OK, or DM_INVALID or
 * DM_TOO_LARGE with ret_field naming the member at fault. op->command.kind is set in any case. */
enum dm_status submit_copy(struct operation *op, const struct dm_command *command,
                           const char **ret_field);

#endif
