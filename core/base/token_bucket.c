#include "core/base/token_bucket.h"

#define TOKEN 1000u /* so that milliseconds times tokens a second are tokens gained */

static void refill(struct token_bucket *bucket, const struct token_rate *rate, uint64_t now_ms) {
    uint32_t full = rate->burst * TOKEN;
    uint64_t elapsed = now_ms - bucket->at;
    uint64_t gained = elapsed < UINT32_MAX ? elapsed * rate->rate : full;
    /* It may hold more than that from a greater burst. */
    if (bucket->at == 0 || bucket->tokens + gained >= full)
        bucket->tokens = full;
    else
        bucket->tokens += (uint32_t)gained;
    bucket->at = now_ms;
}

int token_bucket_take(struct token_bucket *bucket, const struct token_rate *rate,
                      uint64_t now_ms) {
    if (rate->rate == 0)
        return 1;
    refill(bucket, rate, now_ms);
    if (bucket->tokens < TOKEN)
        return 0;
    bucket->tokens -= TOKEN;
    return 1;
}
