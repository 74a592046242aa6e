/* What a payload must say, and what it says (RFC 7519 section 4). */
#ifndef DRAGOMAN_AUTH_CLAIMS_H
#define DRAGOMAN_AUTH_CLAIMS_H

#include "core/auth/auth.h"
#include "core/auth/json.h"

/* Clocks of two nodes may differ by less than a second and still show different seconds; a token
 * issued by one must be good on the other at once. */
#define CLAIMS_IAT_TOLERANCE 1

enum claims_type_rule {
    CLAIMS_TYPE_OPTIONAL, /* as auth_issuer_config.type_claim says */
    CLAIMS_TYPE_EXACT,    /* "access" or "refresh", and no token without it */
};

/* Strings are borrowed and outlive the rules; defaults are filled in. */
struct claims_rules {
    const char *issuer;
    const char *const *audiences;
    size_t audience_count;
    const char *user_claim;
    enum auth_user_kind user_kind;
    const char *type_claim;
    enum claims_type_rule type_rule;
    enum auth_expiry expiry;
    int64_t leeway;
    int provisioning;
    struct auth_profile_map profile;
};

/* Checks a payload whose signature is good, at the given second, and fills subject, kind,
 * expires_us, provisioning and profile of the claims, whose text is the payload's. Returns DM_OK;
 * DM_TOKEN_EXPIRED when only the time has passed; else DM_UNAUTHENTICATED with a static text in
 * ret_reason. expires_us is the moment from which the token is refused, leeway included. */
enum dm_status claims_check(const struct claims_rules *rules, yyjson_val *payload, int64_t now_s,
                            struct auth_claims *ret_claims, const char **ret_reason);

/* 1 when the rules let tokens of the payload's iss through, else 0. */
int claims_issuer_fits(const struct claims_rules *rules, yyjson_val *payload);

#endif
