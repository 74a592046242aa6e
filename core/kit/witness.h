/* A witness: a client that is logged in and must not notice what others do. Internal to the kit. */
#ifndef DRAGOMAN_KIT_WITNESS_H
#define DRAGOMAN_KIT_WITNESS_H

#include "core/kit/sample.h"
#include "core/kit/script.h"

struct witness {
    struct play play;
    struct engine_session *session; /* NULL: no script leads to one */
    int64_t user_id;                /* whose it is */
    enum dm_event_kind kind;        /* an event that the adapter shows; NONE: there is none */
    enum dm_audience audience;
    enum sample_place place;
};

/* Plays the first script that leaves a logged-in session behind: "happy-path" if there is one.
 * Returns 0, or -1 when there is none; witness_close is due in both cases. */
int witness_open(struct witness *witness, struct stage *stage, struct script **scripts,
                 size_t count);

/* Whether the session is there, and gets its events. NULL when all is well, else what is wrong
 * (static). */
const char *witness_ask(struct witness *witness);

void witness_close(struct witness *witness);

#endif
