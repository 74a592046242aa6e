/* Everything about files put together: where they are kept, their URLs, and who serves them. */
#ifndef DRAGOMAN_SERVER_FILE_SERVICE_H
#define DRAGOMAN_SERVER_FILE_SERVICE_H

#include "core/adapter/host.h"
#include "core/engine/engine.h"
#include "core/server/backend.h"
#include "core/server/measure.h"

struct file_service;
struct metrics;

/* Connects to the backend's database; `key` is the gateway's own (see core/auth). Returns 0, or
 * negative errno with nothing left behind. */
int file_service_open(const struct config *config, struct backend *backend, struct dm_slice key,
                      struct file_service **ret_service);

/* Fills in what the engine's limits of files are. */
void file_service_limits(const struct config *config, struct engine_config *ret_config);

/* Takes what may change while it runs. */
void file_service_configure(struct file_service *service, const struct config *config);

/* Introduces it to the engine and the host, before the first session. addresses (NULL: no limit)
 * says how often one client address may ask. */
void file_service_attach(struct file_service *service, struct engine *engine, struct host *host,
                         struct metrics *metrics, struct address_limit *addresses);

/* Takes the exchange and returns 1 when it is about a file, else returns 0. */
int file_service_request(struct file_service *service, struct http_exchange *exchange);

/* Requests under way, after which a drain need not wait. */
void file_service_drain(struct file_service *service);
uint32_t file_service_busy(const struct file_service *service);

/* Puts its figures into the metrics. */
void file_service_measure(const struct file_service *service, struct measure *measure);

typedef void file_service_closed_fn(void *owner);

/* Once no connection is left and the engine is idle: disconnects and frees; closed(owner) comes
 * last, on the loop. */
void file_service_close(struct file_service *service, file_service_closed_fn *closed, void *owner);

#endif
