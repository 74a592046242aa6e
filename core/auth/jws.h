/* The compact form of a signed token (RFC 7515 section 7.1), taken apart but not believed. */
#ifndef DRAGOMAN_AUTH_JWS_H
#define DRAGOMAN_AUTH_JWS_H

#include "core/auth/auth.h"
#include "core/auth/json.h"

#define JWS_SIGNATURE_MAX 1024 /* of an 8192 bit RSA key */
#define JWS_HEADER_MAX 2048

struct jws {
    enum auth_algorithm algorithm;
    struct dm_slice kid;            /* absent when the header has none; lies in `header` */
    struct dm_slice signing_input;  /* header and payload as sent; borrowed from the token */
    struct dm_slice payload;        /* as sent, base64url; borrowed from the token */
    size_t signature_len;
    uint8_t signature[JWS_SIGNATURE_MAX];
    char header[JWS_HEADER_MAX + JSON_PADDING];
};

/* Takes the token apart: exactly three parts, each canonical base64url, a header that is a JSON
 * object without doubled keys, an algorithm we know, no `crit` (we understand no extension:
 * section 4.1.11), a `typ` that is absent, JWT or at+jwt (RFC 8725 section 3.11). Returns NULL, or
 * a static text that says why not; ret_jws is then unspecified. */
const char *jws_parse(struct json_scratch *scratch, struct dm_slice token, struct jws *ret_jws);

/* Everything before the last dot; all of it when there is no dot. */
struct dm_slice jws_signing_input(struct dm_slice token);

/* The word of the header for an algorithm ("HS256"). */
const char *jws_algorithm_name(enum auth_algorithm algorithm);

#endif
