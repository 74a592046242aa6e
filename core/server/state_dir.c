#include "core/server/state_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

static int path_of(const char *state, const char *name, char ret_path[PATH_MAX]) {
    return snprintf(ret_path, PATH_MAX, "%s/%s", state, name) < PATH_MAX ? 0 : -ENAMETOOLONG;
}

int state_dir_find(const char *state, const char *name) {
    char path[PATH_MAX];
    int r = path_of(state, name, path);
    int fd = r ? r : open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return !r && fd < 0 ? -errno : fd;
}

int state_dir_open(const char *state, const char *name) {
    char path[PATH_MAX];
    int r = path_of(state, name, path);
    if (!r && mkdir(path, 0700) && errno != EEXIST)
        r = -errno;
    return r ? r : state_dir_find(state, name);
}
