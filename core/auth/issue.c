/* Tokens of our own issuer. */
#include <errno.h>
#include <stdlib.h>

#include "core/auth/service.h"
#include "core/base/base64.h"
#include "core/base/random.h"

#define TTL_MAX (INT64_C(100) * 366 * 86400)
#define JTI_BYTES 16

static void append_base64(struct buf *buf, const void *data, size_t len) {
    char *place = buf_reserve(buf, base64_encoded_len(BASE64_URL, len));
    buf->len += base64_encode(BASE64_URL, data, len, place);
}

static int add_text(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key,
                    struct dm_slice text) {
    return yyjson_mut_obj_add_strncpy(doc, object, key, text.ptr, text.len);
}

static int add_user(yyjson_mut_doc *doc, yyjson_mut_val *object, const struct dm_user *user) {
    char uuid[DM_UUID_TEXT_LEN + 1];
    struct dm_slice name = dm_user_name(user);
    dm_uuid_format(&user->uuid, uuid);
    return add_text(doc, object, "sub", dm_slice_str(uuid))
           && add_text(doc, object, "user_id", dm_slice_str(uuid))
           && (!name.ptr || add_text(doc, object, "username", name));
}

static int add_id(yyjson_mut_doc *doc, yyjson_mut_val *object) {
    uint8_t random[JTI_BYTES];
    char text[2 * JTI_BYTES];
    random_bytes(random, sizeof(random));
    size_t len = base64_encode(BASE64_URL, random, sizeof(random), text);
    return add_text(doc, object, "jti", (struct dm_slice){ text, len });
}

/* The payload as JSON, to be freed with free(); NULL when a name is no UTF-8. */
static char *payload_write(const struct dm_user *user, enum auth_token_kind kind, int64_t now_s,
                           int64_t ttl_seconds, size_t *ret_len) {
    const char *type = kind == AUTH_TOKEN_REFRESH ? "refresh" : "access";
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *object = yyjson_mut_obj(doc);
    char *text = NULL;
    yyjson_mut_doc_set_root(doc, object);
    if (yyjson_mut_obj_add_str(doc, object, "iss", AUTH_OWN_ISSUER)
        && add_user(doc, object, user)
        && yyjson_mut_obj_add_sint(doc, object, "iat", now_s)
        && yyjson_mut_obj_add_sint(doc, object, "exp", now_s + ttl_seconds)
        && add_id(doc, object)
        && yyjson_mut_obj_add_str(doc, object, "token_type", type))
        text = yyjson_mut_write(doc, 0, ret_len);
    yyjson_mut_doc_free(doc);
    return text;
}

static int sign(struct service *service, struct buf *token, size_t start) {
    struct dm_slice input = { token->data + start, token->len - start };
    uint8_t mac[CRYPTO_HASH_LEN];
    int r = token_key_mac(issuer_set_own_key(service->issuers), input, mac);
    if (r < 0)
        return r;
    buf_append_char(token, '.');
    append_base64(token, mac, sizeof(mac));
    return 0;
}

int service_issue(struct auth *auth, const struct dm_user *user, enum auth_token_kind kind,
                  int64_t ttl_seconds, struct buf *ret_token) {
    static const char header[] = "{\"alg\":\"HS256\",\"typ\":\"JWT\"}";
    struct service *service = service_of(auth);
    size_t start = ret_token->len;
    size_t len = 0;
    if (ttl_seconds <= 0 || ttl_seconds > TTL_MAX || dm_uuid_is_nil(&user->uuid))
        return -EINVAL;
    char *payload = payload_write(user, kind, service_now_s(service), ttl_seconds, &len);
    if (!payload)
        return -EINVAL;
    append_base64(ret_token, header, sizeof(header) - 1);
    buf_append_char(ret_token, '.');
    append_base64(ret_token, payload, len);
    free(payload);
    int r = sign(service, ret_token, start);
    if (r == 0 && ret_token->len - start > AUTH_TOKEN_MAX)
        r = -EMSGSIZE;
    if (r < 0)
        ret_token->len = start;
    return r;
}
