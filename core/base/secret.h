/* Handling of secrets in memory. */
#ifndef DRAGOMAN_BASE_SECRET_H
#define DRAGOMAN_BASE_SECRET_H

#include <stddef.h>

/* 1 when the len bytes at a and b are equal, else 0, in a time that depends on len only. Secrets
 * of differing length are compared by their digests, or the caller accepts that length shows. */
int secret_equal(const void *a, const void *b, size_t len);

/* Overwrites len bytes with zero in a way the compiler does not remove. */
void secret_wipe(void *ptr, size_t len);

#endif
