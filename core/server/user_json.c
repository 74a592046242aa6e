#include "core/server/user_json.h"

static void put(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key,
                struct dm_slice value) {
    if (value.ptr)
        yyjson_mut_obj_add_strncpy(doc, object, key, value.ptr, value.len);
    else
        yyjson_mut_obj_add_null(doc, object, key);
}

void user_json_put(yyjson_mut_doc *doc, yyjson_mut_val *object, const struct dm_user *user) {
    char uuid[DM_UUID_TEXT_LEN + 1];
    dm_uuid_format(&user->uuid, uuid);
    yyjson_mut_obj_add_int(doc, object, "id", user->id);
    yyjson_mut_obj_add_strcpy(doc, object, "uuid", uuid);
    put(doc, object, "username", user->username);
    put(doc, object, "email", user->email);
    put(doc, object, "first_name", user->first_name);
    put(doc, object, "last_name", user->last_name);
    put(doc, object, "role", user->role);
    put(doc, object, "photo", user->photo);
    put(doc, object, "color", user->color);
    put(doc, object, "location", user->location);
    yyjson_mut_obj_add_bool(doc, object, "active", user->flags & DM_USER_ACTIVE);
}
