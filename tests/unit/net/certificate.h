/* Certificates made for a test, and a client for them. */
#ifndef DRAGOMAN_TESTS_UNIT_NET_CERTIFICATE_H
#define DRAGOMAN_TESTS_UNIT_NET_CERTIFICATE_H

#include <openssl/ssl.h>

/* A folder of this test with chain.pem and key.pem in it; the name is in the certificate. */
struct certificate {
    char folder[64];
    char chain[96];
    char key[96];
};

void certificate_make(struct certificate *certificate, const char *name);

/* Removes the files. */
void certificate_remove(const struct certificate *certificate);

/* The name in the certificate that the client's peer showed; borrowed until the next call. */
const char *certificate_name(const SSL *client);

#endif
