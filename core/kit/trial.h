/* Trials: what a battery does, in a process of its own, so that an adapter that crashes fails its
 * trial and nothing else. Internal to the kit. */
#ifndef DRAGOMAN_KIT_TRIAL_H
#define DRAGOMAN_KIT_TRIAL_H

#include "core/kit/judge.h"
#include "core/kit/kit.h"
#include "core/kit/script.h"

struct kit {
    const struct kit_options *options;
    const struct stage_backing *backing;
    struct script **scripts;
    size_t script_count;
    const struct battery *first; /* plays each script as it is; the others stand on that */
    unsigned number, passed, failed, skipped; /* of trials so far */
};

/* A trial under way, in its child. */
struct trial {
    const struct kit *kit;
    const struct script *script; /* NULL: of no transcript in particular */
    struct stage stage;
    struct buf *reason;
    enum trial_end end;
};

typedef void (*trial_fn)(struct trial *trial);

struct battery {
    const char *name;
    trial_fn run;
    enum { TRIAL_ONCE, TRIAL_EACH_SCRIPT } times;
    enum { TRIAL_ANYWHERE, TRIAL_SCRIPTED_ONLY } where; /* whether it wants the memory */
    unsigned seconds; /* the longest it may take */
};

/* Runs the battery's trials and prints a line for each. A transcript that fails is tried no
 * further: no other trial plays it. */
void battery_run(struct kit *kit, const struct battery *battery);

/* Fails the trial, the reason in printf's form. The first reason stays. */
void trial_fail(struct trial *trial, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void trial_skip(struct trial *trial, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Skips a trial that found nothing to try: `what` says what is missing, unless it may be in a
 * transcript that has failed. */
void trial_lack(struct trial *trial, const char *what);
/* Says what was done, for a trial that passes. */
void trial_tell(struct trial *trial, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
int trial_is_over(const struct trial *trial);

/* What is being done, for the report of a crash. */
void trial_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Sets the stage: the settings of the command line, then `settings` ("path=value", NULL-terminated;
 * may be NULL). Returns 0, or -1 when the trial failed by it. */
int trial_open(struct trial *trial, const char *const *settings, unsigned haste);
/* With further adapters, NULL-terminated. */
int trial_open_with(struct trial *trial, const char *const *settings,
                    const struct dm_adapter *const *companions);
/* Closes it, after looking whether sessions are left. */
void trial_close(struct trial *trial);

/* Settings under which nothing but the frame itself decides what becomes of it. */
extern const char *const trial_unlimited[];

#endif
