/* A JWK Set file and its changes. */
#ifndef DRAGOMAN_AUTH_JWKS_FILE_H
#define DRAGOMAN_AUTH_JWKS_FILE_H

#include <sys/stat.h>

#include "core/auth/jwk.h"

#define JWKS_FILE_MAX ((size_t)256 << 10)

/* By what a file is known to be the same. Zeroed: never seen. */
struct file_stamp {
    struct timespec modified;
    off_t size;
    ino_t inode;
    dev_t device;
};

/* Reads the file when it differs from the stamp. Blocks on the file; any thread. Returns 1 with
 * ret_keys filled, 0 when it did not change, or negative errno with ret_error set. The stamp is
 * that of what was looked at, also when that was refused, so that it is refused once. */
int jwks_file_load(const struct crypto *crypto, const char *path, uint32_t algorithms,
                   struct file_stamp *stamp, struct key_set *ret_keys,
                   char ret_error[AUTH_ERROR_SIZE]);

#endif
