#include "core/server/line_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE 262144

int line_file_open(struct line_file *file, const char *path, size_t max) {
    struct stat about;
    *file = (struct line_file){ .max = max };
    file->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (file->fd < 0)
        return -errno;
    if (!fstat(file->fd, &about) && S_ISREG(about.st_mode))
        file->size = (uint64_t)about.st_size;
    return 0;
}

void line_file_close(struct line_file *file) {
    buf_fini(&file->buf);
    close(file->fd);
}

static int fill(struct line_file *file) {
    buf_consume(&file->buf, file->at);
    file->at = 0;
    ssize_t n = read(file->fd, buf_reserve(&file->buf, PIECE), PIECE);
    if (n < 0)
        return errno == EINTR ? 0 : -errno;
    file->ended = n == 0;
    file->buf.len += (size_t)n;
    file->read += (uint64_t)n;
    return 0;
}

static int take(struct line_file *file, size_t len, size_t skip, struct dm_slice *ret_line) {
    struct dm_slice line = { file->buf.data + file->at, len };
    file->at += len + skip;
    file->number++;
    if (line.len > file->max)
        return LINE_TOO_LONG;
    if (line.len && line.ptr[line.len - 1] == '\r')
        line.len--;
    *ret_line = line;
    return LINE_TEXT;
}

int line_file_next(struct line_file *file, struct dm_slice *ret_line) {
    size_t looked = 0;
    int too_long = 0;
    for (;;) {
        size_t left = file->buf.len - file->at;
        char *start = file->buf.data + file->at;
        char *end = left > looked ? memchr(start + looked, '\n', left - looked) : NULL;
        if (end || (file->ended && (left || too_long))) {
            int kind = take(file, end ? (size_t)(end - start) : left, end ? 1 : 0, ret_line);
            return too_long ? LINE_TOO_LONG : kind;
        }
        if (file->ended)
            return LINE_END;
        looked = left;
        if (left > file->max) {
            too_long = 1;
            file->at = file->buf.len;
            looked = 0;
        }
        int r = fill(file);
        if (r)
            return r;
    }
}
