/* Between conn.c and conn_server.c only. */
#ifndef DRAGOMAN_NET_CONN_SERVER_H
#define DRAGOMAN_NET_CONN_SERVER_H

struct conn;

/* A connection has ended and is about to be freed. */
void conn_server_gone(struct conn *conn);

#endif
