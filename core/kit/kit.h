/* The conformance kit: `dragoman adapter test`. Puts an adapter through batteries of trials, each
 * in a process of its own, and says in TAP (version 13) what came of it.
 *
 * What the batteries do is described in proto-docs/conformance.md. */
#ifndef DRAGOMAN_KIT_KIT_H
#define DRAGOMAN_KIT_KIT_H

#include "core/kit/stage.h"

struct kit_options {
    const struct dm_adapter *adapter;    /* passed adapter_check */
    const char *file;                    /* the shared object's; NULL: built in */
    const char *transcripts;             /* a directory of *.txt; NULL: none */
    enum { KIT_NEEDS_TRANSCRIPTS, KIT_NEEDS_NO_TRANSCRIPTS } material; /* whether it is a mistake
                                            that the directory holds none */
    const char *const *settings;         /* "path=value", NULL-terminated; may be NULL */
    const char *const *vars;             /* "NAME=VALUE" for variables of the transcripts' headers,
                                            NULL-terminated; may be NULL */
    const struct stage_backing *live;    /* NULL: the scripted host, and all batteries */
    const struct dm_adapter *const *others; /* that transcripts may speak to as well,
                                            NULL-terminated; may be NULL */
    const struct stage_files *files;     /* who serves files in memory; may be NULL */
    enum { KIT_ANSWERS_FAILURES, KIT_SILENT_ON_FAILURE } failures; /* whether the dialect has a
                                            word for a frame that cannot be carried out now */
    const char *only;                    /* only trials whose name has this in it; NULL: all */
};

enum kit_exit {
    KIT_PASSED = 0,
    KIT_FAILED = 1,
    KIT_USAGE = 64,
};

/* Runs everything; results go to stdout, notes to stderr. No thread but the caller's may exist:
 * the trials are forked. Returns an exit status. */
enum kit_exit kit_run(const struct kit_options *options);

#endif
