#include "core/base/token_bucket.h"
#include "tests/unit/check.h"

/* How many of a hundred there are at once. */
static int take_many(struct token_bucket *bucket, struct token_rate rate, uint64_t now_ms) {
    int taken = 0;
    for (int i = 0; i < 100; i++)
        taken += token_bucket_take(bucket, &rate, now_ms);
    return taken;
}

Test(token_bucket, holds_a_burst_and_refills_at_its_rate) {
    struct token_bucket bucket = { 0 };
    struct token_rate rate = { 10, 20 };
    cr_assert(eq(int, take_many(&bucket, rate, 1000), 20));
    cr_assert(eq(int, take_many(&bucket, rate, 1099), 0));
    cr_assert(eq(int, take_many(&bucket, rate, 1100), 1));
    cr_assert(eq(int, take_many(&bucket, rate, 2100), 10));
    cr_assert(eq(int, take_many(&bucket, rate, UINT64_MAX), 20));
}

Test(token_bucket, without_a_rate_has_no_end) {
    struct token_bucket bucket = { 0 };
    cr_assert(eq(int, take_many(&bucket, (struct token_rate){ 0, 1 }, 1000), 100));
}

Test(token_bucket, takes_the_greatest_values) {
    struct token_bucket bucket = { 0 };
    struct token_rate rate = { UINT32_MAX, TOKEN_BURST_MAX };
    cr_assert(eq(int, take_many(&bucket, rate, 1), 100));
    cr_assert(eq(int, take_many(&bucket, rate, UINT32_MAX), 100));
    cr_assert(eq(u32, bucket.tokens, (TOKEN_BURST_MAX - 100) * 1000u));
}

Test(token_bucket, that_was_larger_holds_no_more_than_it_does_now) {
    struct token_bucket bucket = { 0 };
    cr_assert(eq(int, take_many(&bucket, (struct token_rate){ 1000, 50 }, 1000), 50));
    cr_assert(eq(int, take_many(&bucket, (struct token_rate){ 1000, 80 }, 2000), 80));
    token_bucket_take(&bucket, &(struct token_rate){ 1000, 80 }, 3000);
    cr_assert(eq(int, take_many(&bucket, (struct token_rate){ 1000, 3 }, 3001), 3));
    cr_assert(eq(int, take_many(&bucket, (struct token_rate){ 1000, 3 }, 9000), 3));
}
