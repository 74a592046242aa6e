/* What no token may be, told of one HS256 issuer. */
#include "tests/unit/auth/support.h"

#define GOOD "\"username\":\"bob\",\"exp\":1700000060"
#define HEADER "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"

static struct service_fixture fixture;
static struct buf token;
static struct signer signer;

static void setup(void) {
    static struct auth_issuer_config issuer;
    issuer = test_issuer();
    struct auth_config config = test_config(&issuer, 1);
    test_now_us = NOW * 1000000;
    fixture_open(&fixture, &config);
    signer = signer_secret(FOREIGN_SECRET);
}

static void teardown(void) {
    fixture_close(&fixture);
    buf_fini(&token);
}

TestSuite(auth_refused, .init = setup, .fini = teardown);

#define check_status(expected, what) \
    cr_assert(eq(int, verify_only(&fixture, &token, "any"), (expected)), "%s", (what))

Test(auth_refused, the_yardstick_is_good) {
    forge(&token, &signer, HEADER, "{" GOOD "}");
    check_status(DM_OK, "yardstick");
}

Test(auth_refused, payloads) {
    static const char *const payloads[] = {
        "{}",
        "[]",
        "\"text\"",
        "null",
        "",
        "{" GOOD "} ,",
        "{" GOOD "}{}",
        "{" GOOD ",}",
        "{" GOOD "} // said",
        "{" GOOD ",\"exp\":1700000060}",
        "{" GOOD ",\"\\u0065xp\":1800000060}",
        "{" GOOD ",\"a\":1,\"a\":2}",
        "{" GOOD ",\"a\":\"\xff\"}",
        "{" GOOD ",\"a\":\"\\ud800\"}",
        "{" GOOD ",\"a\":NaN}",
        "\xef\xbb\xbf{" GOOD "}",
        /* exp */
        "{\"username\":\"bob\"}",
        "{\"username\":\"bob\",\"exp\":\"1700000060\"}",
        "{\"username\":\"bob\",\"exp\":1700000060.0}",
        "{\"username\":\"bob\",\"exp\":1.7e10}",
        "{\"username\":\"bob\",\"exp\":null}",
        "{\"username\":\"bob\",\"exp\":true}",
        "{\"username\":\"bob\",\"exp\":-1}",
        "{\"username\":\"bob\",\"exp\":[1700000060]}",
        "{\"username\":\"bob\",\"exp\":9223372036854775807}",
        "{\"username\":\"bob\",\"exp\":18446744073709551615}",
        "{\"username\":\"bob\",\"exp\":18446744073709551616}",
        "{\"username\":\"bob\",\"exp\":9223372036855}",
        "{\"username\":\"bob\",\"exp\":99999999999999999999999999999999999}",
        /* other times */
        "{" GOOD ",\"nbf\":1700000001}",
        "{" GOOD ",\"nbf\":\"1\"}",
        "{" GOOD ",\"nbf\":1.5}",
        "{" GOOD ",\"iat\":1700000002}",
        "{" GOOD ",\"iat\":1700003600}",
        "{" GOOD ",\"iat\":\"1\"}",
        "{" GOOD ",\"iat\":18446744073709551615}",
        /* the user */
        "{\"exp\":1700000060}",
        "{\"username\":\"\",\"exp\":1700000060}",
        "{\"username\":7,\"exp\":1700000060}",
        "{\"username\":null,\"exp\":1700000060}",
        "{\"username\":\"a\\u0000b\",\"exp\":1700000060}",
        "{\"Username\":\"bob\",\"exp\":1700000060}",
        /* whom it is for and from */
        "{" GOOD ",\"aud\":\"somebody\"}",
        "{" GOOD ",\"aud\":[]}",
        "{" GOOD ",\"iss\":7}",
        /* what it is */
        "{" GOOD ",\"token_type\":\"id\"}",
        "{" GOOD ",\"token_type\":null}",
        "{" GOOD ",\"token_type\":{}}",
    };
    for (size_t i = 0; i < ARRAY_LEN(payloads); i++) {
        forge(&token, &signer, HEADER, payloads[i]);
        check_status(DM_UNAUTHENTICATED, payloads[i]);
    }
}

