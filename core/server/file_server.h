/* Serves files: GET and HEAD of /files/ID[/NAME].
 *
 * A file opens for whoever has a signed URL that has not expired, or the access token (as Bearer
 * or ?token=) of somebody who may open it now. A signature that is bad or expired gets 403 whether
 * or not there is such a file; everything else that does not open gets 404, so that nobody learns
 * which files there are. Errors are small JSON objects.
 *
 * Bytes come from the file store piece by piece, as fast as the client takes them. */
#ifndef DRAGOMAN_SERVER_FILE_SERVER_H
#define DRAGOMAN_SERVER_FILE_SERVER_H

#include "core/auth/file_url.h"
#include "core/engine/engine.h"
#include "core/net/address_limit.h"
#include "core/net/http.h"

struct file_server;
struct metrics;

/* All outlive the file server. */
struct file_server_config {
    struct engine *engine;
    struct file_store *store;
    struct file_urls *urls;
    struct metrics *metrics;
    struct address_limit *addresses; /* how often one address may ask, 429 above; NULL: no limit */
    uint32_t transfers_max;  /* at once, each holding at most a piece; 503 above; 0: 1024 */
};

struct file_server *file_server_new(const struct file_server_config *config);

/* Nothing may be under way. NULL does nothing. */
void file_server_free(struct file_server *server);

/* Takes the exchange and returns 1 when its path is one of files, else returns 0. To be called
 * within a conn_handler's request(). */
int file_server_request(struct file_server *server, struct http_exchange *exchange);

/* From now on new requests get 503. */
void file_server_drain(struct file_server *server);

/* Requests under way. */
uint32_t file_server_busy(const struct file_server *server);

#endif
