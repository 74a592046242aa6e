#include "tests/unit/net/certificate.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/check.h"

static X509 *self_signed(EVP_PKEY *key, const char *name) {
    X509 *x509 = X509_new();
    X509_NAME *subject = X509_get_subject_name(x509);
    X509_set_version(x509, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x509), 1);
    X509_gmtime_adj(X509_getm_notBefore(x509), -60);
    X509_gmtime_adj(X509_getm_notAfter(x509), 3600);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1,
                               0);
    X509_set_issuer_name(x509, subject);
    X509_set_pubkey(x509, key);
    check_true(X509_sign(x509, key, EVP_sha256()) > 0);
    return x509;
}

void certificate_make(struct certificate *certificate, const char *name) {
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x509 = self_signed(key, name);
    snprintf(certificate->folder, sizeof(certificate->folder), "/tmp/dragoman-tls-XXXXXX");
    check_true(mkdtemp(certificate->folder) != NULL);
    snprintf(certificate->chain, sizeof(certificate->chain), "%s/chain.pem",
             certificate->folder);
    snprintf(certificate->key, sizeof(certificate->key), "%s/key.pem", certificate->folder);
    FILE *file = fopen(certificate->chain, "we");
    check_true(PEM_write_X509(file, x509));
    fclose(file);
    file = fopen(certificate->key, "we");
    check_true(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL));
    fclose(file);
    X509_free(x509);
    EVP_PKEY_free(key);
}

void certificate_remove(const struct certificate *certificate) {
    unlink(certificate->chain);
    unlink(certificate->key);
    rmdir(certificate->folder);
}

const char *certificate_name(const SSL *client) {
    static char name[64];
    X509 *x509 = SSL_get1_peer_certificate(client);
    X509_NAME_get_text_by_NID(X509_get_subject_name(x509), NID_commonName, name, sizeof(name));
    X509_free(x509);
    return name;
}
