/* Users as JSON: the same for the command line and the admin API. */
#ifndef DRAGOMAN_SERVER_USER_JSON_H
#define DRAGOMAN_SERVER_USER_JSON_H

#include <yyjson.h>

#include "core/model/user.h"

/* Adds the user's members to the object; texts are copied. */
void user_json_put(yyjson_mut_doc *doc, yyjson_mut_val *object, const struct dm_user *user);

#endif
