/* Signed URLs of files. */
#include <errno.h>
#include <stdio.h>

#include "core/auth/file_url.h"
#include "tests/unit/auth/support.h"

static struct file_urls *urls;
static struct buf url;

static struct file_urls_config config_of(const char *key) {
    return (struct file_urls_config){ .key = dm_slice_str(key), .ttl = 60,
                                      .public_url = DM_SLICE("https://chat.example"),
                                      .now_us = test_clock };
}

static void setup(void) {
    struct file_urls_config config = config_of(OWN_KEY);
    test_now_us = NOW * 1000000 + 250000;
    check_true(file_urls_new(&config, &urls) == 0);
}

static void teardown(void) {
    file_urls_free(urls);
    buf_fini(&url);
}

TestSuite(file_url, .init = setup, .fini = teardown);

static struct dm_slice make(const char *base, int64_t id, const char *name) {
    buf_reset(&url);
    file_urls_write(urls, dm_slice_str(base), id, dm_slice_str(name), &url);
    return buf_slice(&url);
}

static struct dm_slice query_of(struct dm_slice text) {
    const char *mark = memchr(text.ptr, '?', text.len);
    return (struct dm_slice){ mark + 1, (size_t)(text.ptr + text.len - mark - 1) };
}

static enum file_url_kind kind_of(const char *text, int64_t *ret_id) {
    return file_urls_check(urls, dm_slice_str(text), ret_id);
}

Test(file_url, has_base_id_name_expiry_and_signature) {
    struct dm_slice made = make("https://chat.example", 42, "a b/\xc3\xa9.png");
    const char *head = "https://chat.example/files/42/a%20b%2F%C3%A9.png?exp=1700000060&sig=";
    check_true(made.len == strlen(head) + 22);
    check_true(memcmp(made.ptr, head, strlen(head)) == 0);
}

Test(file_url, opens_until_it_expires) {
    struct dm_slice query = query_of(make("", 42, "a.png"));
    check_true(file_urls_open(urls, 42, query) == DM_OK);
    test_now_us += 59 * INT64_C(1000000);
    check_true(file_urls_open(urls, 42, query) == DM_OK);
    test_now_us += INT64_C(1000000);
    check_true(file_urls_open(urls, 42, query) == DM_TOKEN_EXPIRED);
}

Test(file_url, opens_no_other_file) {
    struct dm_slice query = query_of(make("", 42, "a.png"));
    check_true(file_urls_open(urls, 43, query) == DM_FORBIDDEN);
    check_true(file_urls_open(urls, 4, query) == DM_FORBIDDEN);
}

Test(file_url, any_change_of_the_query_closes_it) {
    struct dm_slice made = query_of(make("", 42, "a.png"));
    char text[128];
    for (size_t i = 0; i < made.len; i++) {
        memcpy(text, made.ptr, made.len);
        text[i] = text[i] == '1' ? '2' : '1';
        check_true(file_urls_open(urls, 42, (struct dm_slice){ text, made.len }) != DM_OK);
    }
    for (size_t len = 0; len < made.len; len++)
        check_true(file_urls_open(urls, 42, (struct dm_slice){ made.ptr, len }) != DM_OK);
    snprintf(text, sizeof(text), "%.*s0", DM_SLICE_FMT(made));
    check_true(file_urls_open(urls, 42, dm_slice_str(text)) == DM_FORBIDDEN);
}

Test(file_url, tells_no_signature_from_a_bad_one) {
    check_true(file_urls_open(urls, 42, DM_SLICE_NONE) == DM_UNAUTHENTICATED);
    check_true(file_urls_open(urls, 42, DM_SLICE("")) == DM_UNAUTHENTICATED);
    check_true(file_urls_open(urls, 42, DM_SLICE("token=x&sigg=1")) == DM_UNAUTHENTICATED);
    check_true(file_urls_open(urls, 42, DM_SLICE("sig=")) == DM_FORBIDDEN);
    check_true(file_urls_open(urls, 42, DM_SLICE("exp=9999999999")) == DM_FORBIDDEN);
}