Test(auth_refused, payloads_that_are_merely_unusual_are_good) {
    static const char *const payloads[] = {
        " {" GOOD "}\n",
        "{" GOOD ",\"nbf\":1700000000,\"iat\":1700000000}",
        "{" GOOD ",\"iat\":0}",
        "{" GOOD ",\"token_type\":\"ACCESS\"}",
        "{" GOOD ",\"token_type\":\"Bearer\"}",
        "{" GOOD ",\"iss\":\"whoever\"}",
        "{" GOOD ",\"a\":{\"x\":1,\"y\":[{},{}]}}",
        "{\"exp\":4611686018427,\"username\":\"bob\"}",
    };
    for (size_t i = 0; i < ARRAY_LEN(payloads); i++) {
        forge(&token, &signer, HEADER, payloads[i]);
        check_status(DM_OK, payloads[i]);
    }
}

Test(auth_refused, headers) {
    static const char *const headers[] = {
        "",
        "{}",
        "[]",
        "null",
        "{\"typ\":\"JWT\"}",
        "{\"alg\":null}",
        "{\"alg\":1}",
        "{\"alg\":[\"HS256\"]}",
        "{\"alg\":\"\"}",
        "{\"alg\":\"none\"}",
        "{\"alg\":\"None\"}",
        "{\"alg\":\"NONE\"}",
        "{\"alg\":\"hs256\"}",
        "{\"alg\":\"HS256 \"}",
        "{\"alg\":\"HS256\\u0000\"}",
        "{\"alg\":\"HS384\"}",
        "{\"alg\":\"HS512\"}",
        "{\"alg\":\"RS256\"}",
        "{\"alg\":\"ES256\"}",
        "{\"alg\":\"PS256\"}",
        "{\"alg\":\"EdDSA\"}",
        "{\"alg\":\"HS256\",\"alg\":\"none\"}",
        "{\"alg\":\"none\",\"alg\":\"HS256\"}",
        "{\"alg\":\"HS256\",\"crit\":[\"b64\"],\"b64\":false}",
        "{\"alg\":\"HS256\",\"crit\":[]}",
        "{\"alg\":\"HS256\",\"crit\":null}",
        "{\"alg\":\"HS256\",\"kid\":7}",
        "{\"alg\":\"HS256\",\"kid\":null}",
        "{\"alg\":\"HS256\",\"typ\":\"dpop+jwt\"}",
        "{\"alg\":\"HS256\",\"typ\":\"logout+jwt\"}",
        "{\"alg\":\"HS256\",\"typ\":7}",
        "{\"alg\":\"HS256\"}}",
        "{\"alg\":\"HS256\"",
    };
    for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
        forge(&token, &signer, headers[i], "{" GOOD "}");
        check_status(DM_UNAUTHENTICATED, headers[i]);
    }
}

Test(auth_refused, headers_that_are_merely_unusual_are_good) {
    static const char *const headers[] = {
        "{\"alg\":\"HS256\"}",
        "{ \"typ\" : \"jwt\", \"alg\" : \"HS256\" }",
        "{\"alg\":\"HS256\",\"typ\":\"at+JWT\"}",
        "{\"alg\":\"HS256\",\"kid\":\"any\"}",
        "{\"alg\":\"HS256\",\"jku\":\"https://example.org/keys\",\"jwk\":{},\"x5c\":[]}",
    };
    for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
        forge(&token, &signer, headers[i], "{" GOOD "}");
        check_status(DM_OK, headers[i]);
    }
}

Test(auth_refused, an_unsigned_token) {
    static const char *const algorithms[] = { "none", "HS256", "nOnE" };
    for (size_t i = 0; i < ARRAY_LEN(algorithms); i++) {
        char header[64];
        snprintf(header, sizeof(header), "{\"alg\":\"%s\"}", algorithms[i]);
        forge(&token, &signer, header, "{" GOOD "}");
        token.len = (size_t)((char *)memrchr(token.data, '.', token.len) - token.data) + 1;
        check_status(DM_UNAUTHENTICATED, algorithms[i]);
        token.len--;
        check_status(DM_UNAUTHENTICATED, algorithms[i]);
    }
}

