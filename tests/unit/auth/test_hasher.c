/* Secrets in the pool. */
#include "core/auth/hasher.h"
#include "core/auth/service.h"
#include "tests/unit/auth/support.h"

static struct service_fixture fixture;

struct answer {
    unsigned count;
    enum dm_status status;
    char hash[HASHER_ENCODED_MAX];
    unsigned order;
};

static unsigned finished;

static void hashed(void *owner, enum dm_status status, struct dm_slice hash) {
    struct answer *answer = owner;
    answer->count++;
    answer->status = status;
    answer->order = ++finished;
    if (hash.ptr)
        memcpy(answer->hash, hash.ptr, hash.len);
}

static void checked(void *owner, enum dm_status status) {
    hashed(owner, status, DM_SLICE_NONE);
}

static void open_with(uint32_t parallel, uint32_t queue) {
    struct auth_config config = test_config(NULL, 0);
    config.hash_parallel = parallel;
    config.hash_queue = queue;
    finished = 0;
    fixture_open(&fixture, &config);
}

static struct answer run_hash(struct dm_slice secret) {
    struct answer answer = { 0 };
    fixture.auth->ops->hash(fixture.auth, secret, hashed, &answer);
    cr_assert(eq(int, answer.count, 0), "not inside the call");
    fixture_run(&fixture, &answer.count, 1);
    return answer;
}

static enum dm_status run_check(struct dm_slice secret, struct dm_slice hash) {
    struct answer answer = { 0 };
    fixture.auth->ops->check(fixture.auth, secret, hash, checked, &answer);
    cr_assert(eq(int, answer.count, 0), "not inside the call");
    fixture_run(&fixture, &answer.count, 1);
    return answer.status;
}

Test(auth_hasher, what_was_hashed_matches) {
    open_with(2, 16);
    struct answer one = run_hash(DM_SLICE("s3cret"));
    struct answer two = run_hash(DM_SLICE("s3cret"));
    cr_assert(eq(int, one.status, DM_OK));
    check_true(strncmp(one.hash, "$argon2id$v=19$m=8,t=1,p=1$", 27) == 0);
    check_true(strcmp(one.hash, two.hash) != 0);
    struct dm_slice hash = dm_slice_str(one.hash);
    cr_assert(eq(int, run_check(DM_SLICE("s3cret"), hash), DM_OK));
    cr_assert(eq(int, run_check(DM_SLICE("S3cret"), hash), DM_UNAUTHENTICATED));
    cr_assert(eq(int, run_check(DM_SLICE("s3cret "), hash), DM_UNAUTHENTICATED));
    cr_assert(eq(int, run_check(DM_SLICE(""), hash), DM_UNAUTHENTICATED));
    cr_assert(eq(int, run_check(DM_SLICE_NONE, hash), DM_UNAUTHENTICATED));
    cr_assert(eq(int, run_check(DM_SLICE("s3cret"), DM_SLICE_NONE), DM_UNAUTHENTICATED));
    cr_assert(eq(int, run_check(DM_SLICE("s3cret"), DM_SLICE("")), DM_UNAUTHENTICATED));
    fixture_close(&fixture);
}

Test(auth_hasher, every_byte_of_a_secret_counts) {
    open_with(2, 16);
    struct answer answer = run_hash(DM_SLICE("a\0b"));
    struct dm_slice hash = dm_slice_str(answer.hash);
    cr_assert(eq(int, run_check(DM_SLICE("a\0b"), hash), DM_OK));
    cr_assert(eq(int, run_check(DM_SLICE("a\0c"), hash), DM_UNAUTHENTICATED));
    cr_assert(eq(int, run_check(DM_SLICE("a"), hash), DM_UNAUTHENTICATED));
    static char huge[HASHER_SECRET_MAX + 1];
    struct dm_slice over = { huge, sizeof(huge) };
    answer = run_hash(over);
    cr_assert(eq(int, answer.status, DM_TOO_LARGE));
    cr_assert(eq(int, run_check(over, hash), DM_UNAUTHENTICATED));
    over.len--;
    answer = run_hash(over);
    cr_assert(eq(int, answer.status, DM_OK));
    cr_assert(eq(int, run_check(over, dm_slice_str(answer.hash)), DM_OK));
    fixture_close(&fixture);
}

#define SALT "c29tZXNhbHQ"

