#include "core/net/tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "core/base/log.h"
#include "core/base/mem.h"

/* Section 5.1 of RFC 8446: what one record holds. */
#define RECORD_MAX 16384

/* Calls of recv per call of the layer. OpenSSL reads on behind records that carry no data: who
 * sends nothing else, as fast as they can be read, would keep it, and the loop with it. */
#define READS_MAX 2

/* TLS 1.2 with forward secrecy and authenticated encryption only. */
#define CIPHERS_1_2 "ECDHE+AESGCM:ECDHE+CHACHA20"

struct tls {
    SSL_CTX *context;
};

struct tls_stream {
    struct stream_layer layer;
    SSL *ssl;
    int fd; /* -1: not told yet */
    int reads; /* left in this call */
};

/* ---- certificates ---- */

static int fail(char ret_error[TLS_ERROR_SIZE], const char *path, const char *what) {
    unsigned long code = ERR_peek_error();
    const char *reason = code ? ERR_reason_error_string(code) : NULL;
    if (code && ERR_SYSTEM_ERROR(code))
        reason = strerror((int)ERR_GET_REASON(code));
    else if (ERR_GET_REASON(code) == ERR_R_UNSUPPORTED)
        reason = "it holds none in PEM";
    snprintf(ret_error, TLS_ERROR_SIZE, "%s: %s%s%s", path, what, reason ? ": " : "",
             reason ? reason : "");
    ERR_clear_error();
    return -EINVAL;
}

/* Nobody sits there to type one. */
static int no_passphrase(char *text, int size, int is_writing, void *userdata) {
    (void)text, (void)size, (void)is_writing, (void)userdata;
    return -1;
}

