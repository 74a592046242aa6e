/* /api/v1/users. */
#include <errno.h>

#include "core/base/log.h"
#include "core/base/utf8.h"
#include "core/engine/auth.h"
#include "core/server/admin/internal.h"
#include "core/server/user_json.h"

#define SECRET_MAX 1024
#define TEXT_MAX 512
#define TTL_DEFAULT 3600
#define TTL_MAX 86400

/* ---- showing ---- */

static void reply_user(struct admin_request *request, unsigned status) {
    yyjson_mut_val *root;
    yyjson_mut_doc *doc = admin_document(&root);
    user_json_put(doc, root, request->result.user);
    admin_reply(request, status, doc);
}

static void user_found(struct admin_request *request, enum dm_status status) {
    reply_user(request, 200);
}

void admin_user_show(struct admin_request *request) {
    admin_find_user(request, user_found);
}

static void page_came(struct admin_request *request, enum dm_status status) {
    const struct dm_result *result = &request->result;
    yyjson_mut_val *root;
    if (status != DM_OK) {
        admin_reply_status(request, status);
        return;
    }
    yyjson_mut_doc *doc = admin_document(&root);
    yyjson_mut_val *rows = yyjson_mut_obj_add_arr(doc, root, "users");
    for (size_t i = 0; i < result->user_count; i++)
        user_json_put(doc, yyjson_mut_arr_add_obj(doc, rows), result->users[i]);
    if (result->next_cursor)
        yyjson_mut_obj_add_uint(doc, root, "next", result->next_cursor);
    else
        yyjson_mut_obj_add_null(doc, root, "next");
    admin_reply(request, 200, doc);
}

void admin_users(struct admin_request *request) {
    static const char *const known[] = { "after", "limit", NULL };
    int64_t after, limit;
    if (admin_query_check(request, known)
        || admin_query_int(request, "after", 0, 0, INT64_MAX, &after)
        || admin_query_int(request, "limit", ADMIN_PAGE_DEFAULT, 1, ADMIN_PAGE_MAX, &limit))
        return;
    request->command.cursor = (uint64_t)after;
    request->command.limit = (uint32_t)limit;
    admin_call(request, STORE_USER_PAGE, page_came);
}

static void owner_found(struct admin_request *request, enum dm_status status) {
    admin_reply_sessions(request, request->result.user->id);
}

void admin_user_sessions(struct admin_request *request) {
    static const char *const known[] = { "after", "limit", NULL };
    if (!admin_query_check(request, known))
        admin_find_user(request, owner_found);
}

/* ---- adding ---- */

static const struct {
    const char *key;
    size_t offset;
} profile_fields[] = {
    { "username", offsetof(struct dm_profile, username) },
    { "email", offsetof(struct dm_profile, email) },
    { "first_name", offsetof(struct dm_profile, first_name) },
    { "last_name", offsetof(struct dm_profile, last_name) },
    { "photo", offsetof(struct dm_profile, photo) },
    { "color", offsetof(struct dm_profile, color) },
    { "role", offsetof(struct dm_profile, role) },
    { "location", offsetof(struct dm_profile, location) },
};
#define PROFILE_FIELDS (sizeof(profile_fields) / sizeof(profile_fields[0]))

static struct dm_slice text_of(yyjson_val *value) {
    return (struct dm_slice){ yyjson_get_str(value), yyjson_get_len(value) };
}

static struct dm_slice *profile_field(struct admin_request *request, const char *key) {
    char *profile = (char *)&request->account.profile;
    for (size_t i = 0; i < PROFILE_FIELDS; i++)
        if (!strcmp(key, profile_fields[i].key))
            return (struct dm_slice *)(void *)(profile + profile_fields[i].offset);
    return NULL;
}

/* Returns what is wrong with the value, or NULL. */
static const char *take_secret(yyjson_val *value, struct dm_slice *ret_secret) {
    if (!yyjson_is_str(value) || !yyjson_get_len(value) || yyjson_get_len(value) > SECRET_MAX)
        return "a secret is a text of 1 to 1024 bytes";
    *ret_secret = text_of(value);
    return NULL;
}

static const char *take_member(struct admin_request *request, const char *key,
                               yyjson_val *value) {
    struct dm_slice *field = profile_field(request, key);
    struct store_account *account = &request->account;
    if (yyjson_is_null(value))
        return NULL;
    if (!strcmp(key, "password"))
        return take_secret(value, &account->password_hash);
    if (!strcmp(key, "pin"))
        return take_secret(value, &account->pin_hash);
    if (!strcmp(key, "id")) {
        account->id = yyjson_get_sint(value);
        return yyjson_is_int(value) && account->id >= DM_USER_ID_FIRST
                       && account->id < INT64_C(1) << 53
                   ? NULL : "an id is a whole number from 10000000 to 2^53 - 1";
    }
    if (!strcmp(key, "uuid"))
        return yyjson_is_str(value) && !dm_uuid_parse(text_of(value), &account->uuid)
                   ? NULL : "this is no UUID";
    if (!field)
        return "there is no such member";
    *field = text_of(value);
    return yyjson_is_str(value) && field->len && field->len <= TEXT_MAX && text_storable(*field)
               ? NULL : "a text of 1 to 512 bytes is wanted";
}

