#include "core/auth/file_url.h"

#include <errno.h>
#include <inttypes.h>
#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/auth/crypto.h"
#include "core/base/base64.h"
#include "core/base/clock.h"
#include "core/base/decimal.h"
#include "core/base/mem.h"
#include "core/base/secret.h"

#define TTL_DEFAULT 900
#define MAC_LEN 16
#define SIGNATURE_LEN 22 /* of MAC_LEN bytes in base64url */
#define NUMBER_MAX ((INT64_C(1) << 53) - 1) /* of ids and times */

struct file_urls {
    struct crypto crypto;
    struct token_key key;
    int64_t ttl;
    char *public_url; /* NULL: none */
    int64_t (*now_us)(void);
};

static int derive(struct dm_slice key, uint8_t ret_key[AUTH_KEY_LEN]) {
    static char digest[] = "SHA256";
    static char info[] = "dragoman file urls 1";
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    EVP_KDF_CTX *context = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)(uintptr_t)key.ptr, key.len),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info, sizeof(info) - 1),
        OSSL_PARAM_construct_end(),
    };
    int good = context && EVP_KDF_derive(context, ret_key, AUTH_KEY_LEN, params) == 1;
    EVP_KDF_CTX_free(context);
    EVP_KDF_free(kdf);
    return good ? 0 : -ENOSYS;
}

static int make_key(struct file_urls *urls, struct dm_slice own_key) {
    uint8_t derived[AUTH_KEY_LEN];
    char error[AUTH_ERROR_SIZE];
    int r = derive(own_key, derived);
    if (r == 0)
        r = token_key_from_secret(&urls->crypto,
                                  (struct dm_slice){ (const char *)derived, sizeof(derived) },
                                  &urls->key, error);
    secret_wipe(derived, sizeof(derived));
    return r;
}

void file_urls_configure(struct file_urls *urls, int64_t ttl, struct dm_slice public_url) {
    urls->ttl = ttl ? ttl : TTL_DEFAULT;
    free(urls->public_url);
    urls->public_url = public_url.len ? mem_dup(public_url.ptr, public_url.len) : NULL;
}

int file_urls_new(const struct file_urls_config *config, struct file_urls **ret_urls) {
    struct file_urls *urls;
    if (config->key.len != AUTH_KEY_LEN)
        return -EINVAL;
    urls = mem_zalloc(sizeof(*urls));
    urls->now_us = config->now_us ? config->now_us : clock_real_us;
    file_urls_configure(urls, config->ttl, config->public_url);
    int r = crypto_init(&urls->crypto);
    if (r == 0)
        r = make_key(urls, config->key);
    if (r != 0) {
        file_urls_free(urls);
        return r;
    }
    *ret_urls = urls;
    return 0;
}

void file_urls_free(struct file_urls *urls) {
    if (!urls)
        return;
    token_key_fini(&urls->key);
    crypto_fini(&urls->crypto);
    free(urls->public_url);
    free(urls);
}

/* ---- signing ---- */

static int sign(struct file_urls *urls, int64_t id, int64_t expires_s,
                char ret_signature[SIGNATURE_LEN]) {
    uint8_t mac[CRYPTO_HASH_LEN];
    char text[64];
    int len = snprintf(text, sizeof(text), "%" PRId64 " %" PRId64, id, expires_s);
    int r = token_key_mac(&urls->key, (struct dm_slice){ text, (size_t)len }, mac);
    if (r == 0)
        base64_encode(BASE64_URL, mac, MAC_LEN, ret_signature);
    return r;
}

static int is_plain(char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-'
           || c == '.' || c == '_' || c == '~';
}

/* RFC 3986, sections 2.1 and 2.3. */
static void append_segment(struct buf *url, struct dm_slice name) {
    for (size_t i = 0; i < name.len; i++) {
        if (is_plain(name.ptr[i]))
            buf_append_char(url, name.ptr[i]);
        else
            buf_printf(url, "%%%02X", (unsigned char)name.ptr[i]);
    }
}

void file_urls_write(struct file_urls *urls, struct dm_slice base, int64_t id,
                     struct dm_slice name, struct buf *ret_url) {
    char signature[SIGNATURE_LEN];
    int64_t expires_s = urls->now_us() / 1000000 + urls->ttl;
    if (sign(urls, id, expires_s, signature) != 0)
        return;
    buf_append_slice(ret_url, base);
    buf_append_str(ret_url, FILE_URL_PREFIX);
    buf_append_i64(ret_url, id);
    buf_append_char(ret_url, '/');
    append_segment(ret_url, name);
    buf_append_str(ret_url, "?exp=");
    buf_append_i64(ret_url, expires_s);
    buf_append_str(ret_url, "&sig=");
    buf_append(ret_url, signature, sizeof(signature));
}

/* ---- reading ---- */

