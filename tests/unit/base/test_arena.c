#include <signal.h>

#include "core/base/arena.h"
#include "tests/unit/check.h"

static void check_aligned(const void *ptr) {
    cr_assert(eq(sz, (uintptr_t)ptr % 8, 0));
}

Test(arena, allocations_are_aligned_distinct_and_writable) {
    struct arena arena;
    char *blocks[200];
    arena_init(&arena, 256);
    for (size_t i = 0; i < ARRAY_LEN(blocks); i++) {
        blocks[i] = arena_alloc(&arena, i);
        check_aligned(blocks[i]);
        memset(blocks[i], (int)i, i);
    }
    for (size_t i = 0; i < ARRAY_LEN(blocks); i++) {
        for (size_t k = 0; k < i; k++)
            cr_assert(eq(int, (unsigned char)blocks[i][k], (int)i));
    }
    arena_fini(&arena);
}

Test(arena, nothing_is_a_valid_pointer) {
    struct arena arena;
    arena_init(&arena, 64);
    cr_assert(ne(ptr, arena_alloc(&arena, 0), NULL));
    arena_fini(&arena);
}

Test(arena, zalloc_zeroes_used_memory) {
    struct arena arena;
    arena_init(&arena, 128);
    memset(arena_alloc(&arena, 100), 'x', 100);
    arena_reset(&arena);
    const char *zeroed = arena_zalloc(&arena, 100);
    for (int i = 0; i < 100; i++)
        cr_assert(eq(chr, zeroed[i], 0));
    arena_fini(&arena);
}

Test(arena, an_embedded_chunk_is_used_first_and_again) {
    struct arena arena;
    uint64_t memory[16];
    arena_init_with(&arena, memory, sizeof(memory), 256);
    cr_assert(eq(ptr, arena_alloc(&arena, 64), memory));
    cr_assert(eq(ptr, arena_alloc(&arena, 64), memory + 8));
    char *outside = arena_alloc(&arena, 8);
    check_true(outside < (char *)memory || outside >= (char *)(memory + 16));
    arena_reset(&arena);
    cr_assert(eq(ptr, arena_alloc(&arena, 64), memory));
    arena_fini(&arena);
    memset(memory, 0, sizeof(memory));
}

Test(arena, an_embedded_chunk_may_be_odd_or_empty) {
    struct arena arena;
    uint64_t memory[2];
    arena_init_with(&arena, memory, 13, 64);
    cr_assert(eq(ptr, arena_alloc(&arena, 8), memory));
    memset(arena_alloc(&arena, 8), 'x', 8);
    arena_fini(&arena);
    arena_init_with(&arena, memory, 0, 64);
    memset(arena_alloc(&arena, 40), 'x', 40);
    arena_fini(&arena);
}

Test(arena, reset_keeps_the_first_chunk_only) {
    struct arena arena;
    arena_init(&arena, 128);
    void *first = arena_alloc(&arena, 16);
    for (int i = 0; i < 100; i++)
        memset(arena_alloc(&arena, 60), 'x', 60);
    arena_reset(&arena);
    cr_assert(eq(sz, arena_used(&arena), 0));
    void *again = arena_alloc(&arena, 16);
    cr_assert(ne(ptr, again, NULL));
    memset(again, 'y', 16);
    (void)first;
    arena_fini(&arena);
}

Test(arena, a_large_request_does_not_end_the_current_chunk) {
    struct arena arena;
    arena_init(&arena, 128);
    char *before = arena_alloc(&arena, 16);
    memset(arena_alloc(&arena, 100000), 'x', 100000);
    cr_assert(eq(ptr, arena_alloc(&arena, 16), before + 16));
    arena_reset(&arena);
    memset(arena_alloc(&arena, 100000), 'x', 100000);
    arena_fini(&arena);
}

Test(arena, a_large_first_request_is_not_kept) {
    struct arena arena;
    arena_init(&arena, 64);
    memset(arena_alloc(&arena, 1 << 20), 'x', 1 << 20);
    arena_reset(&arena);
    cr_assert(eq(ptr, arena.chunks, NULL));
    arena_fini(&arena);
}

Test(arena, dup_ends_in_nul) {
    struct arena arena;
    arena_init(&arena, 64);
    char *copy = arena_dup(&arena, "ab\0c", 4);
    cr_assert(eq(int, memcmp(copy, "ab\0c\0", 5), 0));
    char *empty = arena_dup(&arena, NULL, 0);
    cr_assert(eq(chr, *empty, 0));
    arena_fini(&arena);
}

Test(arena, slices_keep_absent_and_empty_apart) {
    struct arena arena;
    arena_init(&arena, 64);
    check_slice(arena_slice(&arena, DM_SLICE_NONE), DM_SLICE_NONE);
    check_slice(arena_slice(&arena, DM_SLICE("")), DM_SLICE(""));
    struct dm_slice copy = arena_slice(&arena, DM_SLICE("text"));
    check_slice(copy, DM_SLICE("text"));
    cr_assert(eq(chr, copy.ptr[copy.len], 0));
    arena_fini(&arena);
}

Test(arena, counts_what_it_hands_out) {
    struct arena arena;
    arena_init(&arena, 64);
    arena_alloc(&arena, 1);
    arena_alloc(&arena, 8);
    arena_alloc(&arena, 1000);
    cr_assert(eq(sz, arena_used(&arena), 1016));
    arena_fini(&arena);
}

Test(arena, an_absurd_size_aborts, .signal = SIGABRT) {
    struct arena arena;
    arena_init(&arena, 64);
    arena_alloc(&arena, SIZE_MAX);
}

Test(arena, use_after_fini_aborts, .signal = SIGABRT) {
    struct arena arena;
    arena_init(&arena, 64);
    arena_fini(&arena);
    arena_alloc(&arena, 1);
}
