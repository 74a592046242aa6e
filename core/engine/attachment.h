/* What hangs on a message that is being sent. Private to core/engine. */
#ifndef DRAGOMAN_ENGINE_ATTACHMENT_H
#define DRAGOMAN_ENGINE_ATTACHMENT_H

#include "core/engine/operation.h"

/* Turns the command's URLs and uploads, in this order, into attachments: the gateway's own URLs
 * become references to files that the actor may open, uploads are stored. `then` runs when all is
 * there, inside the call when nothing has to be asked; else the operation is finished with what
 * went wrong, and nothing is left of the uploads. Not while the operation runs on a lane with
 * others. */
void attachment_prepare(struct operation *op, operation_fn then);

/* Fills the attachments of op->at.append. */
void attachment_store(struct operation *op);

/* What became of them, as the message shows them; in op's arena. */
const struct dm_attachment *const *attachment_show(struct operation *op, int64_t created_us);

/* Removes what was stored for a message that came to nothing. One that is in a message after all
 * stays. */
void attachment_drop(struct operation *op);

/* 1 for a name that may stand in a URL's path and on any file system: text of 1 to 255 bytes
 * without slashes, backslashes and control characters, and neither "." nor ".."; else 0. */
int attachment_name_is_good(struct dm_slice name);

#endif
