#include <errno.h>

#include "core/base/base64.h"
#include "tests/unit/check.h"

static void check_both_ways(enum base64_alphabet alphabet, struct dm_slice data,
                            const char *text) {
    char encoded[128], decoded[128];
    size_t len = 0;
    size_t encoded_len = base64_encode(alphabet, data.ptr, data.len, encoded);
    cr_assert(eq(sz, encoded_len, base64_encoded_len(alphabet, data.len)));
    check_slice(((struct dm_slice){ encoded, encoded_len }), dm_slice_str(text));
    cr_assert(eq(int, base64_decode(alphabet, dm_slice_str(text), decoded, data.len, &len), 0));
    check_slice(((struct dm_slice){ decoded, len }), data);
    cr_assert(ge(sz, base64_decoded_max(strlen(text)), len));
}

static void check_refused(enum base64_alphabet alphabet, struct dm_slice text) {
    char decoded[64];
    size_t len = 77;
    cr_assert(eq(int, base64_decode(alphabet, text, decoded, sizeof(decoded), &len), -EINVAL),
              "%.*s", DM_SLICE_FMT(text));
    cr_assert(eq(sz, len, 77));
}

/* RFC 4648 section 10. */
Test(base64, agrees_with_the_rfc) {
    check_both_ways(BASE64_STD, DM_SLICE(""), "");
    check_both_ways(BASE64_STD, DM_SLICE("f"), "Zg==");
    check_both_ways(BASE64_STD, DM_SLICE("fo"), "Zm8=");
    check_both_ways(BASE64_STD, DM_SLICE("foo"), "Zm9v");
    check_both_ways(BASE64_STD, DM_SLICE("foob"), "Zm9vYg==");
    check_both_ways(BASE64_STD, DM_SLICE("fooba"), "Zm9vYmE=");
    check_both_ways(BASE64_STD, DM_SLICE("foobar"), "Zm9vYmFy");
}

Test(base64, the_url_alphabet_has_no_padding) {
    check_both_ways(BASE64_URL, DM_SLICE("f"), "Zg");
    check_both_ways(BASE64_URL, DM_SLICE("fo"), "Zm8");
    check_both_ways(BASE64_URL, DM_SLICE("\xfb\xff\xbf"), "-_-_");
    check_both_ways(BASE64_STD, DM_SLICE("\xfb\xff\xbf"), "+/+/");
}

Test(base64, absent_text_decodes_to_nothing) {
    size_t len = 77;
    cr_assert(eq(int, base64_decode(BASE64_STD, DM_SLICE_NONE, NULL, 0, &len), 0));
    cr_assert(eq(sz, len, 0));
}

Test(base64, refuses_bad_text) {
    static const char *const bad[] = {
        "Z", "Zg", "Zg=", "Zm8", "Zm9vY", "=", "==", "===", "====", "Z===", "Zg==Zg==",
        "Zg===", "Zm9v=", "Zm9v====", "Zm=8", "=Zm8", "Zm 8", "Zm8 ", "Zm8\n", "Zm9v\nZm9v",
        "Zh==", "Zm9=", "Zm-_", "Zm\xc3\xa4", "Z@==",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        check_refused(BASE64_STD, dm_slice_str(bad[i]));
    check_refused(BASE64_STD, DM_SLICE("Zm9\0"));
}

Test(base64, refuses_bad_url_text) {
    static const char *const bad[] = { "Z",    "Zg==", "Zm8=", "Zm9vY", "Zh", "Zm9",
                                       "Zm+/", "Z g",  "=",    "====",  "Zm9vZ" };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        check_refused(BASE64_URL, dm_slice_str(bad[i]));
}

Test(base64, respects_the_room) {
    char decoded[4] = "....";
    size_t len = 77;
    cr_assert(eq(int, base64_decode(BASE64_STD, DM_SLICE("Zm9vYg=="), decoded, 3, &len),
                 -ENOSPC));
    cr_assert(eq(sz, len, 77));
    cr_assert(eq(int, memcmp(decoded, "....", 4), 0));
    cr_assert(eq(int, base64_decode(BASE64_STD, DM_SLICE("Zm9vYg=="), decoded, 4, &len), 0));
}

Test(base64, what_decodes_encodes_to_the_same_text) {
    static const char letters[] = "AQgwZ9+/-_=";
    uint64_t state = 21;
    int accepted = 0;
    for (int i = 0; i < 300000; i++) {
        enum base64_alphabet alphabet = i % 2 ? BASE64_STD : BASE64_URL;
        char text[10], decoded[10], again[16];
        size_t len = sequence_next(&state) % sizeof(text), decoded_len;
        for (size_t k = 0; k < len; k++)
            text[k] = letters[sequence_next(&state) % (sizeof(letters) - 1)];
        struct dm_slice slice = { text, len };
        if (base64_decode(alphabet, slice, decoded, sizeof(decoded), &decoded_len) != 0)
            continue;
        accepted++;
        size_t again_len = base64_encode(alphabet, decoded, decoded_len, again);
        check_slice(((struct dm_slice){ again, again_len }), slice);
    }
    cr_assert(gt(int, accepted, 1000));
}

Test(base64, every_byte_string_survives) {
    uint64_t state = 22;
    for (int i = 0; i < 20000; i++) {
        enum base64_alphabet alphabet = i % 2 ? BASE64_STD : BASE64_URL;
        char data[60], text[80], decoded[60];
        size_t len = sequence_next(&state) % sizeof(data), decoded_len = 0;
        for (size_t k = 0; k < len; k++)
            data[k] = (char)sequence_next(&state);
        size_t text_len = base64_encode(alphabet, data, len, text);
        cr_assert(eq(int, base64_decode(alphabet, (struct dm_slice){ text, text_len }, decoded,
                                        sizeof(decoded), &decoded_len), 0));
        check_slice(((struct dm_slice){ decoded, decoded_len }),
                    ((struct dm_slice){ data, len }));
    }
}
