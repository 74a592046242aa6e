/* The gateway's own key: read from its file, or made there. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/auth/auth.h"
#include "core/auth/error.h"
#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/base/random.h"
#include "core/base/secret.h"

static int fail(char *ret_error, int r, const char *path, const char *what) {
    error_set(ret_error, "%.180s: %s: %s", path, what, strerror(-r));
    return r;
}

static int check_file(int fd, const char *path, char *ret_error) {
    struct stat st;
    if (fstat(fd, &st) < 0)
        return fail(ret_error, -errno, path, "cannot look at the key file");
    if (!S_ISREG(st.st_mode) || st.st_size != AUTH_KEY_LEN) {
        error_set(ret_error, "%.180s: the key file is no regular file of %d bytes", path,
                  AUTH_KEY_LEN);
        return -EINVAL;
    }
    if (st.st_mode & (S_IRWXG | S_IRWXO)) {
        error_set(ret_error, "%.140s: the key file is open to others (mode %04o): chmod 600 it, "
                  "or replace it if they may have read it", path, st.st_mode & 07777u);
        return -EACCES;
    }
    return 0;
}

static int read_key(int fd, const char *path, uint8_t *ret_key, char *ret_error) {
    size_t len = 0;
    while (len < AUTH_KEY_LEN) {
        ssize_t n = read(fd, ret_key + len, AUTH_KEY_LEN - len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return fail(ret_error, n < 0 ? -errno : -EIO, path, "cannot read the key file");
        len += (size_t)n;
    }
    return 0;
}

int auth_key_read(const char *path, uint8_t ret_key[AUTH_KEY_LEN],
                  char ret_error[AUTH_ERROR_SIZE]) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return errno == ENOENT ? -ENOENT
                               : fail(ret_error, -errno, path, "cannot open the key file");
    int r = check_file(fd, path, ret_error);
    if (r == 0)
        r = read_key(fd, path, ret_key, ret_error);
    close(fd);
    return r;
}

static int write_key(int fd) {
    uint8_t key[AUTH_KEY_LEN];
    size_t len = 0;
    int r = 0;
    random_bytes(key, sizeof(key));
    while (r == 0 && len < sizeof(key)) {
        ssize_t n = write(fd, key + len, sizeof(key) - len);
        if (n > 0)
            len += (size_t)n;
        else if (n == 0 || errno != EINTR)
            r = n < 0 ? -errno : -EIO;
    }
    secret_wipe(key, sizeof(key));
    if (r == 0 && (fchmod(fd, S_IRUSR | S_IWUSR) < 0 || fsync(fd) < 0))
        r = -errno;
    return r;
}

static int sync_folder_of(const char *path) {
    char *copy = mem_dup(path, strlen(path));
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int r = fd < 0 || fsync(fd) < 0 ? -errno : 0;
    if (fd >= 0)
        close(fd);
    free(copy);
    return r;
}

/* A link never replaces a file: of several processes exactly one gives the key its name. */
static int make_new(const char *path, char *ret_error) {
    struct buf temp = BUF_INIT;
    buf_printf(&temp, "%s.XXXXXX", path);
    buf_append_char(&temp, '\0');
    int fd = mkostemp(temp.data, O_CLOEXEC);
    int r = fd < 0 ? -errno : 0;
    if (fd >= 0) {
        r = write_key(fd);
        if (r == 0 && link(temp.data, path) < 0 && errno != EEXIST)
            r = -errno;
        unlink(temp.data);
        close(fd);
        if (r == 0)
            r = sync_folder_of(path);
    }
    buf_fini(&temp);
    return r < 0 ? fail(ret_error, r, path, "cannot make the key file") : 0;
}

int auth_key_load(const char *path, uint8_t ret_key[AUTH_KEY_LEN],
                  char ret_error[AUTH_ERROR_SIZE]) {
    int r = auth_key_read(path, ret_key, ret_error);
    if (r != -ENOENT)
        return r;
    r = make_new(path, ret_error);
    if (r < 0)
        return r;
    r = auth_key_read(path, ret_key, ret_error);
    return r == -ENOENT ? fail(ret_error, r, path, "the key file vanished") : r;
}