/* What the argon2 program makes of 20000000: argon2 somesalt -id -t 2 -k 64 -p 1 -e */
#define KNOWN_TAG "9dJbpfBuhMykwHNQkp+fGPmJM2Wcsrg7z2NEOaTXHRc"

Test(auth_hasher, hashes_made_elsewhere_match) {
    open_with(2, 16);
    struct dm_slice hash = DM_SLICE("$argon2id$v=19$m=64,t=2,p=1$" SALT "$" KNOWN_TAG);
    cr_assert(eq(int, run_check(DM_SLICE("20000000"), hash), DM_OK));
    cr_assert(eq(int, run_check(DM_SLICE("20000001"), hash), DM_UNAUTHENTICATED));
    fixture_close(&fixture);
}


#define TAG "AAAAAAAAAAAAAAAAAAAAAA"

Test(auth_hasher, hostile_hashes_are_not_computed) {
    static const char *const bad[] = {
        "$argon2id$v=19$m=1025,t=1,p=1$" SALT "$" TAG,
        "$argon2id$v=19$m=4194304,t=1,p=1$" SALT "$" TAG,
        "$argon2id$v=19$m=4294967296,t=1,p=1$" SALT "$" TAG,
        "$argon2id$v=19$m=99999999999999999999,t=1,p=1$" SALT "$" TAG,
        "$argon2id$v=19$m=-8,t=1,p=1$" SALT "$" TAG,
        "$argon2id$v=19$m=08,t=1,p=1$" SALT "$" TAG,
        "$argon2id$v=19$m=0,t=1,p=1$" SALT "$" TAG,
        "$argon2id$v=19$m=8,t=17,p=1$" SALT "$" TAG,
        "$argon2id$v=19$m=8,t=4294967295,p=1$" SALT "$" TAG,
        "$argon2id$v=19$m=1024,t=1,p=9$" SALT "$" TAG,
        "$argon2id$v=19$m=1024,t=1,p=16777215$" SALT "$" TAG,
        "$argon2id$v=16$m=8,t=1,p=1$" SALT "$" TAG,
        "$argon2id$m=8,t=1,p=1$" SALT "$" TAG,
        "$argon2i$v=19$m=8,t=1,p=1$" SALT "$" TAG,
        "$argon2d$v=19$m=8,t=1,p=1$" SALT "$" TAG,
        "$argon2id$v=19$m=8,t=1,p=1$" SALT "$AAAAAA",
        "$argon2id$v=19$m=8,t=1,p=1$AAAA$" TAG,
        "$argon2id$v=19$m=8,t=1,p=1$" SALT "$" TAG "$",
        "$argon2id$v=19$m=8,t=1,p=1$" SALT "$" TAG "=",
        "$argon2id$v=19$m=8,t=1,p=1$" SALT,
        "$argon2id$v=19$m=8,t=1,p=1,x=1$" SALT "$" TAG,
        "$2b$12$abcdefghijklmnopqrstuuKQ0j9x5dC",
        "plain",
    };
    check_true(hasher_encoded_sound(DM_SLICE("$argon2id$v=19$m=1024,t=16,p=8$" SALT "$" TAG),
                                    1024));
    open_with(2, 16);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct dm_slice hash = dm_slice_str(bad[i]);
        cr_assert(eq(int, hasher_encoded_sound(hash, 1024), 0), "%s", bad[i]);
        cr_assert(eq(int, run_check(DM_SLICE("x"), hash), DM_UNAUTHENTICATED), "%s", bad[i]);
    }
    struct dm_slice nul = DM_SLICE("$argon2id$v=19$m=8,t=1,p=1$" SALT "$" TAG "\0");
    cr_assert(eq(int, hasher_encoded_sound(nul, 1024), 0));
    cr_assert(eq(int, hasher_encoded_sound(DM_SLICE_NONE, 1024), 0));
    char longer[600];
    memset(longer, 'A', sizeof(longer));
    memcpy(longer, "$argon2id$v=19$m=8,t=1,p=1$", 27);
    cr_assert(eq(int, hasher_encoded_sound((struct dm_slice){ longer, sizeof(longer) }, 1024),
                 0));
    /* Within our bounds, but not the library's: at least 8 KiB a lane. */
    cr_assert(eq(int, run_check(DM_SLICE("x"),
                                DM_SLICE("$argon2id$v=19$m=8,t=1,p=8$" SALT "$" TAG)),
                 DM_UNAUTHENTICATED));
    fixture_close(&fixture);
}

