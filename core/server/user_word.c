#include "core/server/user_word.h"

#include "core/base/decimal.h"

#define ID_OF_NOBODY INT64_MAX

struct dm_ref user_word(struct dm_slice word) {
    struct dm_slice rest = word;
    struct dm_uuid uuid;
    int64_t id;
    if (!dm_uuid_parse(word, &uuid))
        return dm_ref_uuid(&uuid);
    if (!decimal_cut(&rest, &id) || rest.len)
        return dm_ref_name(word);
    return dm_ref_id(id ? id : ID_OF_NOBODY);
}
