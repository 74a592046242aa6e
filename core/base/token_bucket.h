/* A token bucket: so many a second in the long run, so many at once. */
#ifndef DRAGOMAN_BASE_TOKEN_BUCKET_H
#define DRAGOMAN_BASE_TOKEN_BUCKET_H

#include <stdint.h>

/* The greatest burst. */
#define TOKEN_BURST_MAX 4000000

struct token_rate {
    uint32_t rate;  /* a second; 0: no limit */
    uint32_t burst; /* 1 to TOKEN_BURST_MAX */
};

/* A zeroed one is full. Plain value. */
struct token_bucket {
    uint64_t at;     /* of the last refill; 0: never */
    uint32_t tokens; /* in thousandths */
    uint32_t tag;    /* the owner's */
};

/* Takes one token: 1 when there was one, else 0. Calls may differ in their rate; now_ms never runs
 * backwards. */
int token_bucket_take(struct token_bucket *bucket, const struct token_rate *rate, uint64_t now_ms);

#endif
