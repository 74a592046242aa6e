/* TLS below a stream, with OpenSSL's own client on the other side. */
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/net/tls.h"
#include "tests/unit/net/certificate.h"
#include "tests/unit/net/stream_check.h"

struct peer {
    struct fixture f;
    SSL_CTX *context;
    SSL *ssl;
};

static struct certificate certificate;
static struct tls *tls;
static char error[TLS_ERROR_SIZE];

static struct tls_config files(void) {
    return (struct tls_config){ certificate.chain, certificate.key };
}

static void setup(void) {
    certificate_make(&certificate, "first");
    struct tls_config config = files();
    cr_assert(eq(int, tls_new(&config, &tls, error), 0), "%s", error);
}

static void teardown(void) {
    tls_free(tls);
    certificate_remove(&certificate);
}

TestSuite(tls, .init = setup, .fini = teardown);

static void peer_open(struct peer *peer) {
    fixture_open(&peer->f, tls_layer(tls), &fixture_handler);
    fcntl(peer->f.peer, F_SETFL, O_NONBLOCK);
    peer->context = SSL_CTX_new(TLS_client_method());
    peer->ssl = SSL_new(peer->context);
    SSL_set_connect_state(peer->ssl);
    SSL_set_fd(peer->ssl, peer->f.peer);
}

/* 1 once the handshake is done, 0 when it has failed. */
static int peer_shake(struct peer *peer) {
    for (int i = 0; i < 100; i++) {
        int r = SSL_do_handshake(peer->ssl);
        fixture_turn(&peer->f);
        if (r == 1)
            return 1;
        if (SSL_get_error(peer->ssl, r) != SSL_ERROR_WANT_READ)
            return 0;
    }
    return 0;
}

static void peer_close(struct peer *peer) {
    SSL_free(peer->ssl);
    SSL_CTX_free(peer->context);
    fixture_close(&peer->f);
    ERR_clear_error();
}

static void say(struct peer *peer, const char *text) {
    check_true(SSL_write(peer->ssl, text, (int)strlen(text)) == (int)strlen(text));
    fixture_turn(&peer->f);
}

Test(tls, carries_bytes_both_ways) {
    struct peer peer = { 0 };
    char data[64];
    peer_open(&peer);
    check_true(peer_shake(&peer));
    say(&peer, "hello");
    check_slice(buf_slice(&peer.f.got), DM_SLICE("hello"));
    stream_write(&peer.f.stream, "good ", 5);
    stream_write(&peer.f.stream, "day", 3);
    fixture_turn(&peer.f);
    cr_assert(eq(int, SSL_read(peer.ssl, data, sizeof(data)), 8), "one record for one turn");
    check_true(memcmp(data, "good day", 8) == 0);
    peer_close(&peer);
}

Test(tls, old_versions_are_refused) {
    struct peer peer = { 0 };
    peer_open(&peer);
    SSL_set_security_level(peer.ssl, 0);
    SSL_set_min_proto_version(peer.ssl, TLS1_VERSION);
    SSL_set_max_proto_version(peer.ssl, TLS1_1_VERSION);
    check_true(!peer_shake(&peer));
    fixture_turn(&peer.f);
    cr_assert(eq(int, peer.f.closes, 1));
    cr_assert(eq(int, (int)peer.f.end, STREAM_END_ERROR));
    peer_close(&peer);
}

static void check_version(int version) {
    struct peer peer = { 0 };
    peer_open(&peer);
    SSL_set_min_proto_version(peer.ssl, version);
    SSL_set_max_proto_version(peer.ssl, version);
    check_true(peer_shake(&peer));
    cr_assert(eq(int, SSL_version(peer.ssl), version));
    say(&peer, "hello");
    check_slice(buf_slice(&peer.f.got), DM_SLICE("hello"));
    peer_close(&peer);
}

Test(tls, versions_1_2_and_1_3) {
    check_version(TLS1_2_VERSION);
    check_version(TLS1_3_VERSION);
}

