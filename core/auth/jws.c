#include "core/auth/jws.h"

#include <errno.h>
#include <strings.h>

#include "core/base/base64.h"

#define KID_MAX 256

static const struct {
    const char *name;
    enum auth_algorithm algorithm;
} algorithms[] = {
    { "HS256", AUTH_HS256 },
    { "RS256", AUTH_RS256 },
    { "ES256", AUTH_ES256 },
};

#define ALGORITHM_COUNT (sizeof(algorithms) / sizeof(algorithms[0]))

const char *jws_algorithm_name(enum auth_algorithm algorithm) {
    for (size_t i = 0; i < ALGORITHM_COUNT; i++)
        if (algorithms[i].algorithm == algorithm)
            return algorithms[i].name;
    return "unknown";
}

/* Reads the word of an algorithm, exactly. Returns 0, or -EINVAL for one that is not spoken here,
 * `none` among them. */
static int parse_algorithm(struct dm_slice name, enum auth_algorithm *ret_algorithm) {
    for (size_t i = 0; i < ALGORITHM_COUNT; i++) {
        if (dm_slice_eq(name, dm_slice_str(algorithms[i].name))) {
            *ret_algorithm = algorithms[i].algorithm;
            return 0;
        }
    }
    return -EINVAL;
}

struct dm_slice jws_signing_input(struct dm_slice token) {
    const char *dot = token.len ? memrchr(token.ptr, '.', token.len) : NULL;
    return dot ? (struct dm_slice){ token.ptr, (size_t)(dot - token.ptr) } : token;
}

/* Cuts the part before the next dot off rest. Returns 0 when there is no dot. */
static int cut_part(struct dm_slice *rest, struct dm_slice *ret_part) {
    const char *dot = rest->len ? memchr(rest->ptr, '.', rest->len) : NULL;
    if (!dot)
        return 0;
    *ret_part = (struct dm_slice){ rest->ptr, (size_t)(dot - rest->ptr) };
    *rest = (struct dm_slice){ dot + 1, rest->len - ret_part->len - 1 };
    return 1;
}

static int type_allowed(struct dm_slice type) {
    static const char *const allowed[] = { "JWT", "at+jwt", "application/at+jwt" };
    for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++)
        if (type.len == strlen(allowed[i]) && strncasecmp(type.ptr, allowed[i], type.len) == 0)
            return 1;
    return 0;
}

static const char *read_header(yyjson_val *header, struct jws *ret_jws) {
    yyjson_val *kid = yyjson_obj_get(header, "kid");
    yyjson_val *type = yyjson_obj_get(header, "typ");
    if (parse_algorithm(json_string(header, "alg"), &ret_jws->algorithm) < 0)
        return "unknown algorithm";
    if (yyjson_obj_get(header, "crit"))
        return "critical header";
    if (type && !(yyjson_is_str(type) && type_allowed(json_text(type))))
        return "token of another type";
    if (kid && (!yyjson_is_str(kid) || yyjson_get_len(kid) > KID_MAX))
        return "bad kid";
    ret_jws->kid = json_text(kid);
    return NULL;
}

const char *jws_parse(struct json_scratch *scratch, struct dm_slice token, struct jws *ret_jws) {
    struct dm_slice rest = token;
    struct dm_slice header;
    size_t header_len;
    if (!token.ptr || token.len > AUTH_TOKEN_MAX)
        return "no token, or too long";
    if (!cut_part(&rest, &header) || !cut_part(&rest, &ret_jws->payload)
        || memchr(rest.ptr, '.', rest.len))
        return "not three parts";
    ret_jws->signing_input = jws_signing_input(token);
    if (base64_decode(BASE64_URL, rest, ret_jws->signature, sizeof(ret_jws->signature),
                      &ret_jws->signature_len) < 0
        || base64_decode(BASE64_URL, header, ret_jws->header, JWS_HEADER_MAX, &header_len) < 0)
        return "bad base64url";
    yyjson_val *root = json_read_object(scratch, ret_jws->header, header_len);
    if (!root)
        return "bad header";
    return read_header(root, ret_jws);
}
