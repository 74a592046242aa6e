#include "core/auth/claims.h"

#include <strings.h>

#include "core/base/decimal.h"
#include "core/base/utf8.h"

#define US_PER_S INT64_C(1000000)
#define ID_MAX ((INT64_C(1) << 53) - 1)
#define NAME_MAX_LEN 512

static int slice_is(struct dm_slice text, const char *word) {
    return dm_slice_eq(text, dm_slice_str(word));
}

static int slice_is_nocase(struct dm_slice text, const char *word) {
    return text.ptr && text.len == strlen(word) && strncasecmp(text.ptr, word, text.len) == 0;
}

int claims_issuer_fits(const struct claims_rules *rules, yyjson_val *payload) {
    yyjson_val *iss = yyjson_obj_get(payload, "iss");
    if (!rules->issuer)
        return !iss || yyjson_is_str(iss);
    return slice_is(json_text(iss), rules->issuer);
}

static int audience_known(const struct claims_rules *rules, yyjson_val *value) {
    struct dm_slice text = json_text(value);
    for (size_t i = 0; i < rules->audience_count; i++)
        if (slice_is(text, rules->audiences[i]))
            return 1;
    return 0;
}

static int audience_fits(const struct claims_rules *rules, yyjson_val *payload) {
    yyjson_val *aud = yyjson_obj_get(payload, "aud");
    size_t index, max;
    yyjson_val *item;
    if (!aud)
        return rules->audience_count == 0;
    if (!yyjson_is_arr(aud))
        return audience_known(rules, aud);
    yyjson_arr_foreach(aud, index, max, item) {
        if (audience_known(rules, item))
            return 1;
    }
    return 0;
}

enum number {
    NUMBER_ABSENT,
    NUMBER_BAD,
    NUMBER_GOOD,
};

/* NumericDate (RFC 7519 section 2), whole seconds only, and such that microseconds fit. */
static enum number read_seconds(yyjson_val *payload, const char *claim, int64_t *ret_seconds) {
    yyjson_val *value = yyjson_obj_get(payload, claim);
    if (!value)
        return NUMBER_ABSENT;
    if (!yyjson_is_uint(value) || yyjson_get_uint(value) > (uint64_t)(INT64_MAX / US_PER_S / 2))
        return NUMBER_BAD;
    *ret_seconds = (int64_t)yyjson_get_uint(value);
    return NUMBER_GOOD;
}

/* nbf and iat; a text when they forbid the token. */
static const char *check_beginning(const struct claims_rules *rules, yyjson_val *payload,
                                   int64_t now_s) {
    int64_t at;
    enum number nbf = read_seconds(payload, "nbf", &at);
    if (nbf == NUMBER_BAD || (nbf == NUMBER_GOOD && at > now_s + rules->leeway))
        return "not yet valid";
    enum number iat = read_seconds(payload, "iat", &at);
    if (iat == NUMBER_BAD
        || (iat == NUMBER_GOOD && at > now_s + rules->leeway + CLAIMS_IAT_TOLERANCE))
        return "issued in the future";
    return NULL;
}

static int read_kind(const struct claims_rules *rules, yyjson_val *payload,
                     enum auth_token_kind *ret_kind) {
    yyjson_val *value = yyjson_obj_get(payload, rules->type_claim);
    struct dm_slice type = json_text(value);
    if (rules->type_rule == CLAIMS_TYPE_EXACT) {
        *ret_kind = slice_is(type, "refresh") ? AUTH_TOKEN_REFRESH : AUTH_TOKEN_ACCESS;
        return slice_is(type, "refresh") || slice_is(type, "access");
    }
    if (slice_is_nocase(type, "refresh") || slice_is_nocase(type, "offline")) {
        *ret_kind = AUTH_TOKEN_REFRESH;
        return 1;
    }
    *ret_kind = AUTH_TOKEN_ACCESS;
    return !value || slice_is_nocase(type, "access") || slice_is_nocase(type, "bearer");
}

static int read_id(yyjson_val *value, int64_t *ret_id) {
    struct dm_slice text = json_text(value);
    if (yyjson_is_uint(value) && yyjson_get_uint(value) <= (uint64_t)ID_MAX) {
        *ret_id = (int64_t)yyjson_get_uint(value);
        return *ret_id > 0;
    }
    return !decimal_parse(text, ID_MAX, ret_id) && text.ptr[0] != '0';
}

