/* Which origins see what. */
#include <criterion/criterion.h>

#include "core/net/cors.h"

static struct http_field sent[3];
static struct http_field got[CORS_FIELDS_MAX];
static size_t count;

static struct http_request request_of(enum http_method method, const char *origin,
                                      const char *asks, const char *headers) {
    const char *const values[] = { origin, asks, headers };
    static const char *const names[] = { "origin", "Access-Control-Request-Method",
                                         "access-control-request-headers" };
    size_t n = 0;

    for (size_t i = 0; i < 3; i++)
        if (values[i])
            sent[n++] = (struct http_field){ dm_slice_str(names[i]), dm_slice_str(values[i]) };
    return (struct http_request){ .method = method, .fields = sent, .field_count = n };
}

/* The value of a field of the answer; NULL when it is not there. */
static const char *find(const char *name) {
    static char text[128];

    for (size_t i = 0; i < count; i++) {
        if (!http_name_is(got[i].name, name))
            continue;
        memcpy(text, got[i].value.ptr, got[i].value.len);
        text[got[i].value.len] = '\0';
        return text;
    }
    return NULL;
}

static void answer(const char *origins, const struct http_request *request) {
    count = cors_fields(dm_slice_str(origins), request, DM_SLICE("GET, POST"), got);
}

Test(cors, any_origin) {
    struct http_request request = request_of(HTTP_METHOD_GET, "https://a.example", NULL, NULL);

    answer("*", &request);
    cr_expect_eq(count, 1);
    cr_expect_str_eq(find("Access-Control-Allow-Origin"), "*");
    request = request_of(HTTP_METHOD_GET, NULL, NULL, NULL);
    answer("*", &request);
    cr_expect_eq(count, 0);
}

Test(cors, named_origins) {
    static const char list[] = "https://a.example,https://b.example  https://c.example:8443";
    static const char *const bad[] = { "https://d.example", "https://a.example.evil", "null",
                                       "https://c.example", "HTTPS://A.EXAMPLE", "a.example",
                                       "https://a.example,https://b.example", "," };
    static const char *const good[] = { "https://a.example", "https://b.example",
                                        "https://c.example:8443" };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct http_request request = request_of(HTTP_METHOD_GET, bad[i], NULL, NULL);

        answer(list, &request);
        cr_expect_eq(count, 1, "%s", bad[i]);
        cr_expect_str_eq(find("Vary"), "Origin");
    }
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct http_request request = request_of(HTTP_METHOD_GET, good[i], NULL, NULL);

        answer(list, &request);
        cr_expect_str_eq(find("Access-Control-Allow-Origin"), good[i]);
        cr_expect_str_eq(find("Access-Control-Allow-Credentials"), "true");
        cr_expect_str_eq(find("Vary"), "Origin");
    }
}

Test(cors, no_origin) {
    struct http_request request = request_of(HTTP_METHOD_GET, "https://a.example", NULL, NULL);

    answer("", &request);
    cr_expect_eq(count, 0);
    answer(NULL, &request);
    cr_expect_eq(count, 0);
}

Test(cors, a_preflight_names_what_it_asks_for) {
    struct http_request request = request_of(HTTP_METHOD_OPTIONS, "https://a.example", "POST",
                                             "authorization, x-y");

    cr_expect(cors_is_preflight(&request));
    answer("*", &request);
    cr_expect_str_eq(find("Access-Control-Allow-Methods"), "GET, POST");
    cr_expect_str_eq(find("Access-Control-Allow-Headers"), "authorization, x-y");
    answer("https://b.example", &request);
    cr_expect_null(find("Access-Control-Allow-Methods"));
    request = request_of(HTTP_METHOD_OPTIONS, "https://a.example", NULL, NULL);
    cr_expect(!cors_is_preflight(&request));
    request = request_of(HTTP_METHOD_POST, "https://a.example", "POST", NULL);
    cr_expect(!cors_is_preflight(&request));
}
