/* The PHC string format of argon2id, read only to bound what libargon2 will do with it. */
#include "core/auth/hasher.h"
#include "core/base/decimal.h"

/* Cuts the prefix off text. Returns 0 when text begins otherwise. */
static int cut_word(struct dm_slice *text, const char *word) {
    size_t len = strlen(word);
    if (text->len < len || memcmp(text->ptr, word, len) != 0)
        return 0;
    *text = (struct dm_slice){ text->ptr + len, text->len - len };
    return 1;
}

/* Cuts a decimal number of 1 to 9 digits, without leading zero, off text. */
static int cut_number(struct dm_slice *text, uint32_t *ret_number) {
    int is_padded = text->len && text->ptr[0] == '0';
    int64_t number;
    size_t digits = decimal_cut(text, &number);
    *ret_number = (uint32_t)number;
    return digits >= 1 && digits <= 9 && !is_padded;
}

/* Cuts a run of base64 characters off text; 1 when their number lies within the bounds. */
static int cut_base64(struct dm_slice *text, size_t min, size_t max) {
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t len = 0;
    while (len < text->len && memchr(alphabet, text->ptr[len], sizeof(alphabet) - 1))
        len++;
    *text = (struct dm_slice){ text->ptr + len, text->len - len };
    return len >= min && len <= max;
}

int hasher_encoded_sound(struct dm_slice encoded, uint32_t memory_max) {
    uint32_t memory, passes, lanes;
    if (!encoded.ptr || encoded.len >= HASHER_ENCODED_MAX)
        return 0;
    return cut_word(&encoded, "$argon2id$v=19$m=") && cut_number(&encoded, &memory)
           && cut_word(&encoded, ",t=") && cut_number(&encoded, &passes)
           && cut_word(&encoded, ",p=") && cut_number(&encoded, &lanes)
           && memory <= memory_max && passes <= HASHER_PASSES_MAX && lanes <= HASHER_LANES_MAX
           && cut_word(&encoded, "$") && cut_base64(&encoded, 11, 86)
           && cut_word(&encoded, "$") && cut_base64(&encoded, 22, 86) && encoded.len == 0;
}
