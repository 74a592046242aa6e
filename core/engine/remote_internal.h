/* What the files of remote.h share: remote.c takes units in, remote_show.c shows them. */
#ifndef DRAGOMAN_ENGINE_REMOTE_INTERNAL_H
#define DRAGOMAN_ENGINE_REMOTE_INTERNAL_H

#include "core/engine/operation.h"
#include "core/engine/unit.h"

/* A unit on its way; an errand's `extra`. */
struct remote {
    struct unit unit;
    int64_t *ids;               /* of the users named, ascending */
    struct engine_user **users; /* the same, counted; NULL: there is no such user */
    size_t user_count;
    int known;                  /* 1: what can be known of them is */
};

/* One of the users named; NULL when there is no such user. */
struct engine_user *remote_user(const struct remote *remote, int64_t id);

/* The errand's events, to the sessions here. */
void remote_show(struct operation *op);

#endif
