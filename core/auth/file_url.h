/* URLs of the gateway's own files that open by themselves until they expire:
 *
 *     BASE/files/ID/NAME?exp=SECONDS&sig=SIGNATURE
 *
 * The signature is HMAC-SHA-256 (RFC 2104) over id and expiry, cut to 128 bits (section 5), in
 * base64url. Its key comes from the gateway's own key by HKDF (RFC 5869), so that neither kind of
 * signature can stand for the other. The name is there for people and programs that look at URLs;
 * it is not signed and opens nothing. */
#ifndef DRAGOMAN_AUTH_FILE_URL_H
#define DRAGOMAN_AUTH_FILE_URL_H

#include "core/auth/auth.h"
#include "core/engine/file_store.h"

#define FILE_URL_PREFIX "/files/"

struct file_urls;

/* Zero anywhere takes the default named. */
struct file_urls_config {
    struct dm_slice key;        /* of our own issuer: AUTH_KEY_LEN bytes */
    int64_t ttl;                /* seconds; 900 */
    struct dm_slice public_url; /* scheme and host; unsigned URLs below it are our own too. Copied;
                                   may be absent */
    int64_t (*now_us)(void);    /* real time; NULL: the clock */
};

/* Returns 0, -EINVAL for a key of another length, or -ENOSYS when OpenSSL lacks something. */
int file_urls_new(const struct file_urls_config *config, struct file_urls **ret_urls);

/* Another ttl and public_url for what comes from now on; URLs that are out keep their time. */
void file_urls_configure(struct file_urls *urls, int64_t ttl, struct dm_slice public_url);

/* Wipes the key. NULL does nothing. */
void file_urls_free(struct file_urls *urls);

/* Appends the URL of a file, good for ttl seconds from now. `base` has no trailing slash and may
 * be empty: the URL is relative then. */
void file_urls_write(struct file_urls *urls, struct dm_slice base, int64_t id,
                     struct dm_slice name, struct buf *ret_url);

/* What a URL says that a client sent: absolute under any host, or relative to the root. A
 * file_url_check_fn; owner is the struct file_urls. */
enum file_url_kind file_urls_check(void *owner, struct dm_slice url, int64_t *ret_id);

/* Whether the query opens the file now: DM_OK; DM_TOKEN_EXPIRED; DM_FORBIDDEN for a signature that
 * is not ours; DM_UNAUTHENTICATED when there is no exp and no sig in it. */
enum dm_status file_urls_open(struct file_urls *urls, int64_t id, struct dm_slice query);

/* Reads "/files/ID" or "/files/ID/NAME"; NAME is not looked at but must be one segment. Returns 0,
 * or -ENOENT for any other path. */
int file_url_parse_path(struct dm_slice path, int64_t *ret_id);

#endif
