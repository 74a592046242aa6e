/* Where clients come in: the public listeners, plain and TLS, and which proxies in front are
 * believed. */
#ifndef DRAGOMAN_SERVER_ENTRY_H
#define DRAGOMAN_SERVER_ENTRY_H

#include "core/net/conn.h"
#include "core/net/tls.h"
#include "core/server/config.h"
#include "core/server/inherit.h"

struct entry;

/* Listens on the INHERIT_PUBLIC sockets of `inherit`, which it claims, or where the configuration
 * says, and hands requests to handler. Returns a CLI exit code; what went wrong was said on
 * stderr. There is something to close and free in any case. config must outlive the entry. */
int entry_open(struct config *config, struct loop *loop, const struct conn_handler *handler,
               void *userdata, struct inherit *inherit, struct entry **ret_entry);

/* Takes the limits of another configuration, which must outlive the entry then. */
void entry_configure(struct entry *entry, struct config *config);

/* The one server behind all listeners; the caller's to close. NULL when entry_open came to none. */
struct conn_server *entry_server(const struct entry *entry);

/* The first place, "HOST:PORT"; borrowed. */
const char *entry_address(const struct entry *entry);

/* 1 when TLS is spoken there; else 0. */
int entry_is_tls(const struct entry *entry);

/* The first place where TLS is spoken beside a plain one; NULL when there is none. */
const char *entry_tls_address(const struct entry *entry);

/* Reads certificate and key anew, from where config says, for connections from now on. Returns 0,
 * also without TLS; or -EINVAL with one line in ret_error, and nothing has changed. */
int entry_reload_tls(struct entry *entry, const struct config *config,
                     char ret_error[TLS_ERROR_SIZE]);

/* The server must be gone. NULL does nothing. */
void entry_free(struct entry *entry);

#endif
