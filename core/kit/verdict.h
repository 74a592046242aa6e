/* What there is to say of an adapter before it runs: its ABI, hooks, routes, settings, events, and
 * what it needs of the system. */
#ifndef DRAGOMAN_KIT_VERDICT_H
#define DRAGOMAN_KIT_VERDICT_H

#include "core/adapter/shared_object.h"
#include "core/base/buf.h"

struct verdict {
    struct buf lines;  /* to be read by people, "  ok ...", "  note ...", "  BAD ..." */
    unsigned problems; /* BAD lines: a gateway would not load it, or not everywhere */
    unsigned notes;
};

void verdict_init(struct verdict *verdict);
void verdict_fini(struct verdict *verdict);

/* Judges a descriptor, which may be unsound. Calls no hook. */
void verdict_adapter(struct verdict *verdict, const struct dm_adapter *adapter);

/* Judges a file: opens it, runs its constructors, and closes it again. */
void verdict_file(struct verdict *verdict, const char *path);

#endif