Test(tls, ciphers_without_forward_secrecy_are_refused) {
    struct peer peer = { 0 };
    peer_open(&peer);
    SSL_set_max_proto_version(peer.ssl, TLS1_2_VERSION);
    SSL_set_cipher_list(peer.ssl, "ECDHE-ECDSA-AES128-SHA256");
    check_true(!peer_shake(&peer));
    peer_close(&peer);
}

static int shake_with(const char *protocols, const char *wanted) {
    struct peer peer = { 0 };
    const unsigned char *chosen;
    unsigned len;
    peer_open(&peer);
    SSL_set_alpn_protos(peer.ssl, (const unsigned char *)protocols, (unsigned)strlen(protocols));
    SSL_set_tlsext_host_name(peer.ssl, "whatever.example");
    int done = peer_shake(&peer);
    SSL_get0_alpn_selected(peer.ssl, &chosen, &len);
    int is_wanted = len == strlen(wanted) && (len == 0 || memcmp(chosen, wanted, len) == 0);
    peer_close(&peer);
    return done && is_wanted;
}

Test(tls, speaks_http_1_1_only) {
    check_true(shake_with("\x08http/1.1", "http/1.1"));
    check_true(shake_with("\x02h2\x08http/1.1", "http/1.1"));
    check_true(shake_with("", ""));
    check_true(!shake_with("\x02h2", ""));
}

Test(tls, renegotiation_is_refused) {
    struct peer peer = { 0 };
    char data[8];
    peer_open(&peer);
    SSL_set_max_proto_version(peer.ssl, TLS1_2_VERSION);
    check_true(peer_shake(&peer));
    check_true(SSL_renegotiate(peer.ssl) == 1);
    (void)SSL_do_handshake(peer.ssl);
    for (int i = 0; i < 10; i++)
        fixture_turn(&peer.f);
    check_true(SSL_read(peer.ssl, data, sizeof(data)) <= 0);
    cr_assert(eq(int, SSL_get_error(peer.ssl, -1), SSL_ERROR_SSL));
    peer_close(&peer);
}

Test(tls, what_is_no_hello_ends_the_stream) {
    static const char *const texts[] = { "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
                                         "\x16\x03\x01\xff\xff", "garbage garbage garbage" };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct peer peer = { 0 };
        peer_open(&peer);
        check_true(write(peer.f.peer, texts[i], strlen(texts[i])) > 0);
        for (int turn = 0; turn < 10; turn++)
            fixture_turn(&peer.f);
        cr_assert(eq(int, peer.f.closes, 1), "%s", texts[i]);
        cr_assert(eq(sz, peer.f.got.len, 0));
        peer_close(&peer);
    }
}

