#include "core/server/import_line.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

static const char *const user_keys[] = {
    "id", "uuid", "username", "email", "first_name", "last_name", "photo", "color", "role",
    "location", "password", "pin", "password_hash", "pin_hash", "active", "created_at",
    "friends", "friend_requests", NULL,
};

static const char *const thread_keys[] = {
    "uuid", "kind", "opener", "title", "members", "state", "blocked_by", "created_at", NULL,
};

static const char *const message_keys[] = {
    "uuid", "thread", "to", "author", "created_at", "text", "attachments", "read", "delivered",
    "held", NULL,
};

static const char *const *const known_keys[TRANSFER_KIND_COUNT] = {
    [TRANSFER_USERS] = user_keys,
    [TRANSFER_FRIENDS] = user_keys,
    [TRANSFER_THREADS] = thread_keys,
    [TRANSFER_MESSAGES] = message_keys,
};

static int is_known(const char *const *keys, const char *key) {
    while (*keys && strcmp(*keys, key))
        keys++;
    return *keys != NULL;
}

static yyjson_doc *read_line(struct dm_slice line) {
    return yyjson_read(line.ptr, line.len, 0);
}

static int refuse(char why[IMPORT_WHY_SIZE], const char *reason) {
    snprintf(why, IMPORT_WHY_SIZE, "%s", reason);
    return 0;
}

static int check_keys(const char *const *keys, yyjson_val *root, char why[IMPORT_WHY_SIZE]) {
    size_t i, n;
    yyjson_val *key, *value;
    yyjson_obj_foreach(root, i, n, key, value) {
        if (is_known(keys, yyjson_get_str(key)))
            continue;
        snprintf(why, IMPORT_WHY_SIZE, "unknown key \"%.60s\"", yyjson_get_str(key));
        return 0;
    }
    return 1;
}

/* Neither empty nor with an end before its end. */
static int is_secret(yyjson_val *value) {
    return yyjson_is_str(value) && yyjson_get_len(value)
           && strlen(yyjson_get_str(value)) == yyjson_get_len(value);
}

/* Without a UUID a second import would not know the user again. */
static int check_user(yyjson_val *root, char why[IMPORT_WHY_SIZE]) {
    yyjson_val *pin = yyjson_obj_get(root, "pin");
    yyjson_val *password = yyjson_obj_get(root, "password");
    if (!yyjson_is_str(yyjson_obj_get(root, "uuid")))
        return refuse(why, "uuid is missing, or no text");
    if (password && !is_secret(password))
        return refuse(why, "password must be a text");
    if (pin && !yyjson_is_uint(pin) && !is_secret(pin))
        return refuse(why, "pin must be a number or a text");
    return 1;
}

int import_line_check(enum transfer_kind kind, struct dm_slice line, char why[IMPORT_WHY_SIZE]) {
    yyjson_doc *doc = read_line(line);
    yyjson_val *root = yyjson_doc_get_root(doc);
    int good = yyjson_is_obj(root) ? check_keys(known_keys[kind], root, why)
                                   : refuse(why, "this is no JSON object");
    if (good && (kind == TRANSFER_USERS || kind == TRANSFER_FRIENDS))
        good = check_user(root, why);
    yyjson_doc_free(doc);
    return good;
}

int import_line_has_friends(struct dm_slice line) {
    yyjson_doc *doc = read_line(line);
    yyjson_val *root = yyjson_doc_get_root(doc);
    int has = yyjson_obj_get(root, "friends") || yyjson_obj_get(root, "friend_requests");
    yyjson_doc_free(doc);
    return has;
}

static size_t keep(struct buf *store, yyjson_val *secret) {
    size_t at = store->len;
    if (yyjson_is_uint(secret))
        buf_printf(store, "%llu", (unsigned long long)yyjson_get_uint(secret));
    else
        buf_append(store, yyjson_get_str(secret), yyjson_get_len(secret));
    buf_append_char(store, '\0');
    return at;
}

void import_line_secrets(struct dm_slice line, struct buf *store,
                         struct import_secrets *ret_secrets) {
    yyjson_doc *doc = read_line(line);
    yyjson_val *root = yyjson_doc_get_root(doc);
    yyjson_val *password = yyjson_obj_get(root, "password");
    yyjson_val *pin = yyjson_obj_get(root, "pin");
    size_t password_at = 0, pin_at = 0;
    *ret_secrets = (struct import_secrets){ DM_SLICE_NONE, DM_SLICE_NONE };
    buf_reset(store);
    if (password)
        password_at = keep(store, password);
    if (pin)
        pin_at = keep(store, pin);
    if (password)
        ret_secrets->password = dm_slice_str(store->data + password_at);
    if (pin)
        ret_secrets->pin = dm_slice_str(store->data + pin_at);
    yyjson_doc_free(doc);
}

static void replace(yyjson_mut_doc *doc, yyjson_mut_val *root, const char *plain,
                    const char *hashed, struct dm_slice hash) {
    yyjson_mut_obj_remove_key(root, plain);
    if (!hash.ptr)
        return;
    yyjson_mut_obj_remove_key(root, hashed);
    yyjson_mut_obj_add_strncpy(doc, root, hashed, hash.ptr, hash.len);
}

void import_line_seal(struct dm_slice line, struct dm_slice password_hash,
                      struct dm_slice pin_hash, struct buf *out) {
    yyjson_doc *read = read_line(line);
    yyjson_mut_doc *doc = yyjson_doc_mut_copy(read, NULL);
    yyjson_mut_val *root = yyjson_mut_doc_get_root(doc);
    replace(doc, root, "password", "password_hash", password_hash);
    replace(doc, root, "pin", "pin_hash", pin_hash);
    size_t len;
    char *text = yyjson_mut_write(doc, 0, &len);
    buf_append(out, text, text ? len : 0);
    free(text);
    yyjson_mut_doc_free(doc);
    yyjson_doc_free(read);
}
