#include "core/auth/auth.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>

#include "core/auth/error.h"
#include "core/auth/service.h"
#include "core/base/base64.h"
#include "core/base/log.h"
#include "core/base/mem.h"

#define US_PER_S INT64_C(1000000)

int64_t service_now_s(const struct service *service) {
    int64_t us = service->issuers->config.now_us();
    return us / US_PER_S - (us % US_PER_S < 0);
}

void auth_fingerprint(struct dm_slice token, uint8_t ret_fingerprint[AUTH_FINGERPRINT_LEN]) {
    struct dm_slice input = jws_signing_input(token);
    if (EVP_Digest(input.ptr ? input.ptr : "", input.len, ret_fingerprint, NULL, EVP_sha256(),
                   NULL) != 1)
        abort();
}

/* The document behind the payload dies with the next read, its strings stay in the claims. */
static yyjson_val *read_payload(struct service *service, struct dm_slice encoded,
                                struct auth_claims *claims) {
    size_t max = base64_decoded_max(encoded.len);
    char *text = buf_reserve(&claims->text, max + JSON_PADDING);
    size_t len;
    if (base64_decode(BASE64_URL, encoded, text, max, &len) < 0)
        return NULL;
    claims->text.len = len;
    return json_read_object(&service->json, text, len);
}

static enum dm_status verify_token(struct service *service, struct dm_slice token,
                                   const char *adapter, struct auth_claims *ret_claims,
                                   const char **ret_issuer, const char **ret_reason) {
    struct jws jws;
    *ret_issuer = NULL;
    *ret_reason = jws_parse(&service->json, token, &jws);
    if (*ret_reason)
        return DM_UNAUTHENTICATED;
    yyjson_val *payload = read_payload(service, jws.payload, ret_claims);
    if (!payload) {
        *ret_reason = "bad payload";
        return DM_UNAUTHENTICATED;
    }
    crypto_sha256(&service->crypto, jws.signing_input, ret_claims->fingerprint);
    return issuer_set_verify(service->issuers, &jws, ret_claims->fingerprint, payload, adapter,
                             service_now_s(service), ret_claims, ret_issuer, ret_reason);
}

static enum dm_status verify(struct auth *auth, struct dm_slice token, const char *adapter,
                             struct auth_claims *ret_claims) {
    const char *issuer, *reason;
    *ret_claims = (struct auth_claims){ 0 };
    enum dm_status status =
        verify_token(service_of(auth), token, adapter, ret_claims, &issuer, &reason);
    if (status == DM_OK)
        return DM_OK;
    log_event(LOG_LEVEL_DEBUG, "token refused", LOG_STR("adapter", adapter),
              LOG_STR("issuer", issuer), LOG_STR("reason", reason));
    auth_claims_fini(ret_claims);
    *ret_claims = (struct auth_claims){ 0 };
    return status;
}

const char *auth_token_fault(struct dm_slice token) {
    struct json_scratch scratch;
    struct jws jws;
    json_scratch_init(&scratch, AUTH_TOKEN_MAX);
    const char *fault = jws_parse(&scratch, token, &jws);
    json_scratch_fini(&scratch);
    return fault;
}

static void hash(struct auth *auth, struct dm_slice secret, auth_hash_fn done, void *owner) {
    hasher_hash(&service_of(auth)->hasher, secret, done, owner);
}

static void check(struct auth *auth, struct dm_slice secret, struct dm_slice hash,
                  auth_check_fn done, void *owner) {
    hasher_check(&service_of(auth)->hasher, secret, hash, done, owner);
}

static const struct auth_ops service_ops = {
    .verify = verify,
    .issue = service_issue,
    .hash = hash,
    .check = check,
};

struct hasher_params service_hasher_params(const struct issuer_set *set) {
    const struct auth_config *config = &set->config;
    return (struct hasher_params){
        .passes = config->argon2_passes,
        .memory = config->argon2_memory,
        .lanes = config->argon2_lanes,
        .memory_max = config->hash_memory_max,
        .parallel = config->hash_parallel,
        .queue = config->hash_queue,
    };
}

void service_install(struct service *service, struct issuer_set *set) {
    issuer_set_unref(service->issuers);
    service->issuers = set;
    service->base.access_ttl = set->config.access_ttl;
    service->base.refresh_ttl = set->config.refresh_ttl;
}

static void service_free(struct service *service) {
    issuer_set_unref(service->issuers);
    json_scratch_fini(&service->json);
    crypto_fini(&service->crypto);
    free(service);
}

static int open_issuers(struct service *service, const struct auth_config *config,
                        char *ret_error) {
    struct issuer_set *set;
    int r = crypto_init(&service->crypto);
    if (r < 0) {
        error_set(ret_error, "OpenSSL 3.0.3 or later with HMAC and SHA-256 is needed");
        return r;
    }
    r = issuer_set_new(&service->crypto, config, &set, ret_error);
    if (r < 0)
        return r;
    service_install(service, set);
    return issuer_set_load(&service->crypto, set, ret_error);
}

int auth_open(uv_loop_t *loop, const struct auth_config *config, struct auth **ret_auth,
              char ret_error[AUTH_ERROR_SIZE]) {
    struct service *service = mem_zalloc(sizeof(*service));
    service->base.ops = &service_ops;
    service->loop = loop;
    json_scratch_init(&service->json, AUTH_TOKEN_MAX);
    int r = open_issuers(service, config, ret_error);
    if (r < 0) {
        service_free(service);
        return r;
    }
    struct hasher_params params = service_hasher_params(service->issuers);
    /* Of a live loop, neither can fail. */
    if (hasher_init(&service->hasher, loop, &params) < 0
        || uv_timer_init(loop, &service->watch_timer) < 0)
        abort();
    service_watch_start(service);
    *ret_auth = &service->base;
    return 0;
}

void service_part_closed(struct service *service) {
    if (--service->parts > 0)
        return;
    auth_close_fn closed = service->closed;
    void *owner = service->closed_owner;
    service_free(service);
    if (closed)
        closed(owner);
}

static void hasher_closed(struct hasher *hasher) {
    service_part_closed(container_of(hasher, struct service, hasher));
}

static void timer_closed(uv_handle_t *handle) {
    service_part_closed(container_of((uv_timer_t *)handle, struct service, watch_timer));
}

void auth_close(struct auth *auth, auth_close_fn done, void *owner) {
    if (!auth) {
        if (done)
            done(owner);
        return;
    }
    struct service *service = service_of(auth);
    service->closed = done;
    service->closed_owner = owner;
    service->parts = 2u + (service->watch != NULL) + (service->reload != NULL);
    hasher_close(&service->hasher, hasher_closed);
    uv_close((uv_handle_t *)&service->watch_timer, timer_closed);
}