Test(tls, large_writes_survive_a_full_socket) {
    struct peer peer = { 0 };
    static char data[45000], got[65536];
    size_t total = 0;
    peer_open(&peer);
    check_true(peer_shake(&peer));
    int small = 4096;
    setsockopt(stream_fd(&peer.f.stream), SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (char)(i * 7 + i / 251);
    /* In pieces of many sizes, while the socket is full most of the time. */
    for (size_t at = 0, len = 1; at < sizeof(data); at += len, len = len * 3 % 4001 + 1) {
        if (len > sizeof(data) - at)
            len = sizeof(data) - at;
        cr_assert(eq(int, stream_write(&peer.f.stream, data + at, len), 0));
        fixture_turn(&peer.f);
    }
    for (int i = 0; i < 10000 && total < sizeof(data); i++) {
        int n = SSL_read(peer.ssl, got + total, (int)(sizeof(got) - total) < 700
                                                    ? (int)(sizeof(got) - total) : 700);
        total += n > 0 ? (size_t)n : 0;
        fixture_turn(&peer.f);
    }
    cr_assert(eq(sz, total, sizeof(data)));
    check_true(memcmp(got, data, sizeof(data)) == 0);
    peer_close(&peer);
}

Test(tls, records_of_one_byte_and_more_than_fits_at_once) {
    struct peer peer = { 0 };
    static char large[40000];
    peer_open(&peer);
    check_true(peer_shake(&peer));
    for (int i = 0; i < 300; i++) {
        check_true(SSL_write(peer.ssl, "x", 1) == 1);
        if (i % 50 == 49)
            fixture_turn(&peer.f);
    }
    for (int i = 0; i < 300 && peer.f.got.len < 300; i++)
        fixture_turn(&peer.f);
    cr_assert(eq(sz, peer.f.got.len, 300));
    memset(large, 'y', sizeof(large));
    check_true(SSL_write(peer.ssl, large, sizeof(large)) == sizeof(large));
    for (int i = 0; i < 100 && peer.f.got.len < 40300; i++)
        fixture_turn(&peer.f);
    cr_assert(eq(sz, peer.f.got.len, 40300));
    peer_close(&peer);
}

Test(tls, what_came_while_paused_is_delivered_on_resume) {
    struct peer peer = { .f = { .pause_on_data = 1 } };
    peer_open(&peer);
    check_true(peer_shake(&peer));
    check_true(SSL_write(peer.ssl, "one", 3) == 3);
    check_true(SSL_write(peer.ssl, "two", 3) == 3);
    fixture_turn(&peer.f);
    check_slice(buf_slice(&peer.f.got), DM_SLICE("one"));
    peer.f.pause_on_data = 0;
    stream_resume(&peer.f.stream);
    fixture_turn(&peer.f);
    fixture_turn(&peer.f);
    check_slice(buf_slice(&peer.f.got), DM_SLICE("onetwo"));
    peer_close(&peer);
}

/* Writes what is no data but costs the other side time, until there is more than one turn takes. */
static void say_nothing_for_long(struct peer *peer) {
    BIO *memory = BIO_new(BIO_s_mem());
    char *bytes;
    SSL_set0_wbio(peer->ssl, memory);
    while (BIO_ctrl_pending(memory) < 100000) {
        check_true(SSL_key_update(peer->ssl, SSL_KEY_UPDATE_NOT_REQUESTED) == 1);
        check_true(SSL_do_handshake(peer->ssl) == 1);
    }
    check_true(SSL_write(peer->ssl, "x", 1) == 1);
    long len = BIO_get_mem_data(memory, &bytes);
    check_true(write(peer->f.peer, bytes, (size_t)len) == len);
}

Test(tls, who_only_changes_keys_holds_up_nobody) {
    struct peer peer = { 0 };
    peer_open(&peer);
    SSL_set_min_proto_version(peer.ssl, TLS1_3_VERSION);
    check_true(peer_shake(&peer));
    say_nothing_for_long(&peer);
    loop_run_once(peer.f.loop);
    cr_assert(eq(sz, peer.f.got.len, 0), "all of it in one turn");
    for (int i = 0; i < 100 && peer.f.got.len == 0; i++)
        fixture_turn(&peer.f);
    check_slice(buf_slice(&peer.f.got), DM_SLICE("x"));
    peer_close(&peer);
}

Test(tls, ends_with_close_notify) {
    struct peer peer = { 0 };
    char data[8];
    peer_open(&peer);
    check_true(peer_shake(&peer));
    stream_write(&peer.f.stream, "bye", 3);
    stream_close(&peer.f.stream, 1000, 1000);
    fixture_turn(&peer.f);
    cr_assert(eq(int, SSL_read(peer.ssl, data, sizeof(data)), 3));
    cr_assert(eq(int, SSL_read(peer.ssl, data, sizeof(data)), 0));
    cr_assert(eq(int, SSL_get_error(peer.ssl, 0), SSL_ERROR_ZERO_RETURN));
    check_true(SSL_shutdown(peer.ssl) == 1);
    fixture_run_until_closed(&peer.f);
    cr_assert(eq(int, (int)peer.f.end, STREAM_END_CLOSED));
    peer_close(&peer);
}

Test(tls, peers_close_notify_is_the_end_of_its_direction_only) {
    struct peer peer = { 0 };
    char data[8];
    peer_open(&peer);
    check_true(peer_shake(&peer));
    check_true(SSL_shutdown(peer.ssl) == 0);
    fixture_turn(&peer.f);
    cr_assert(eq(int, peer.f.eofs, 1));
    stream_write(&peer.f.stream, "still", 5);
    fixture_turn(&peer.f);
    cr_assert(eq(int, SSL_read(peer.ssl, data, sizeof(data)), 5));
    peer_close(&peer);
}

Test(tls, end_of_bytes_without_close_notify_is_an_end_too) {
    struct peer peer = { 0 };
    peer_open(&peer);
    check_true(peer_shake(&peer));
    shutdown(peer.f.peer, SHUT_WR);
    fixture_turn(&peer.f);
    cr_assert(eq(int, peer.f.eofs, 1));
    cr_assert(eq(int, peer.f.closes, 0));
    peer_close(&peer);
}

Test(tls, sessions_are_resumed_by_ticket) {
    struct peer first = { 0 }, second = { 0 };
    char data[8];
    peer_open(&first);
    check_true(peer_shake(&first));
    say(&first, "x");
    check_true(SSL_read(first.ssl, data, sizeof(data)) < 0);
    SSL_SESSION *session = SSL_get1_session(first.ssl);
    peer_open(&second);
    SSL_set_session(second.ssl, session);
    check_true(peer_shake(&second));
    cr_assert(eq(int, SSL_session_reused(second.ssl), 1));
    SSL_SESSION_free(session);
    peer_close(&second);
    peer_close(&first);
}

/* ---- files ---- */

static void check_bad(const char *chain, const char *key, const char *says) {
    struct tls_config config = { chain, key };
    struct tls *none = NULL;
    cr_assert(eq(int, tls_new(&config, &none, error), -EINVAL));
    check_true(none == NULL);
    cr_assert(ne(ptr, strstr(error, says), NULL), "%s", error);
}

static void put(const char *path, const char *text) {
    FILE *file = fopen(path, "we");
    fputs(text, file);
    fclose(file);
}

Test(tls, bad_files_are_refused_by_name) {
    struct certificate other;
    char locked[96];
    certificate_make(&other, "other");
    snprintf(locked, sizeof(locked), "%s/locked.pem", other.folder);
    check_bad("/nowhere/chain.pem", certificate.key, "/nowhere/chain.pem: ");
    check_bad(certificate.chain, "/nowhere/key.pem", "/nowhere/key.pem: ");
    check_bad(certificate.chain, other.key, "mismatch");
    check_bad(certificate.key, certificate.key, "key.pem: ");
    check_bad(certificate.chain, NULL, "chain.pem: ");
    put(locked, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    check_bad(locked, other.key, "locked.pem: ");
    FILE *file = fopen(locked, "we");
    EVP_PKEY *key = EVP_EC_gen("P-256");
    PEM_write_PrivateKey(file, key, EVP_aes_128_cbc(), (const unsigned char *)"secret", 6, NULL,
                         NULL);
    fclose(file);
    EVP_PKEY_free(key);
    check_bad(certificate.chain, locked, "locked.pem: ");
    unlink(locked);
    certificate_remove(&other);
}

Test(tls, another_certificate_is_for_what_begins) {
    struct peer old = { 0 }, new = { 0 };
    struct certificate other;
    certificate_make(&other, "second");
    struct tls_config config = { other.chain, other.key };
    peer_open(&old);
    check_true(peer_shake(&old));
    struct tls *fresh;
    cr_assert(eq(int, tls_new(&config, &fresh, error), 0), "%s", error);
    tls_replace(tls, fresh);
    peer_open(&new);
    check_true(peer_shake(&new));
    cr_assert(eq(str, (char *)certificate_name(new.ssl), "second"));
    say(&old, "alive");
    check_slice(buf_slice(&old.f.got), DM_SLICE("alive"));
    check_true(tls_expires(tls) > 0);
    peer_close(&new);
    peer_close(&old);
    certificate_remove(&other);
}
