#include "core/capture/output.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static int make_path(struct output *output) {
    struct tm tm;
    time_t now = time(NULL);
    gmtime_r(&now, &tm);
    int len = snprintf(output->path, sizeof(output->path),
                       "%s/capture-%04d%02d%02d-%02d%02d%02d-%d.txt", output->dir,
                       tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
                       tm.tm_sec, (int)getpid());
    return (size_t)len < sizeof(output->path) ? 0 : -ENAMETOOLONG;
}

static void remove_dir(const struct output *output) {
    if (output->made_dir)
        rmdir(output->dir);
}

int output_open(struct output *output, const char *dir) {
    *output = (struct output){ .dir = dir };
    int r = make_path(output);
    if (r < 0)
        return r;
    output->made_dir = mkdir(dir, 0700) == 0;
    if (!output->made_dir && errno != EEXIST)
        return -errno;
    int fd = open(output->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    output->file = fd < 0 ? NULL : fdopen(fd, "w");
    if (output->file)
        return 0;
    r = -errno;
    remove_dir(output);
    return r;
}

int output_write(struct output *output, struct dm_slice text) {
    int r = fwrite(text.ptr, 1, text.len, output->file) == text.len ? 0 : -errno;
    if (fclose(output->file) != 0 && r == 0)
        r = -errno;
    return r;
}

void output_discard(struct output *output) {
    fclose(output->file);
    unlink(output->path);
    remove_dir(output);
}
