/* TLS 1.2 and 1.3 (RFC 5246, RFC 8446) between a stream and its descriptor, server side. OpenSSL
 * is known to tls.c alone.
 *
 * One certificate for every name a client asks for. ALPN (RFC 7301): http/1.1; a client that offers
 * others only is refused. Tickets resume sessions (RFC 5077, RFC 8446 section 4.6.1); nothing is
 * kept here for them. Renegotiation, compression and early data are refused. The handshake runs
 * inside the stream's first reads, under its owner's deadline. What is no TLS, or violates it, ends
 * the stream with STREAM_END_ERROR after the alert that says so; the peer's close_notify, or the
 * end of its bytes without one, is the end of its direction, for HTTP and WebSocket know lengths of
 * their own. Between records a connection holds no buffers. */
#ifndef DRAGOMAN_NET_TLS_H
#define DRAGOMAN_NET_TLS_H

#include "core/net/stream.h"

struct tls;

/* PEM files. Borrowed for the call. */
struct tls_config {
    const char *certificate; /* the server's own first, then those that lead to the root */
    const char *key;         /* without a passphrase; NULL: in the certificate's file */
};

#define TLS_ERROR_SIZE 512

/* Reads both files. Returns 0, or -EINVAL with one line in ret_error that names the file. */
int tls_new(const struct tls_config *config, struct tls **ret_tls,
            char ret_error[TLS_ERROR_SIZE]);

/* Puts what fresh was made of in the place of tls's own, for streams that begin from now on; those
 * that live are not disturbed. Frees fresh. So that files can be read elsewhere, tls_new may run on
 * any thread. */
void tls_replace(struct tls *tls, struct tls *fresh);

/* When the certificate expires, in seconds since 1970. */
int64_t tls_expires(const struct tls *tls);

/* Streams that live are not disturbed. NULL does nothing. */
void tls_free(struct tls *tls);

/* A layer for stream_init; tls need not outlive it. NULL when OpenSSL has no memory for it. */
struct stream_layer *tls_layer(struct tls *tls);

#endif
