#include "core/server/admin/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/base/base64.h"
#include "core/base/random.h"
#include "core/base/secret.h"
#include "core/base/words.h"
#include "core/net/address.h"

#define TOKEN_BYTES 24
#define TOKEN_MIN 16
#define TOKEN_MAX 512
#define NAME_MAX_LEN 255

/* ---- the token ---- */

static int write_token(int fd) {
    uint8_t random[TOKEN_BYTES];
    char text[TOKEN_BYTES * 2];
    random_bytes(random, sizeof(random));
    size_t len = base64_encode(BASE64_URL, random, sizeof(random), text);
    text[len++] = '\n';
    ssize_t n = write(fd, text, len);
    int r = n == (ssize_t)len && !fsync(fd) ? 0 : -EIO;
    secret_wipe(random, sizeof(random));
    secret_wipe(text, sizeof(text));
    return r;
}

/* Written aside and linked into place, so that of two processes both find the same one, whole. */
static int make_token(const char *path) {
    char aside[PATH_MAX + 16];
    snprintf(aside, sizeof(aside), "%s.%ld", path, (long)getpid());
    int fd = open(aside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -errno;
    int r = write_token(fd);
    close(fd);
    if (!r && link(aside, path) && errno != EEXIST)
        r = -errno;
    unlink(aside);
    return r;
}

static int digest_token(char *text, size_t len, uint8_t ret_digest[GUARD_DIGEST]) {
    while (len && (text[len - 1] == '\n' || text[len - 1] == '\r' || text[len - 1] == ' '))
        len--;
    for (size_t i = 0; i < len; i++)
        if (text[i] <= ' ' || text[i] > '~')
            return -EINVAL;
    if (len < TOKEN_MIN || len > TOKEN_MAX)
        return -EINVAL;
    SHA256((const unsigned char *)text, len, ret_digest);
    return 0;
}

static int read_token(const char *path, uint8_t ret_digest[GUARD_DIGEST]) {
    char text[TOKEN_MAX + 8];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    ssize_t len = read(fd, text, sizeof(text));
    int r = len < 0 ? -errno : digest_token(text, (size_t)len, ret_digest);
    close(fd);
    secret_wipe(text, sizeof(text));
    return r;
}

static int read_or_make(struct guard *guard, const char *path) {
    int r = read_token(path, guard->digest);
    if (r == -ENOENT)
        r = make_token(path);
    return r ? r : read_token(path, guard->digest);
}

int guard_init(struct guard *guard, struct config *config) {
    struct dm_slice file = config_string(config, "admin_token_file");
    char path[PATH_MAX];
    guard->names = config_string(config, "admin_names");
    snprintf(path, sizeof(path), "%s/admin.token", config_string(config, "state").ptr);
    int r = file.ptr ? read_token(file.ptr, guard->digest) : read_or_make(guard, path);
    if (!r)
        return 0;
    return config_fail(config, "admin_token_file", "%s: %s", file.ptr ? file.ptr : path,
                       r == -EINVAL ? "it holds no token of 16 to 512 visible characters"
                                    : strerror(-r));
}

static int bears_token(const struct guard *guard, const struct http_request *request) {
    struct dm_slice value = http_header(request, "authorization");
    uint8_t digest[GUARD_DIGEST];
    static const char scheme[] = "bearer ";
    size_t len = sizeof(scheme) - 1;
    if (!value.ptr || value.len <= len || strncasecmp(value.ptr, scheme, len))
        return 0;
    while (len < value.len && value.ptr[len] == ' ')
        len++;
    SHA256((const unsigned char *)value.ptr + len, value.len - len, digest);
    return secret_equal(digest, guard->digest, sizeof(digest));
}

/* ---- names and origins ---- */

/* Without a port an IPv6 address stands in brackets (RFC 3986, section 3.2.2). */
static int is_address(struct dm_slice host) {
    struct net_address address;
    return !net_address_parse_ip(host, &address)
           && (address.family == NET_IPV4 || host.ptr[0] == '[');
}

static struct dm_slice without_port(struct dm_slice host) {
    const char *end = host.ptr ? memrchr(host.ptr, ':', host.len) : NULL;
    const char *bracket = host.ptr ? memrchr(host.ptr, ']', host.len) : NULL;
    if (end && (!bracket || bracket < end))
        host.len = (size_t)(end - host.ptr);
    return host;
}

static int is_local_name(const char *name) {
    static const char suffix[] = ".localhost";
    size_t len = strlen(name);
    return !strcasecmp(name, suffix + 1)
           || (len > sizeof(suffix) && !strcasecmp(name + len - (sizeof(suffix) - 1), suffix));
}

static int is_listed(struct dm_slice list, const char *name) {
    struct dm_slice word;
    while (words_next(&list, &word))
        if (word.len == strlen(name) && !strncasecmp(word.ptr, name, word.len))
            return 1;
    return 0;
}

static int host_is_own(const struct guard *guard, const struct http_request *request) {
    struct dm_slice host = without_port(request->host);
    char name[NAME_MAX_LEN + 1];
    if (!host.len || is_address(request->host))
        return 1;
    if (host.len > NAME_MAX_LEN)
        return 0;
    memcpy(name, host.ptr, host.len);
    name[host.len] = '\0';
    return is_local_name(name) || is_listed(guard->names, name);
}

static int origin_is_own(const struct http_request *request) {
    struct dm_slice origin = http_header(request, "origin");
    struct dm_slice site = http_header(request, "sec-fetch-site");
    if (site.ptr && !dm_slice_eq(site, DM_SLICE("same-origin"))
        && !dm_slice_eq(site, DM_SLICE("none")))
        return 0;
    if (!origin.ptr)
        return 1;
    const char *name = memmem(origin.ptr, origin.len, "://", 3);
    size_t at = name ? (size_t)(name - origin.ptr) + 3 : origin.len;
    return origin.len - at == request->host.len && request->host.len
           && !strncasecmp(origin.ptr + at, request->host.ptr, request->host.len);
}

enum guard_verdict guard_judge(const struct guard *guard, const struct http_request *request) {
    if (!host_is_own(guard, request))
        return GUARD_MISDIRECTED;
    if (!origin_is_own(request))
        return GUARD_FOREIGN;
    if (request->remote->family == NET_UNIX || bears_token(guard, request))
        return GUARD_PASSES;
    return GUARD_UNKNOWN;
}
