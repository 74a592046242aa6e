/* The file of a capture: for its owner alone, as what is said in it is not for everybody on the
 * machine. Internal to the capture. */
#ifndef DRAGOMAN_CAPTURE_OUTPUT_H
#define DRAGOMAN_CAPTURE_OUTPUT_H

#include <stdio.h>

#include "core/base/slice.h"

struct output {
    const char *dir; /* borrowed */
    int made_dir;    /* it was not there before */
    char path[512];
    FILE *file;
};

/* Makes a new file in the directory, and the directory too when it is not there. A negative errno
 * leaves nothing behind; the path is set then as well. */
int output_open(struct output *output, const char *dir);

/* Writes all of it and closes the file. */
int output_write(struct output *output, struct dm_slice text);

/* Instead: removes what output_open() made. */
void output_discard(struct output *output);

#endif