Test(auth_refused, wrong_numbers_of_parts) {
    static const char *const texts[] = {
        "", ".", "..", "...", "....", "a", "a.b", "a.b.c", "e30.e30.e30", "e30.e30.", ".e30.e30",
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        buf_reset(&token);
        buf_append_str(&token, texts[i]);
        check_status(DM_UNAUTHENTICATED, texts[i]);
    }
    forge(&token, &signer, HEADER, "{" GOOD "}");
    buf_append_str(&token, ".e30");
    check_status(DM_UNAUTHENTICATED, "four parts");
    forge(&token, &signer, HEADER, "{" GOOD "}");
    buf_append_str(&token, "..");
    check_status(DM_UNAUTHENTICATED, "five parts");
    struct auth_claims claims;
    cr_assert(eq(int, fixture.auth->ops->verify(fixture.auth, DM_SLICE_NONE, "any", &claims),
                 DM_UNAUTHENTICATED));
}

Test(auth_refused, anything_around_a_good_token) {
    static const char *const tails[] = { "=", "==", " ", "\n", "A", "AA", "AAA", "AAAA", "&" };
    for (size_t i = 0; i < ARRAY_LEN(tails); i++) {
        forge(&token, &signer, HEADER, "{" GOOD "}");
        buf_append_str(&token, tails[i]);
        check_status(DM_UNAUTHENTICATED, tails[i]);
    }
    forge(&token, &signer, HEADER, "{" GOOD "}");
    buf_append(&token, "\0", 1);
    check_status(DM_UNAUTHENTICATED, "NUL");
    struct buf good = BUF_INIT;
    forge(&good, &signer, HEADER, "{" GOOD "}");
    buf_reset(&token);
    buf_append_str(&token, "Bearer ");
    buf_append_slice(&token, buf_slice(&good));
    check_status(DM_UNAUTHENTICATED, "Bearer");
    buf_fini(&good);
}

/* The last character of 32 bytes carries two bits that mean nothing and must be zero. */
Test(auth_refused, a_signature_spelled_in_another_way) {
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    forge(&token, &signer, HEADER, "{" GOOD "}");
    char *last = &token.data[token.len - 1];
    size_t value = (size_t)(strchr(digits, *last) - digits);
    for (size_t spare = 1; spare < 4; spare++) {
        *last = digits[value | spare];
        check_status(DM_UNAUTHENTICATED, "spare bits");
    }
    *last = digits[value];
    check_status(DM_OK, "canonical");
}

/* Signed as they stand, so that only the spelling is at fault. */
Test(auth_refused, parts_spelled_in_another_way) {
    static const char *const parts[][2] = {
        { "eyJhbGciOiJIUzI1NiJ9=", "eyJ1c2VybmFtZSI6ImJvYiIsImV4cCI6MTcwMDAwMDA2MH0" },
        { "eyJhbGciOiJIUzI1NiJ9", "eyJ1c2VybmFtZSI6ImJvYiIsImV4cCI6MTcwMDAwMDA2MH0=" },
        { "eyJhbGciOiJIUzI1NiJ9", "eyJ1c2VybmFtZSI6ImJvYiIsImV4cCI6MTcwMDAwMDA2MH1" },
        { "eyJhbGciOiJIUzI1NiJ9", "eyJ1c2VybmFtZSI6ImJvYiIs ImV4cCI6MTcwMDAwMDA2MH0" },
        { "eyJhbGciOiJIUzI1NiJ9\n", "eyJ1c2VybmFtZSI6ImJvYiIsImV4cCI6MTcwMDAwMDA2MH0" },
        { "eyJhbGciOiJIUzI1NiJ9", "eyJ1c2VybmFtZSI6ImJvYiIsImV4cCI6MTcwMDAwMDA2MH0A" },
        { "eyJhbGciOiJIUzI1NiJ9", "" },
        { "", "eyJ1c2VybmFtZSI6ImJvYiIsImV4cCI6MTcwMDAwMDA2MH0" },
    };
    buf_append_str(&token, "eyJhbGciOiJIUzI1NiJ9."
                           "eyJ1c2VybmFtZSI6ImJvYiIsImV4cCI6MTcwMDAwMDA2MH0");
    append_signature(&token, &signer);
    check_status(DM_OK, "the plain spelling");
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        buf_reset(&token);
        buf_printf(&token, "%s.%s", parts[i][0], parts[i][1]);
        append_signature(&token, &signer);
        check_status(DM_UNAUTHENTICATED, parts[i][1]);
    }
}

