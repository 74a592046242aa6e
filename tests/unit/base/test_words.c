#include "core/base/words.h"
#include "tests/unit/check.h"

Test(words, come_one_by_one) {
    struct dm_slice rest = DM_SLICE(" ,one two,\t,three\n"), word;
    check_true(words_next(&rest, &word));
    check_slice(word, DM_SLICE("one"));
    check_true(words_next(&rest, &word));
    check_slice(word, DM_SLICE("two"));
    check_true(words_next(&rest, &word));
    check_slice(word, DM_SLICE("three"));
    check_true(!words_next(&rest, &word));
    check_true(!words_next(&rest, &word));
}

Test(words, may_be_none) {
    static const char *const texts[] = { "", " ", ",", " ,\n\t, " };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct dm_slice rest = dm_slice_str(texts[i]), word;
        check_true(!words_next(&rest, &word));
    }
    struct dm_slice absent = DM_SLICE_NONE, word;
    check_true(!words_next(&absent, &word));
}

Test(words, are_found_whole) {
    struct dm_slice text = DM_SLICE("https://a.example, https://b.example *");
    check_true(words_have(text, DM_SLICE("https://b.example")));
    check_true(words_have(text, DM_SLICE("*")));
    check_true(!words_have(text, DM_SLICE("https://b.exampl")));
    check_true(!words_have(text, DM_SLICE("")));
    check_true(!words_have(DM_SLICE_NONE, DM_SLICE("*")));
}