/* Digits only, without leading zeros: one spelling for each number. Returns 0 or -EINVAL. */
static int parse_number(struct dm_slice text, int64_t *ret_number) {
    return decimal_parse(text, NUMBER_MAX, ret_number) || text.ptr[0] == '0' ? -EINVAL : 0;
}

/* Cuts `text` at the first `mark`, which belongs to neither part. */
static struct dm_slice cut(struct dm_slice *text, char mark) {
    const char *at = text->len ? memchr(text->ptr, mark, text->len) : NULL;
    struct dm_slice rest = DM_SLICE_NONE;
    if (at) {
        rest = (struct dm_slice){ at + 1, (size_t)(text->ptr + text->len - at - 1) };
        text->len = (size_t)(at - text->ptr);
    }
    return rest;
}

int file_url_parse_path(struct dm_slice path, int64_t *ret_id) {
    size_t prefix = sizeof(FILE_URL_PREFIX) - 1;
    if (path.len <= prefix || memcmp(path.ptr, FILE_URL_PREFIX, prefix) != 0)
        return -ENOENT;
    struct dm_slice id = { path.ptr + prefix, path.len - prefix };
    struct dm_slice name = cut(&id, '/');
    if (name.len && memchr(name.ptr, '/', name.len))
        return -ENOENT;
    return parse_number(id, ret_id) ? -ENOENT : 0;
}

static struct dm_slice find_parameter(struct dm_slice query, const char *name) {
    while (query.ptr) {
        struct dm_slice rest = cut(&query, '&');
        struct dm_slice value = cut(&query, '=');
        if (value.ptr && dm_slice_eq(query, dm_slice_str(name)))
            return value;
        query = rest;
    }
    return DM_SLICE_NONE;
}

/* DM_OK with the expiry for a signature that is ours; DM_INVALID for what cannot be one;
 * DM_FORBIDDEN; DM_UNAUTHENTICATED when there is none. */
static enum dm_status verify(struct file_urls *urls, int64_t id, struct dm_slice query,
                             int64_t *ret_expires_s) {
    char wanted[SIGNATURE_LEN];
    struct dm_slice expires = find_parameter(query, "exp");
    struct dm_slice signature = find_parameter(query, "sig");
    if (!expires.ptr && !signature.ptr)
        return DM_UNAUTHENTICATED;
    if (signature.len != sizeof(wanted) || parse_number(expires, ret_expires_s) != 0)
        return DM_INVALID;
    if (sign(urls, id, *ret_expires_s, wanted) != 0
        || !secret_equal(wanted, signature.ptr, sizeof(wanted)))
        return DM_FORBIDDEN;
    return DM_OK;
}

enum dm_status file_urls_open(struct file_urls *urls, int64_t id, struct dm_slice query) {
    int64_t expires_s = 0;
    enum dm_status status = verify(urls, id, query, &expires_s);
    if (status == DM_OK && urls->now_us() / 1000000 >= expires_s)
        status = DM_TOKEN_EXPIRED;
    return status == DM_INVALID ? DM_FORBIDDEN : status;
}

/* Splits off "scheme://host" or "//host"; absent for a relative URL. */
static struct dm_slice cut_base(struct dm_slice *url) {
    size_t scheme = 0;
    if (url->len >= 7 && memcmp(url->ptr, "http://", 7) == 0)
        scheme = 5;
    else if (url->len >= 8 && memcmp(url->ptr, "https://", 8) == 0)
        scheme = 6;
    if (!scheme && !(url->len >= 2 && memcmp(url->ptr, "//", 2) == 0))
        return DM_SLICE_NONE;
    const char *host = url->ptr + scheme + 2;
    const char *end = url->ptr + url->len;
    const char *path = memchr(host, '/', (size_t)(end - host));
    struct dm_slice base = { url->ptr, (size_t)((path ? path : end) - url->ptr) };
    *url = (struct dm_slice){ path ? path : end, (size_t)(end - (path ? path : end)) };
    return base;
}

enum file_url_kind file_urls_check(void *owner, struct dm_slice url, int64_t *ret_id) {
    struct file_urls *urls = owner;
    int64_t expires_s = 0;
    (void)cut(&url, '#');
    struct dm_slice base = cut_base(&url);
    struct dm_slice query = cut(&url, '?');
    if (file_url_parse_path(url, ret_id) != 0)
        return FILE_URL_FOREIGN;
    enum dm_status status = verify(urls, *ret_id, query, &expires_s);
    int ours = !base.ptr || dm_slice_eq(base, dm_slice_str(urls->public_url));
    if (status == DM_OK)
        return FILE_URL_SIGNED;
    /* Under another host: what looks like our signature is meant as one, all else is theirs. */
    if (status == DM_FORBIDDEN || (status == DM_INVALID && ours))
        return FILE_URL_FORGED;
    return ours ? FILE_URL_UNSIGNED : FILE_URL_FOREIGN;
}