Test(auth_hasher, so_many_at_once_and_so_many_waiting) {
    struct answer answers[8] = { 0 };
    open_with(2, 3);
    struct hasher *hasher = &service_of(fixture.auth)->hasher;
    for (size_t i = 0; i < ARRAY_LEN(answers); i++)
        fixture.auth->ops->hash(fixture.auth, DM_SLICE("x"), hashed, &answers[i]);
    cr_assert(eq(u32, hasher->running_count, 2));
    cr_assert(eq(u32, hasher->waiting_count, 3));
    for (size_t i = 0; i < ARRAY_LEN(answers); i++)
        cr_assert(eq(int, answers[i].count, 0));
    fixture_run(&fixture, &finished, 8);
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        cr_assert(eq(int, answers[i].count, 1));
        cr_assert(eq(int, answers[i].status, i < 5 ? DM_OK : DM_UNAVAILABLE), "%zu", i);
    }
    cr_assert(eq(u32, hasher->running_count, 0));
    /* There is room again. */
    struct answer later = run_hash(DM_SLICE("x"));
    cr_assert(eq(int, later.status, DM_OK));
    fixture_close(&fixture);
}

Test(auth_hasher, first_come_first_served) {
    struct answer answers[6] = { 0 };
    open_with(1, 16);
    for (size_t i = 0; i < ARRAY_LEN(answers); i++)
        fixture.auth->ops->check(fixture.auth, DM_SLICE("x"), DM_SLICE_NONE, checked,
                                 &answers[i]);
    fixture_run(&fixture, &finished, 6);
    for (size_t i = 0; i < ARRAY_LEN(answers); i++)
        cr_assert(eq(u32, answers[i].order, (unsigned)i + 1));
    fixture_close(&fixture);
}

Test(auth_hasher, everything_completes_when_the_service_ends) {
    struct answer answers[6] = { 0 };
    open_with(1, 4);
    for (size_t i = 0; i < ARRAY_LEN(answers); i++)
        fixture.auth->ops->hash(fixture.auth, DM_SLICE("x"), hashed, &answers[i]);
    auth_close(fixture.auth, NULL, NULL);
    cr_assert(eq(u32, finished, 0), "not inside the call");
    uv_run(&fixture.loop, UV_RUN_DEFAULT);
    cr_assert(eq(u32, finished, 6));
    for (size_t i = 0; i < ARRAY_LEN(answers); i++)
        cr_assert(eq(int, answers[i].count, 1));
    for (size_t i = 1; i < ARRAY_LEN(answers); i++)
        cr_assert(eq(int, answers[i].status, DM_UNAVAILABLE));
    check_true(uv_loop_close(&fixture.loop) == 0);
}

static void close_inside(void *owner, enum dm_status status) {
    finished++;
    auth_close(fixture.auth, NULL, NULL);
}

Test(auth_hasher, a_completion_may_close_the_service) {
    struct answer answers[3] = { 0 };
    open_with(1, 1);
    fixture.auth->ops->check(fixture.auth, DM_SLICE("x"), DM_SLICE_NONE, close_inside, NULL);
    for (size_t i = 0; i < ARRAY_LEN(answers); i++)
        fixture.auth->ops->check(fixture.auth, DM_SLICE("x"), DM_SLICE_NONE, checked,
                                 &answers[i]);
    uv_run(&fixture.loop, UV_RUN_DEFAULT);
    cr_assert(eq(u32, finished, 4));
    check_true(uv_loop_close(&fixture.loop) == 0);
}

static void again(void *owner, enum dm_status status) {
    struct answer *answer = owner;
    answer->status = status;
    if (++answer->count < 20)
        fixture.auth->ops->check(fixture.auth, DM_SLICE("x"), DM_SLICE_NONE, again, answer);
}

Test(auth_hasher, a_completion_may_start_the_next) {
    struct answer answer = { 0 };
    open_with(2, 2);
    again(&answer, DM_OK);
    fixture_run(&fixture, &answer.count, 20);
    cr_assert(eq(int, answer.status, DM_UNAUTHENTICATED));
    fixture_close(&fixture);
}
