/* Between conn.c, conn_pass.c and conn_server.c only. */
#ifndef DRAGOMAN_NET_CONN_SERVER_H
#define DRAGOMAN_NET_CONN_SERVER_H

struct conn;
struct conn_server;

/* A connection has ended and is about to be freed. */
void conn_server_gone(struct conn *conn);

/* Something that a closing server waits for is gone. */
void conn_server_check_end(struct conn_server *server);

#endif
