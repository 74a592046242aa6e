/* Token buckets: of sockets by session, of requests by user, of strangers by address. */
#include "core/adapter/internal.h"
#include "core/base/hash.h"
#include "core/base/mem.h"

/* One bucket per place; a user who falls on another's place starts anew, which forgives too much
 * rather than too little. */
int user_bucket_take(struct host *host, const struct instance *instance, int64_t user_id) {
    uint64_t key = hash_u64(hash_process_key(), (uint64_t)user_id ^ (uintptr_t)instance);
    size_t place = (size_t)key & (BUCKETS - 1);

    if (instance->rate.rate == 0)
        return 1;
    if (!host->user_buckets) {
        host->user_buckets = mem_calloc(BUCKETS, sizeof(struct token_bucket));
        host->user_bucket_keys = mem_calloc(BUCKETS, sizeof(uint64_t));
    }
    if (host->user_bucket_keys[place] != key) {
        host->user_bucket_keys[place] = key;
        host->user_buckets[place].at = 0;
    }
    return token_bucket_take(&host->user_buckets[place], &instance->rate, loop_now(host->loop));
}

int address_take(struct host *host, enum address_limit_kind kind, uint64_t key) {
    if (address_limit_take(host->config.addresses, kind, key, loop_now(host->loop)))
        return 1;
    count_address_limited(host, kind == ADDRESS_LIMIT_ALL ? "all" : "anonymous");
    return 0;
}

/* What stands for the session's client in limits of addresses. */
static uint64_t address_key(const struct session *session) {
    return address_limit_key(session->instance->host->config.addresses, &session->client);
}

int session_take_address(struct session *session, enum address_limit_kind kind) {
    return address_take(session->instance->host, kind, address_key(session));
}

/* ---- requests under way ---- */

int request_count_in(struct session *session) {
    struct host *host = session->instance->host;
    uint64_t user = (uint64_t)session->pub.user->id;
    uintptr_t count = (uintptr_t)map_u64_get(&host->user_requests, user);
    uint32_t most = host->config.user_requests_max;

    if (most && count >= most)
        return 0;
    session->request->counted = session->pub.user->id;
    (void)map_u64_put(&host->user_requests, user, (void *)(count + 1));
    return 1;
}

void request_count_out(struct host *host, struct request *request) {
    uint64_t user = (uint64_t)request->counted;
    uintptr_t count;

    if (!request->counted)
        return;
    count = (uintptr_t)map_u64_get(&host->user_requests, user);
    if (count > 1)
        (void)map_u64_put(&host->user_requests, user, (void *)(count - 1));
    else
        (void)map_u64_remove(&host->user_requests, user);
}
