/* Where clients come in: the public listeners, plain and TLS, and which proxies in front are
 * believed. */
#ifndef DRAGOMAN_SERVER_ENTRY_H
#define DRAGOMAN_SERVER_ENTRY_H

#include "core/net/conn.h"
#include "core/net/tls.h"
#include "core/server/config.h"
#include "core/server/inherit.h"

struct entry;
struct tally;

/* What is read from files and judged before anything changes. Zeroed: empty. */
struct entry_setup {
    struct address_set trusted;
    struct tls *tls; /* NULL: not configured */
};

/* Fills an empty setup. May run on any thread. Returns 0, or -EINVAL with config_error and nothing
 * to free. */
int entry_setup_read(struct config *config, struct entry_setup *ret_setup);
void entry_setup_fini(struct entry_setup *setup);

/* Listens on the INHERIT_PUBLIC sockets of `inherit`, which it claims, or where the configuration
 * says, and hands requests to handler. Returns a CLI exit code; what went wrong was said on
 * stderr. There is something to close and free in any case. config must outlive the entry, and so
 * must tally: with whom connections are shared out; NULL: with nobody. */
int entry_open(struct config *config, struct loop *loop, const struct conn_handler *handler,
               void *userdata, struct inherit *inherit, struct tally *tally,
               struct entry **ret_entry);

/* Takes limits, trusted proxies and certificate of another configuration, which must outlive the
 * entry then, and of the setup read from it, which is empty afterwards. Connections that live are
 * not disturbed. TLS neither begins nor ends: that needs a restart. */
void entry_configure(struct entry *entry, struct config *config, struct entry_setup *setup);

/* Adds the listening sockets, to be passed to another process. They stay its own. */
void entry_pass(const struct entry *entry, struct inherit *sockets);

/* The one server behind all listeners; the caller's to close. NULL when entry_open came to none. */
struct conn_server *entry_server(const struct entry *entry);

/* The first place, "HOST:PORT"; borrowed. */
const char *entry_address(const struct entry *entry);

/* 1 when TLS is spoken anywhere; else 0. */
int entry_has_tls(const struct entry *entry);

/* When the certificate in use ends, in seconds since the epoch; 0 without TLS. */
int64_t entry_tls_expires(const struct entry *entry);

/* 1 when TLS is spoken at the first place; else 0. */
int entry_is_tls(const struct entry *entry);

/* The first place where TLS is spoken beside a plain one; NULL when there is none. */
const char *entry_tls_address(const struct entry *entry);

/* The server must be gone. NULL does nothing. */
void entry_free(struct entry *entry);

#endif
