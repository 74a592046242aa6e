#include "core/base/secret.h"

#include <string.h>

int secret_equal(const void *a, const void *b, size_t len) {
    const volatile unsigned char *left = a;
    const volatile unsigned char *right = b;
    unsigned difference = 0;
    for (size_t i = 0; i < len; i++)
        difference |= (unsigned)(left[i] ^ right[i]);
    return difference == 0;
}

void secret_wipe(void *ptr, size_t len) {
    if (len > 0)
        explicit_bzero(ptr, len);
}
