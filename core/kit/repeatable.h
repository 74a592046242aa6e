/* A message of a transcript that can be said again and again. Internal to the kit. */
#ifndef DRAGOMAN_KIT_REPEATABLE_H
#define DRAGOMAN_KIT_REPEATABLE_H

#include "core/kit/frames.h"

enum repeatable_need {
    REPEATABLE_ANSWERED, /* something comes back, of the core or of the adapter alone */
    REPEATABLE_ASKING,   /* the core is asked, and answers when the store does */
};

struct repeatable {
    struct frame frame;
    size_t answers; /* frames that come back for one */
};

/* Tries messages of the transcripts, the last one of each first, those that ask the core before the
 * others, each twice: the socket stays open behind a message that is good, it logs nobody in, and
 * gets as much the second time as the first. Returns 0, or -1 when there is none. On a database,
 * whose answers nobody holds back, all are as good. */
int repeatable_find(struct trial *trial, enum repeatable_need need,
                    struct repeatable *ret_message);

#endif
