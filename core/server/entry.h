/* Where clients come in: the public listeners, and which proxies in front are believed. */
#ifndef DRAGOMAN_SERVER_ENTRY_H
#define DRAGOMAN_SERVER_ENTRY_H

#include "core/net/conn.h"
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

/* The server must be gone. NULL does nothing. */
void entry_free(struct entry *entry);

#endif
