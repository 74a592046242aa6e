#include "core/server/user_word.h"

#define ID_OF_NOBODY INT64_MAX

static int is_digits(struct dm_slice word) {
    size_t i = 0;
    while (i < word.len && word.ptr[i] >= '0' && word.ptr[i] <= '9')
        i++;
    return word.len && i == word.len;
}

static int64_t id_of(struct dm_slice digits) {
    int64_t id = 0;
    for (size_t i = 0; i < digits.len; i++)
        if (__builtin_mul_overflow(id, 10, &id)
            || __builtin_add_overflow(id, digits.ptr[i] - '0', &id))
            return ID_OF_NOBODY;
    return id ? id : ID_OF_NOBODY;
}

struct dm_ref user_word(struct dm_slice word) {
    struct dm_uuid uuid;
    if (!dm_uuid_parse(word, &uuid))
        return dm_ref_uuid(&uuid);
    return is_digits(word) ? dm_ref_id(id_of(word)) : dm_ref_name(word);
}