static int choose_protocol(SSL *ssl, const unsigned char **ret_protocol, unsigned char *ret_len,
                           const unsigned char *offered, unsigned offered_len, void *userdata) {
    static const unsigned char ours[] = "\x08http/1.1";
    unsigned char *chosen;
    (void)ssl, (void)userdata;
    if (SSL_select_next_proto(&chosen, ret_len, ours, sizeof(ours) - 1, offered, offered_len)
        != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *ret_protocol = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static int set_up(SSL_CTX *context) {
    static const unsigned char id[] = "dragoman";
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION
                                     | SSL_OP_CIPHER_SERVER_PREFERENCE
                                     | SSL_OP_PRIORITIZE_CHACHA
                                     | SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE
                                  | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(context, 1);
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_default_passwd_cb(context, no_passphrase);
    SSL_CTX_set_alpn_select_cb(context, choose_protocol, NULL);
    return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION)
           && SSL_CTX_set_cipher_list(context, CIPHERS_1_2)
           && SSL_CTX_set_session_id_context(context, id, sizeof(id) - 1);
}

static int load(SSL_CTX *context, const struct tls_config *config,
                char ret_error[TLS_ERROR_SIZE]) {
    const char *key = config->key ? config->key : config->certificate;
    if (SSL_CTX_use_certificate_chain_file(context, config->certificate) != 1)
        return fail(ret_error, config->certificate, "cannot be used as a certificate");
    if (SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1)
        return fail(ret_error, key, "cannot be used as the certificate's key");
    return 0;
}

static int context_new(const struct tls_config *config, SSL_CTX **ret_context,
                       char ret_error[TLS_ERROR_SIZE]) {
    ERR_clear_error();
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    int r = !context || !set_up(context) ? fail(ret_error, "TLS", "cannot be set up")
                                         : load(context, config, ret_error);
    if (r < 0)
        SSL_CTX_free(context);
    else
        *ret_context = context;
    return r;
}

int tls_new(const struct tls_config *config, struct tls **ret_tls,
            char ret_error[TLS_ERROR_SIZE]) {
    SSL_CTX *context;
    int r = context_new(config, &context, ret_error);
    if (r < 0)
        return r;
    struct tls *tls = mem_zalloc(sizeof(*tls));
    tls->context = context;
    *ret_tls = tls;
    return 0;
}

void tls_replace(struct tls *tls, struct tls *fresh) {
    SSL_CTX *old = tls->context;
    tls->context = fresh->context;
    fresh->context = old;
    /* Streams that live hold references of their own. */
    tls_free(fresh);
}

int64_t tls_expires(const struct tls *tls) {
    struct tm end;
    if (!ASN1_TIME_to_tm(X509_get0_notAfter(SSL_CTX_get0_certificate(tls->context)), &end))
        return 0;
    return timegm(&end);
}

void tls_free(struct tls *tls) {
    if (!tls)
        return;
    SSL_CTX_free(tls->context);
    free(tls);
}

/* ---- the layer ---- */

static struct tls_stream *of_layer(const struct stream_layer *layer) {
    return container_of((struct stream_layer *)(uintptr_t)layer, struct tls_stream, layer);
}

/* Around each operation on the descriptor; before a read, anything but `result` is its outcome. */
static long count_read(BIO *bio, int operation, const char *data, size_t len, int argi, long argl,
                       int result, size_t *processed) {
    struct tls_stream *tls = (struct tls_stream *)(void *)BIO_get_callback_arg(bio);
    (void)data, (void)len, (void)argi, (void)argl, (void)processed;
    if (operation != BIO_CB_READ || tls->reads-- > 0)
        return result;
    BIO_clear_retry_flags(bio);
    BIO_set_retry_read(bio);
    return -1;
}

static void set_descriptor(struct tls_stream *tls, int fd) {
    if (SSL_set_fd(tls->ssl, fd) != 1)
        return;
    tls->fd = fd;
    BIO_set_callback_ex(SSL_get_rbio(tls->ssl), count_read);
    BIO_set_callback_arg(SSL_get_rbio(tls->ssl), (char *)tls);
}

/* Before each call of OpenSSL's: its answer lies in the thread's queue of errors afterwards. */
static SSL *begin(struct stream_layer *layer, int fd) {
    struct tls_stream *tls = of_layer(layer);
    ERR_clear_error();
    if (tls->fd != fd)
        set_descriptor(tls, fd);
    tls->reads = READS_MAX;
    return tls->ssl;
}

static void log_failure(const SSL *ssl) {
    const char *reason = ERR_reason_error_string(ERR_peek_error());
    log_event(LOG_LEVEL_DEBUG, SSL_in_init(ssl) ? "TLS handshake failed" : "TLS violated",
              LOG_STR("reason", reason ? reason : "unknown"));
}

/* What a call that did not succeed comes to. */
static ssize_t outcome(const SSL *ssl, unsigned *ret_want) {
    int error = errno;
    switch (SSL_get_error(ssl, 0)) {
    case SSL_ERROR_WANT_READ:
        *ret_want = STREAM_WANT_READ;
        return -EAGAIN;
    case SSL_ERROR_WANT_WRITE:
        *ret_want = STREAM_WANT_WRITE;
        return -EAGAIN;
    case SSL_ERROR_ZERO_RETURN:
        return 0;
    case SSL_ERROR_SYSCALL:
        return error && error != EAGAIN ? -error : -ECONNRESET;
    default:
        log_failure(ssl);
        ERR_clear_error();
        return -EPROTO;
    }
}

static ssize_t tls_read(struct stream_layer *layer, int fd, void *data, size_t len,
                        unsigned *ret_want) {
    SSL *ssl = begin(layer, fd);
    size_t n;
    errno = 0;
    return SSL_read_ex(ssl, data, len, &n) ? (ssize_t)n : outcome(ssl, ret_want);
}

/* How far a write has come. */
struct cursor {
    const struct iovec *iov;
    int count;
    size_t at; /* in iov[0] */
};

static struct dm_slice front(const struct cursor *cursor) {
    return (struct dm_slice){ (const char *)cursor->iov->iov_base + cursor->at,
                              cursor->iov->iov_len - cursor->at };
}

static void advance(struct cursor *cursor, size_t len) {
    while (cursor->count > 0 && len >= front(cursor).len) {
        len -= front(cursor).len;
        cursor->iov++;
        cursor->count--;
        cursor->at = 0;
    }
    cursor->at += len;
}

/* One record's worth, copied together where it lies in several pieces: a record of its own for each
 * would cost the peer more. What OpenSSL wants to have repeated after EAGAIN is repeated so: the
 * bytes are the same, and at least as many. */
static struct dm_slice next_record(const struct cursor *cursor, char memory[RECORD_MAX]) {
    struct cursor ahead = *cursor;
    size_t len = 0;
    if (cursor->count == 1 || front(cursor).len >= RECORD_MAX)
        return (struct dm_slice){ front(cursor).ptr,
                                  front(cursor).len < RECORD_MAX ? front(cursor).len
                                                                 : RECORD_MAX };
    while (ahead.count > 0 && len < RECORD_MAX) {
        size_t n = front(&ahead).len < RECORD_MAX - len ? front(&ahead).len : RECORD_MAX - len;
        memcpy(memory + len, front(&ahead).ptr, n);
        advance(&ahead, n);
        len += n;
    }
    return (struct dm_slice){ memory, len };
}

static ssize_t tls_write(struct stream_layer *layer, int fd, const struct iovec *iov, int count,
                         unsigned *ret_want) {
    struct cursor cursor = { iov, count, 0 };
    char memory[RECORD_MAX];
    size_t total = 0;
    while (cursor.count > 0) {
        SSL *ssl = begin(layer, fd);
        struct dm_slice record = next_record(&cursor, memory);
        size_t n;
        errno = 0;
        if (!SSL_write_ex(ssl, record.ptr, record.len, &n)) {
            ssize_t r = outcome(ssl, ret_want);
            if (total == 0)
                return r == 0 ? -EPIPE : r;
            return (ssize_t)total;
        }
        advance(&cursor, n);
        total += n;
    }
    return (ssize_t)total;
}

/* close_notify, and the end of the bytes behind it. */
static int tls_shutdown(struct stream_layer *layer, int fd, unsigned *ret_want) {
    SSL *ssl = begin(layer, fd);
    errno = 0;
    if (!SSL_in_init(ssl) && SSL_shutdown(ssl) < 0 && outcome(ssl, ret_want) == -EAGAIN)
        return -EAGAIN;
    return shutdown(fd, SHUT_WR) == 0 ? 0 : -errno;
}

static int tls_pending(const struct stream_layer *layer) {
    return SSL_has_pending(of_layer(layer)->ssl);
}

static void tls_layer_free(struct stream_layer *layer) {
    struct tls_stream *tls = of_layer(layer);
    SSL_free(tls->ssl);
    free(tls);
}

static const struct stream_layer_ops tls_ops = {
    .read = tls_read,
    .write = tls_write,
    .shutdown = tls_shutdown,
    .pending = tls_pending,
    .free = tls_layer_free,
};

struct stream_layer *tls_layer(struct tls *tls) {
    SSL *ssl = SSL_new(tls->context);
    if (!ssl)
        return NULL;
    struct tls_stream *stream = mem_zalloc(sizeof(*stream));
    SSL_set_accept_state(ssl);
    stream->layer.ops = &tls_ops;
    stream->ssl = ssl;
    stream->fd = -1;
    return &stream->layer;
}