Test(file_url, other_parameters_do_not_matter) {
    struct dm_slice made = query_of(make("", 42, "a.png"));
    char text[160];
    snprintf(text, sizeof(text), "x&v=1&%.*s&y=2", DM_SLICE_FMT(made));
    check_true(file_urls_open(urls, 42, dm_slice_str(text)) == DM_OK);
}

Test(file_url, another_key_signs_otherwise) {
    struct file_urls_config config = config_of("another key of thirty-two bytes!");
    struct dm_slice query = query_of(make("", 42, "a.png"));
    struct file_urls *other;
    check_true(file_urls_new(&config, &other) == 0);
    check_true(file_urls_open(other, 42, query) == DM_FORBIDDEN);
    file_urls_free(other);
    config.key = DM_SLICE("short");
    check_true(file_urls_new(&config, &other) == -EINVAL);
}

Test(file_url, own_urls_are_known_under_any_host_and_expired) {
    const char *bases[] = { "", "http://10.0.0.7:8080", "https://chat.example", "//cdn.example" };
    int64_t id = 0;
    for (size_t i = 0; i < ARRAY_LEN(bases); i++) {
        struct dm_slice made = make(bases[i], 42, "a.png");
        check_true(file_urls_check(urls, made, &id) == FILE_URL_SIGNED && id == 42);
        test_now_us += 3600 * INT64_C(1000000);
        check_true(file_urls_check(urls, made, &id) == FILE_URL_SIGNED);
    }
}

Test(file_url, forged_ones_are_told) {
    const char *query = "?exp=1700000060&sig=AAAAAAAAAAAAAAAAAAAAAA";
    const char *bases[] = { "", "http://10.0.0.7:8080", "https://chat.example" };
    char text[160];
    int64_t id = 0;
    for (size_t i = 0; i < ARRAY_LEN(bases); i++) {
        snprintf(text, sizeof(text), "%s/files/42/a.png%s", bases[i], query);
        check_true(kind_of(text, &id) == FILE_URL_FORGED && id == 42);
    }
    check_true(kind_of("/files/42/a.png?sig=AAAA", &id) == FILE_URL_FORGED);
    check_true(kind_of("https://chat.example/files/42?exp=1", &id) == FILE_URL_FORGED);
}

Test(file_url, unsigned_ones_are_ours_by_their_place) {
    int64_t id = 0;
    check_true(kind_of("/files/42", &id) == FILE_URL_UNSIGNED && id == 42);
    check_true(kind_of("/files/42/a.png#top", &id) == FILE_URL_UNSIGNED);
    check_true(kind_of("https://chat.example/files/42/a.png", &id) == FILE_URL_UNSIGNED);
    check_true(kind_of("https://other.example/files/42/a.png", &id) == FILE_URL_FOREIGN);
    check_true(kind_of("https://other.example/files/42/a.png?sig=ab", &id) == FILE_URL_FOREIGN);
}

Test(file_url, all_else_is_foreign) {
    const char *texts[] = {
        "", "/", "files/42", "/files", "/files/", "/files/x", "/files/042", "/files/-1",
        "/files/0", "/files/42x", "/files/12345678901234567", "/files/42/a/b", "/file/42",
        "https://other.example/a.png", "https:", "https://", "http://x", "data:,x", "//", "?exp=1",
        "ftp://chat.example/files/42", "/x/files/42",
    };
    int64_t id;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        cr_assert(eq(int, kind_of(texts[i], &id), FILE_URL_FOREIGN), "%s", texts[i]);
    check_true(file_urls_check(urls, DM_SLICE_NONE, &id) == FILE_URL_FOREIGN);
}

Test(file_url, paths_are_read_whole) {
    int64_t id = 0;
    check_true(file_url_parse_path(DM_SLICE("/files/9007199254740991/"), &id) == 0);
    check_true(id == INT64_C(9007199254740991));
    check_true(file_url_parse_path(DM_SLICE("/files/7"), &id) == 0 && id == 7);
    check_true(file_url_parse_path(DM_SLICE("/files/7/x?y"), &id) == 0);
    check_true(file_url_parse_path(DM_SLICE("/files/7/x/"), &id) == -ENOENT);
    check_true(file_url_parse_path(DM_SLICE("/files/ 7"), &id) == -ENOENT);
    check_true(file_url_parse_path(DM_SLICE_NONE, &id) == -ENOENT);
}