static struct dm_slice read_name(yyjson_val *value) {
    struct dm_slice name = json_text(value);
    if (name.len == 0 || name.len > NAME_MAX_LEN || !text_storable(name))
        return DM_SLICE_NONE;
    return name;
}

static int email_trusted(yyjson_val *payload, struct dm_slice email) {
    yyjson_val *verified = yyjson_obj_get(payload, "email_verified");
    return memchr(email.ptr, '@', email.len) && (!verified || yyjson_is_true(verified));
}

static int read_subject(const struct claims_rules *rules, yyjson_val *payload,
                        struct dm_ref *ret_subject) {
    yyjson_val *value = yyjson_obj_get(payload, rules->user_claim);
    struct dm_slice name;
    switch (rules->user_kind) {
    case AUTH_USER_UUID:
        ret_subject->kind = DM_REF_UUID;
        return dm_uuid_parse(json_text(value), &ret_subject->uuid) == 0
               && !dm_uuid_is_nil(&ret_subject->uuid);
    case AUTH_USER_ID:
        ret_subject->kind = DM_REF_ID;
        return read_id(value, &ret_subject->id);
    case AUTH_USER_USERNAME:
    case AUTH_USER_EMAIL:
        name = read_name(value);
        ret_subject->kind = DM_REF_NAME;
        ret_subject->name = name;
        return name.ptr && (rules->user_kind != AUTH_USER_EMAIL || email_trusted(payload, name));
    }
    return 0;
}

static struct dm_slice read_member(yyjson_val *payload, const char *claim) {
    return claim ? read_name(yyjson_obj_get(payload, claim)) : DM_SLICE_NONE;
}

/* Roles are upper-case words. The claims own the text the slice lies in. */
static void upper_case(struct buf *text, struct dm_slice word) {
    for (size_t i = 0; i < word.len; i++) {
        char *c = text->data + (word.ptr - text->data) + i;
        if (*c >= 'a' && *c <= 'z')
            *c = (char)(*c - 'a' + 'A');
    }
}

static void read_profile(const struct claims_rules *rules, yyjson_val *payload,
                         struct auth_claims *ret_claims) {
    const struct auth_profile_map *map = &rules->profile;
    struct dm_profile *profile = &ret_claims->profile;
    ret_claims->provisioning = AUTH_PROVISION;
    *profile = (struct dm_profile){
        .username = read_member(payload, map->username),
        .email = read_member(payload, map->email),
        .first_name = read_member(payload, map->first_name),
        .last_name = read_member(payload, map->last_name),
        .photo = read_member(payload, map->photo),
        .color = read_member(payload, map->color),
        .role = read_member(payload, map->role),
        .location = read_member(payload, map->location),
    };
    if (rules->user_kind == AUTH_USER_USERNAME)
        profile->username = ret_claims->subject.name;
    if (rules->user_kind == AUTH_USER_EMAIL)
        profile->email = ret_claims->subject.name;
    upper_case(&ret_claims->text, profile->role);
}

/* Everything but the end of its time. */
static const char *check_standing(const struct claims_rules *rules, yyjson_val *payload,
                                  int64_t now_s, struct auth_claims *ret_claims) {
    if (!claims_issuer_fits(rules, payload))
        return "another issuer";
    if (!audience_fits(rules, payload))
        return "another audience";
    if (!read_kind(rules, payload, &ret_claims->kind))
        return "token of another kind";
    if (!read_subject(rules, payload, &ret_claims->subject))
        return "no user named";
    return check_beginning(rules, payload, now_s);
}

enum dm_status claims_check(const struct claims_rules *rules, yyjson_val *payload, int64_t now_s,
                            struct auth_claims *ret_claims, const char **ret_reason) {
    int64_t ends = 0;
    *ret_reason = check_standing(rules, payload, now_s, ret_claims);
    if (*ret_reason)
        return DM_UNAUTHENTICATED;
    enum number exp = read_seconds(payload, "exp", &ends);
    if (exp == NUMBER_BAD || (exp == NUMBER_ABSENT && rules->expiry == AUTH_EXPIRY_REQUIRED)) {
        *ret_reason = "no usable exp";
        return DM_UNAUTHENTICATED;
    }
    if (exp == NUMBER_GOOD) {
        ends += rules->leeway;
        ret_claims->expires_us = ends * US_PER_S;
        if (ends <= now_s) {
            *ret_reason = "expired";
            return DM_TOKEN_EXPIRED;
        }
    }
    if (rules->provisioning == AUTH_PROVISION)
        read_profile(rules, payload, ret_claims);
    return DM_OK;
}
