/* Who may use the admin API.
 *
 *  - Whoever comes through a Unix socket: the file system has asked already.
 *  - Whoever bears the token (Authorization: Bearer, RFC 6750).
 *
 * There are no cookies, so a page of somebody else has nothing to ride on; and what a browser says
 * about where a request comes from (Origin, Sec-Fetch-Site) must be the listener itself. The name
 * in Host must be an address, localhost or one of `admin_names`, so that a name which an attacker
 * points here reaches nothing. */
#ifndef DRAGOMAN_SERVER_ADMIN_GUARD_H
#define DRAGOMAN_SERVER_ADMIN_GUARD_H

#include "core/net/http.h"
#include "core/server/config.h"

#define GUARD_DIGEST 32

struct guard {
    uint8_t digest[GUARD_DIGEST]; /* SHA-256 of the token */
    struct dm_slice names;        /* the configuration's */
};

enum guard_verdict {
    GUARD_PASSES = 0,
    GUARD_UNKNOWN,     /* no token, or a wrong one */
    GUARD_FOREIGN,     /* a page of another origin asks */
    GUARD_MISDIRECTED, /* by a name that is not this listener's */
};

/* Reads the token: of `admin_token_file`, else of STATE/admin.token, which is made when it is not
 * there (mode 0600). The configuration must outlive the guard. Returns 0, or -EINVAL with
 * config_error when the file cannot be read or made, or holds no token of 16 to 512 visible
 * characters. */
int guard_init(struct guard *guard, struct config *config);

/* May this request pass? */
enum guard_verdict guard_judge(const struct guard *guard, const struct http_request *request);

#endif
