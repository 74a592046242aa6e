/* Between conn.c, conn_pass.c and conn_server.c only. */
#ifndef DRAGOMAN_NET_CONN_SERVER_H
#define DRAGOMAN_NET_CONN_SERVER_H

struct conn;
struct conn_server;

/* 1 when no further connection may be added. */
int conn_server_is_full(const struct conn_server *server);

/* Tells a connection that there is no room for it, and closes it. */
void conn_server_turn_away(struct conn *conn);

/* A connection has ended and is about to be freed. */
void conn_server_gone(struct conn *conn);

/* Something that a closing server waits for is gone. */
void conn_server_check_end(struct conn_server *server);

#endif
