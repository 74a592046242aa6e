/* What stands behind struct auth. */
#ifndef DRAGOMAN_AUTH_SERVICE_H
#define DRAGOMAN_AUTH_SERVICE_H

#include "core/auth/hasher.h"
#include "core/auth/issuer.h"

struct service {
    struct auth base;
    uv_loop_t *loop;
    struct crypto crypto;
    struct json_scratch json;
    struct issuer_set *issuers;   /* the current ones */
    struct hasher hasher;
    uv_timer_t watch_timer;
    struct watch_job *watch;      /* a look at the JWKS files under way, or NULL */
    struct reload_job *reload;    /* a reload under way, or NULL */
    unsigned parts;               /* that close waits for; 0: open */
    auth_close_fn closed;
    void *closed_owner;
};

static inline struct service *service_of(struct auth *auth) {
    return container_of(auth, struct service, base);
}

/* Seconds since the epoch by the configured clock, rounded down. */
int64_t service_now_s(const struct service *service);

/* What the hasher needs of a configuration. */
struct hasher_params service_hasher_params(const struct issuer_set *set);

/* auth_ops.issue */
int service_issue(struct auth *auth, const struct dm_user *user, enum auth_token_kind kind,
                  int64_t ttl_seconds, struct buf *ret_token);

/* Looks at the JWKS files of the current issuers every interval, if they have any; also puts a
 * new interval into force. */
void service_watch_start(struct service *service);

/* Makes the set the current one and takes the reference over. */
void service_install(struct service *service, struct issuer_set *set);

/* One part that close waited for has ended. */
void service_part_closed(struct service *service);

#endif
