#include <sys/wait.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/random.h"
#include "core/base/secret.h"
#include "tests/unit/check.h"

Test(random, fills_exactly_what_it_was_given) {
    unsigned char bytes[1000] = { 0 };
    int set = 0;
    random_bytes(bytes, 0);
    cr_assert(eq(int, bytes[0], 0));
    random_bytes(bytes, 999);
    for (size_t i = 0; i < 999; i++)
        set += bytes[i] != 0;
    cr_assert(gt(int, set, 900));
    cr_assert(eq(int, bytes[999], 0));
}

Test(random, the_fast_generator_sets_every_bit_half_of_the_time) {
    int ones[64] = { 0 };
    for (int i = 0; i < 10000; i++) {
        uint64_t value = random_fast_u64();
        for (int bit = 0; bit < 64; bit++)
            ones[bit] += (int)(value >> bit & 1);
    }
    for (int bit = 0; bit < 64; bit++) {
        cr_assert(gt(int, ones[bit], 4500));
        cr_assert(lt(int, ones[bit], 5500));
    }
}

Test(random, a_forked_child_goes_its_own_way) {
    int pipe_fds[2];
    uint64_t child = 0;
    random_fast_u64();
    cr_assert(eq(int, pipe(pipe_fds), 0));
    pid_t pid = fork();
    cr_assert(ge(int, pid, 0));
    if (pid == 0) {
        uint64_t value = random_fast_u64();
        _exit(write(pipe_fds[1], &value, sizeof(value)) != sizeof(value));
    }
    uint64_t parent = random_fast_u64();
    cr_assert(eq(sz, (size_t)read(pipe_fds[0], &child, sizeof(child)), sizeof(child)));
    waitpid(pid, NULL, 0);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
    cr_assert(ne(u64, child, parent));
}

static void check_shape(const struct dm_uuid *uuid, int version) {
    cr_assert(eq(int, uuid->bytes[6] >> 4, version));
    cr_assert(eq(int, uuid->bytes[8] >> 6, 2));
}

static uint64_t uuid_ms(const struct dm_uuid *uuid) {
    uint64_t ms = 0;
    for (int i = 0; i < 6; i++)
        ms = ms << 8 | uuid->bytes[i];
    return ms;
}

Test(uuid, version_7_ascends_and_tells_the_time) {
    struct dm_uuid last, next;
    uint64_t before = (uint64_t)clock_real_us() / 1000;
    uuid_new_v7(&last);
    cr_assert(ge(u64, uuid_ms(&last), before));
    for (int i = 0; i < 20000; i++) {
        uuid_new_v7(&next);
        check_shape(&next, 7);
        cr_assert(gt(int, memcmp(next.bytes, last.bytes, 16), 0));
        last = next;
    }
    /* Counting on may run ahead of the clock, at most by one tick (a quarter of 1 us) per id. */
    cr_assert(le(u64, uuid_ms(&last), (uint64_t)clock_real_us() / 1000 + 20000 / 4096 + 1));
}

Test(uuid, version_4_differs) {
    struct dm_uuid last, next;
    uuid_random(&last);
    for (int i = 0; i < 1000; i++) {
        uuid_random(&next);
        check_shape(&next, 4);
        cr_assert(eq(int, dm_uuid_eq(&next, &last), 0));
        last = next;
    }
}

Test(uuid, text_and_bytes_match) {
    struct dm_uuid uuid, again;
    char text[DM_UUID_TEXT_LEN + 1];
    for (int i = 0; i < 1000; i++) {
        uuid_random(&uuid);
        dm_uuid_format(&uuid, text);
        cr_assert(eq(int, dm_uuid_parse(dm_slice_str(text), &again), 0));
        cr_assert(eq(int, dm_uuid_eq(&uuid, &again), 1));
    }
}

Test(uuid, bad_text_is_refused) {
    static const char *const bad[] = {
        "", "0", "00000000-0000-0000-0000-00000000000", "00000000-0000-0000-0000-0000000000000",
        "00000000000000000000000000000000", "{0000000-0000-0000-0000-00000000000}",
        "0000000-00000-0000-0000-000000000000", "g0000000-0000-0000-0000-000000000000",
        "00000000-0000-0000-0000-00000000000g", "00000000-0000-0000-0000-0000000000 0",
        "00000000_0000-0000-0000-000000000000", "000000000-000-0000-0000-000000000000",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct dm_uuid uuid = { { 1 } };
        cr_assert(eq(int, dm_uuid_parse(dm_slice_str(bad[i]), &uuid), -1), "%s", bad[i]);
        cr_assert(eq(int, uuid.bytes[0], 1));
    }
}

Test(secret, equality_sees_every_byte) {
    char a[33] = "0123456789abcdef0123456789abcdef", b[33];
    for (size_t i = 0; i < 32; i++) {
        for (int bit = 0; bit < 8; bit++) {
            memcpy(b, a, sizeof(b));
            cr_assert(eq(int, secret_equal(a, b, 32), 1));
            b[i] = (char)(b[i] ^ (1 << bit));
            cr_assert(eq(int, secret_equal(a, b, 32), 0));
        }
    }
    cr_assert(eq(int, secret_equal(a, "x", 0), 1));
    cr_assert(eq(int, secret_equal(NULL, NULL, 0), 1));
}

Test(secret, wipe_clears_exactly_what_it_was_given) {
    char text[] = "password!";
    secret_wipe(text, 8);
    cr_assert(eq(int, memcmp(text, "\0\0\0\0\0\0\0\0!", 10), 0));
    secret_wipe(NULL, 0);
}