/* A token whose payload is padded to the given number of bytes. */
static void forge_long(size_t payload_len) {
    struct buf payload = BUF_INIT;
    buf_append_str(&payload, "{" GOOD ",\"a\":\"");
    while (payload.len < payload_len - 2)
        buf_append_char(&payload, 'x');
    buf_append_str(&payload, "\"}");
    buf_append_char(&payload, '\0');
    forge(&token, &signer, HEADER, payload.data);
    buf_fini(&payload);
}

Test(auth_refused, a_token_over_the_limit) {
    forge_long(6082);
    check_true(token.len <= AUTH_TOKEN_MAX && token.len > AUTH_TOKEN_MAX - 8);
    check_status(DM_OK, "at the limit");
    forge_long(6088);
    check_true(token.len > AUTH_TOKEN_MAX);
    check_status(DM_UNAUTHENTICATED, "over the limit");
    forge_long(1 << 20);
    check_status(DM_UNAUTHENTICATED, "far over it");
}

Test(auth_refused, deep_and_wide_payloads) {
    struct buf payload = BUF_INIT;
    buf_append_str(&payload, "{" GOOD ",\"a\":");
    for (int i = 0; i < 5900; i++)
        buf_append_char(&payload, '[');
    buf_append_char(&payload, '\0');
    forge(&token, &signer, HEADER, payload.data);
    check_status(DM_UNAUTHENTICATED, "deep");
    buf_reset(&payload);
    buf_append_str(&payload, "{" GOOD);
    for (int i = 0; i < 300; i++)
        buf_printf(&payload, ",\"k%d\":0", i);
    buf_append_str(&payload, "}");
    buf_append_char(&payload, '\0');
    forge(&token, &signer, HEADER, payload.data);
    check_status(DM_UNAUTHENTICATED, "wide");
    buf_fini(&payload);
}

Test(auth_refused, expired_is_said_only_of_what_was_good_once) {
    forge(&token, &signer, HEADER, "{\"username\":\"bob\",\"exp\":1699999999}");
    check_status(DM_TOKEN_EXPIRED, "one second ago");
    forge(&token, &signer, HEADER, "{\"username\":\"bob\",\"exp\":1700000000}");
    check_status(DM_TOKEN_EXPIRED, "now");
    forge(&token, &signer, HEADER, "{\"username\":\"bob\",\"exp\":0}");
    check_status(DM_TOKEN_EXPIRED, "1970");
    forge(&token, &signer, HEADER, "{\"username\":\"bob\",\"exp\":1700000001}");
    check_status(DM_OK, "in a second");
    forge(&token, &signer, HEADER, "{\"exp\":1699999999}");
    check_status(DM_UNAUTHENTICATED, "nobody's");
    forge(&token, &signer, HEADER, "{\"username\":\"bob\",\"exp\":1699999999,\"aud\":\"x\"}");
    check_status(DM_UNAUTHENTICATED, "another's");
    forge(&token, &signer, HEADER, "{\"username\":\"bob\",\"exp\":1699999999,\"nbf\":1800000000}");
    check_status(DM_UNAUTHENTICATED, "from the future");
    struct signer wrong = signer_secret("another secret");
    forge(&token, &wrong, HEADER, "{\"username\":\"bob\",\"exp\":1699999999}");
    check_status(DM_UNAUTHENTICATED, "forged");
}

Test(auth_refused, noise) {
    uint64_t state = 7;
    for (int round = 0; round < 5000; round++) {
        size_t len = sequence_next(&state) % 300;
        buf_reset(&token);
        for (size_t i = 0; i < len; i++) {
            uint64_t r = sequence_next(&state);
            buf_append_char(&token, r % 16 == 0 ? '.' : (char)(r >> 8));
        }
        check_status(DM_UNAUTHENTICATED, "noise");
    }
    /* Noise behind good base64. */
    for (int round = 0; round < 2000; round++) {
        char text[64];
        size_t len = sequence_next(&state) % sizeof(text);
        for (size_t i = 0; i < len; i++)
            text[i] = "{}[]\":,\\ua0e1.-tfn \x80"[sequence_next(&state) % 20];
        buf_reset(&token);
        append_part(&token, DM_SLICE(HEADER));
        buf_append_char(&token, '.');
        append_part(&token, (struct dm_slice){ text, len });
        append_signature(&token, &signer);
        check_status(DM_UNAUTHENTICATED, "noise in JSON");
    }
}