static int take_account(struct admin_request *request) {
    yyjson_val *root = yyjson_doc_get_root(request->document), *key;
    yyjson_obj_iter iter = yyjson_obj_iter_with(root);
    while ((key = yyjson_obj_iter_next(&iter))) {
        const char *fault = take_member(request, yyjson_get_str(key),
                                        yyjson_obj_iter_get_val(key));
        if (!fault)
            continue;
        admin_reply_error(request, 400, fault, yyjson_get_str(key));
        return -EINVAL;
    }
    if (request->account.profile.username.ptr || request->account.profile.email.ptr)
        return 0;
    admin_reply_error(request, 400, "a user needs a username or an e-mail", "username");
    return -EINVAL;
}

static void user_made(struct admin_request *request, enum dm_status status) {
    if (status != DM_OK) {
        admin_reply_status(request, status);
        return;
    }
    log_event(LOG_LEVEL_INFO, "user added by an operator",
              LOG_INT("user", request->result.user->id));
    reply_user(request, 201);
}

static void hash_next(struct admin_request *request);

static void hashed(void *owner, enum dm_status status, struct dm_slice hash) {
    struct admin_request *request = owner;
    if (!admin_resume(request))
        return;
    if (status != DM_OK) {
        admin_reply_error(request, 503, "too many secrets are being hashed", NULL);
        return;
    }
    *request->hashing = arena_slice(&request->arena, hash);
    hash_next(request);
}

static void hash(struct admin_request *request, struct dm_slice *secret) {
    struct auth *auth = gateway_auth(request->admin->gateway);
    request->state = ADMIN_WAITING;
    request->hashing = secret;
    auth->ops->hash(auth, *secret, hashed, request);
}

/* First the password, then the pin; what was hashed takes the place of the secret. */
static void hash_next(struct admin_request *request) {
    struct store_account *account = &request->account;
    if (!request->hashing && account->password_hash.ptr)
        hash(request, &account->password_hash);
    else if (request->hashing != &account->pin_hash && account->pin_hash.ptr)
        hash(request, &account->pin_hash);
    else
        admin_call(request, STORE_USER_CREATE, user_made);
}

void admin_user_add(struct admin_request *request) {
    if (!take_account(request))
        hash_next(request);
}

/* ---- changing ---- */

static void deactivated(struct admin_request *request, enum dm_status status) {
    if (status != DM_OK) {
        admin_reply_status(request, status);
        return;
    }
    log_event(LOG_LEVEL_INFO, "user deactivated by an operator",
              LOG_INT("user", request->result.user->id));
    reply_user(request, 200);
}

static void deactivate(struct admin_request *request, enum dm_status status) {
    request->call.other_id = request->result.user->id;
    request->account.activity = STORE_DEACTIVATE;
    admin_call(request, STORE_USER_UPDATE, deactivated);
}

void admin_user_deactivate(struct admin_request *request) {
    if (yyjson_obj_size(yyjson_doc_get_root(request->document)))
        admin_reply_error(request, 400, "nothing more can be asked here", NULL);
    else
        admin_find_user(request, deactivate);
}

/* ---- tokens ---- */

static void reply_token(struct admin_request *request, const struct dm_user *user, int64_t ttl) {
    struct auth *auth = gateway_auth(request->admin->gateway);
    struct buf token = BUF_INIT;
    yyjson_mut_val *root;
    if (auth->ops->issue(auth, user, AUTH_TOKEN_ACCESS, ttl, &token)) {
        admin_reply_error(request, 500, "the token cannot be signed", NULL);
    } else {
        yyjson_mut_doc *doc = admin_document(&root);
        admin_put(doc, root, "token", buf_slice(&token));
        yyjson_mut_obj_add_int(doc, root, "expires_in", ttl);
        log_event(LOG_LEVEL_INFO, "token issued by an operator", LOG_INT("user", user->id),
                  LOG_INT("ttl", ttl));
        admin_reply(request, 201, doc);
    }
    buf_fini(&token);
}

static void bearer_found(struct admin_request *request, enum dm_status status) {
    const struct dm_user *user = request->result.user;
    yyjson_val *ttl = yyjson_obj_get(yyjson_doc_get_root(request->document), "ttl");
    if (!(user->flags & DM_USER_ACTIVE))
        admin_reply_error(request, 409, "the user is deactivated", NULL);
    else
        reply_token(request, user, ttl ? yyjson_get_sint(ttl) : TTL_DEFAULT);
}

void admin_user_token(struct admin_request *request) {
    yyjson_val *root = yyjson_doc_get_root(request->document);
    yyjson_val *ttl = yyjson_obj_get(root, "ttl");
    if (yyjson_obj_size(root) != (ttl != NULL))
        admin_reply_error(request, 400, "only the ttl can be asked for", NULL);
    else if (ttl && (!yyjson_is_int(ttl) || yyjson_get_sint(ttl) < 1
                     || yyjson_get_sint(ttl) > TTL_MAX))
        admin_reply_error(request, 400, "a ttl is 1 to 86400 seconds", "ttl");
    else
        admin_find_user(request, bearer_found);
}
