/* Reads a file line by line, in bounded memory. */
#ifndef DRAGOMAN_SERVER_LINE_FILE_H
#define DRAGOMAN_SERVER_LINE_FILE_H

#include <stdint.h>

#include "core/base/buf.h"

struct line_file {
    int fd;
    int ended;
    struct buf buf;
    size_t at;       /* where the next line begins in buf */
    uint64_t number; /* of the line last given, from 1 */
    uint64_t read;   /* bytes of the file so far */
    uint64_t size;   /* bytes of the file when it was opened; 0 for what is no file */
    size_t max;
};

enum line_kind {
    LINE_END = 0,  /* no more */
    LINE_TEXT,
    LINE_TOO_LONG, /* passed over; no text */
};

/* Returns 0 or a negative errno. max: bytes of a line. */
int line_file_open(struct line_file *file, const char *path, size_t max);
void line_file_close(struct line_file *file);

/* The next line without its line feed (and carriage return); borrowed until the next call. Returns
 * enum line_kind, or a negative errno. */
int line_file_next(struct line_file *file, struct dm_slice *ret_line);

#endif
