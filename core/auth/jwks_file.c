#include "core/auth/jwks_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/auth/error.h"
#include "core/base/mem.h"
#include "core/base/secret.h"

static struct file_stamp stamp_of(const struct stat *st) {
    return (struct file_stamp){ .modified = st->st_mtim, .size = st->st_size,
                                .inode = st->st_ino, .device = st->st_dev };
}

static int stamp_eq(const struct file_stamp *a, const struct file_stamp *b) {
    return a->modified.tv_sec == b->modified.tv_sec && a->modified.tv_nsec == b->modified.tv_nsec
           && a->size == b->size && a->inode == b->inode && a->device == b->device;
}

/* Returns the number of bytes, or negative errno. */
static ssize_t read_all(int fd, char *data, size_t cap) {
    size_t len = 0;
    while (len < cap) {
        ssize_t n = read(fd, data + len, cap - len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            break;
        len += (size_t)n;
    }
    return (ssize_t)len;
}

static int parse_file(const struct crypto *crypto, int fd, uint32_t algorithms,
                      struct key_set *ret_keys, char *ret_error) {
    char *text = mem_alloc(JWKS_FILE_MAX + 1);
    ssize_t len = read_all(fd, text, JWKS_FILE_MAX + 1);
    int r;
    if (len < 0) {
        r = (int)len;
        error_set(ret_error, "cannot read it: %s", strerror(-r));
    } else if ((size_t)len > JWKS_FILE_MAX) {
        r = -EFBIG;
        error_set(ret_error, "over %zu bytes", JWKS_FILE_MAX);
    } else {
        r = jwk_set_parse(crypto, (struct dm_slice){ text, (size_t)len }, algorithms, ret_keys,
                          ret_error);
    }
    /* It may hold symmetric keys. */
    secret_wipe(text, JWKS_FILE_MAX + 1);
    free(text);
    return r;
}

int jwks_file_load(const struct crypto *crypto, const char *path, uint32_t algorithms,
                   struct file_stamp *stamp, struct key_set *ret_keys,
                   char ret_error[AUTH_ERROR_SIZE]) {
    struct stat st;
    int r = 0;
    *ret_keys = (struct key_set){ 0 };
    /* A pipe put in the file's place must not hold up the thread. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) < 0) {
        r = -errno;
        error_set(ret_error, "cannot open it: %s", strerror(-r));
    } else if (!S_ISREG(st.st_mode)) {
        r = -EINVAL;
        error_set(ret_error, "it is no regular file");
    } else {
        struct file_stamp seen = stamp_of(&st);
        if (!stamp_eq(&seen, stamp)) {
            *stamp = seen;
            r = parse_file(crypto, fd, algorithms, ret_keys, ret_error);
            if (r == 0)
                r = 1;
        }
    }
    if (fd >= 0)
        close(fd);
    return r;
}
