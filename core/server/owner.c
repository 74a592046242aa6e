#include "core/server/owner.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/server/cli.h"

#define NAME_SIZE 64

/* 1 when root looks at a directory of somebody else, whom it fills in then. */
static int is_foreign(const char *state, struct stat *ret_stat, char ret_name[NAME_SIZE]) {
    if (geteuid() != 0 || stat(state, ret_stat) || ret_stat->st_uid == 0)
        return 0;
    const struct passwd *user = getpwuid(ret_stat->st_uid);
    if (user) {
        snprintf(ret_name, NAME_SIZE, "%s", user->pw_name);
        ret_stat->st_gid = user->pw_gid;
    } else {
        snprintf(ret_name, NAME_SIZE, "#%u", (unsigned)ret_stat->st_uid);
    }
    return 1;
}

/* libpq looks there for passwords and certificates, and takes for an error what it may not see. */
static int take_home(uid_t uid) {
    const struct passwd *user = getpwuid(uid);
    return setenv("HOME", user ? user->pw_dir : "/", 1);
}

int owner_become(const char *state) {
    char name[NAME_SIZE];
    struct stat st;
    if (!is_foreign(state, &st, name))
        return CLI_OK;
    int r = *name == '#' ? setgroups(1, &st.st_gid) : initgroups(name, st.st_gid);
    if (r || setgid(st.st_gid) || setuid(st.st_uid) || take_home(st.st_uid))
        return cli_fail(CLI_FAILED, "cannot become %s, whose %s is: %s", name, state,
                        strerror(errno));
    return CLI_OK;
}

int owner_require(const char *state) {
    char name[NAME_SIZE];
    struct stat st;
    if (!is_foreign(state, &st, name))
        return CLI_OK;
    return cli_fail(CLI_CONFIG, "%s belongs to %s: run this as that user (runuser -u %s -- "
                                "dragoman serve ...), or chown it", state, name, name);
}
