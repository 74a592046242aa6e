#include "core/kit/secret.h"

#include <ctype.h>
#include <string.h>

static int is_in_word(char c) {
    return isalnum((unsigned char)c) || c == '-' || c == '_';
}

int secret_is_word(struct dm_slice text, const char *secret) {
    size_t len = strlen(secret);
    const char *at = text.ptr, *end = text.ptr + text.len;
    while (at && len >= SHORT_SECRET_MIN && (at = memmem(at, (size_t)(end - at), secret, len))) {
        if ((at == text.ptr || !is_in_word(at[-1])) && (at + len == end || !is_in_word(at[len])))
            return 1;
        at++;
    }
    return 0;
}
