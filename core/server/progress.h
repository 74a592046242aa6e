/* How far something long has come, for whoever watches a terminal: a bar that is drawn anew, or,
 * where standard error is no terminal, a line every ten seconds. */
#ifndef DRAGOMAN_SERVER_PROGRESS_H
#define DRAGOMAN_SERVER_PROGRESS_H

#include <stdint.h>

struct progress {
    const char *what; /* borrowed */
    uint64_t begun_ms;
    uint64_t drawn_ms;
    int terminal;
};

void progress_begin(struct progress *progress, const char *what);

/* done of total (0: nobody knows) in bytes, and how many lines that is. */
void progress_show(struct progress *progress, uint64_t done, uint64_t total, uint64_t lines);

/* Makes room for another line on standard error; the bar comes back with the next show. */
void progress_clear(struct progress *progress);

#endif
