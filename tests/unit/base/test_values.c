#include <ctype.h>
#include <signal.h>
#include <stdlib.h>

#include "core/base/mem.h"
#include "core/base/status.h"
#include "tests/unit/check.h"

Test(slice, absent_and_empty_differ) {
    cr_assert(eq(int, dm_slice_eq(DM_SLICE_NONE, DM_SLICE_NONE), 1));
    cr_assert(eq(int, dm_slice_eq(DM_SLICE(""), DM_SLICE("")), 1));
    cr_assert(eq(int, dm_slice_eq(DM_SLICE_NONE, DM_SLICE("")), 0));
    cr_assert(eq(int, dm_slice_eq(DM_SLICE("a"), DM_SLICE("b")), 0));
    cr_assert(eq(int, dm_slice_eq(DM_SLICE("a"), DM_SLICE("ab")), 0));
    check_slice(dm_slice_str(NULL), DM_SLICE_NONE);
    check_slice(dm_slice_str("ab"), DM_SLICE("ab"));
}

Test(status, every_outcome_has_its_own_word) {
    for (int i = 0; i < DM_STATUS_COUNT; i++) {
        const char *name = dm_status_name((enum dm_status)i);
        cr_assert(ne(ptr, (void *)name, NULL));
        for (const char *p = name; *p; p++)
            check_true(islower((unsigned char)*p) || *p == '_');
        for (int k = 0; k < i; k++)
            cr_assert(ne(int, strcmp(name, dm_status_name((enum dm_status)k)), 0));
    }
}

Test(status, a_value_out_of_range_is_unknown) {
    check_slice(dm_slice_str(dm_status_name(DM_STATUS_COUNT)), DM_SLICE("unknown"));
    check_slice(dm_slice_str(dm_status_name((enum dm_status)-5)), DM_SLICE("unknown"));
}

Test(mem, allocates_zeroes_and_copies) {
    char *zeroed = mem_zalloc(100);
    for (int i = 0; i < 100; i++)
        cr_assert(eq(chr, zeroed[i], 0));
    zeroed = mem_realloc(zeroed, 200);
    memset(zeroed, 'x', 200);
    free(zeroed);
    char *copy = mem_dup("a\0b", 3);
    cr_assert(eq(int, memcmp(copy, "a\0b\0", 4), 0));
    free(copy);
    copy = mem_dup(NULL, 0);
    cr_assert(eq(chr, *copy, 0));
    free(copy);
    void *nothing = mem_alloc(0);
    cr_assert(ne(ptr, nothing, NULL));
    free(nothing);
    int *many = mem_calloc(10, sizeof(*many));
    cr_assert(eq(int, many[9], 0));
    free(many);
}

Test(mem, an_overflowing_product_aborts, .signal = SIGABRT) {
    mem_calloc(SIZE_MAX / 2, 3);
}
