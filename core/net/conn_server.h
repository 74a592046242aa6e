/* Between the conn_*.c files only. */
#ifndef DRAGOMAN_NET_CONN_SERVER_H
#define DRAGOMAN_NET_CONN_SERVER_H

struct conn;
struct conn_server;

/* 1 when no further connection may be added. */
int conn_server_is_full(const struct conn_server *server);

/* Tells a connection that there is no room for it, and closes it. */
void conn_server_turn_away(struct conn *conn);

/* The shares have the server's limits from now on; and are freed. */
void conn_shares_configure(struct conn_server *server);
void conn_shares_free(struct conn_server *server);

/* A connection has ended and is about to be freed. */
void conn_server_gone(struct conn *conn);

/* Something that a closing server waits for is gone. */
void conn_server_check_end(struct conn_server *server);

#endif
