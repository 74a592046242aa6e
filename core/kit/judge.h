/* What came of a trial, by what its process left behind. Internal to the kit.
 *
 * Nothing here does I/O. */
#ifndef DRAGOMAN_KIT_JUDGE_H
#define DRAGOMAN_KIT_JUDGE_H

#include "core/base/buf.h"

enum trial_end {
    TRIAL_PASSED = 0,
    TRIAL_FAILED,  /* reason says why */
    TRIAL_SKIPPED, /* reason says why */
};

struct outcome {
    struct buf told;  /* the end as a byte, the reason, NUL, the secrets, each ended by a NUL (short
                         ones count only as words that the adapter says, see secret.h);
                         empty when the process did not come that far */
    struct buf log;
    int status;       /* as waitpid gives it */
    const char *note; /* what was being done; "": nothing */
};

/* What the trial itself had to say, whatever is wrong besides: failed when it said nothing. */
enum trial_end judge_told(const struct outcome *outcome);

/* Returns the end, and appends the reason, of several lines maybe. A trial that passed fails by a
 * crash, a leak, a complaint of the host, or a secret in the log. The reason of each failure but
 * the last is followed by what the host complained of and the adapter warned of, a few different
 * lines each. */
enum trial_end judge_outcome(const struct outcome *outcome, struct buf *ret_reason);

/* Appends the log's last lines, from a line's start, or the beginning of a sanitizer's report, each
 * as "log: LINE". */
void judge_log_tail(struct dm_slice log, struct buf *out);

#endif
