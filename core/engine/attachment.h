/* What hangs on a message that is being sent. Private to core/engine. */
#ifndef DRAGOMAN_ENGINE_ATTACHMENT_H
#define DRAGOMAN_ENGINE_ATTACHMENT_H

#include "core/engine/operation.h"

/* Fills the attachments of op->at.append from the command's URLs. */
void attachment_store(struct operation *op);

/* What became of them, as the message shows them; in op's arena. */
const struct dm_attachment *const *attachment_show(struct operation *op, int64_t created_us);

/* The last segment of a URL's path: the name of what it leads to. */
struct dm_slice attachment_name(struct dm_slice url);

#endif
