#include "core/server/file_service.h"

#include <stdlib.h>

#include "core/base/mem.h"
#include "core/server/file_server.h"
#include "storage/file_pg.h"

struct file_service {
    struct file_urls *urls;
    struct file_pg *store;
    struct file_server *server; /* NULL before it is attached */
    file_service_closed_fn *closed;
    void *closed_owner;
};

static int open_store(const struct config *config, struct backend *backend,
                      struct file_service *service) {
    struct file_pg_config store = {
        .conninfo = backend_conninfo(backend),
        .connections = (unsigned)config_int(config, "files.connections"),
        .wait_ms = (uint32_t)config_int(config, "database.wait_ms"),
    };
    return file_pg_open(loop_uv(backend_loop(backend)), &store, &service->store);
}

int file_service_open(const struct config *config, struct backend *backend, struct dm_slice key,
                      struct file_service **ret_service) {
    struct file_service *service = mem_zalloc(sizeof(*service));
    struct file_urls_config urls = {
        .key = key,
        .ttl = config_int(config, "files.url_ttl"),
        .public_url = config_string(config, "public_url"),
    };
    int r = file_urls_new(&urls, &service->urls);
    if (r == 0)
        r = open_store(config, backend, service);
    if (r != 0) {
        file_urls_free(service->urls);
        free(service);
        return r;
    }
    *ret_service = service;
    return 0;
}

void file_service_limits(const struct config *config, struct engine_config *ret_config) {
    ret_config->uploads_max = (uint32_t)config_int(config, "files.max_count");
    ret_config->upload_max = (uint32_t)config_int(config, "files.max_size");
    ret_config->upload_total_max = (uint32_t)config_int(config, "files.max_total");
    ret_config->upload_memory_max = (uint64_t)config_int(config, "files.memory");
}

void file_service_configure(struct file_service *service, const struct config *config) {
    file_urls_configure(service->urls, config_int(config, "files.url_ttl"),
                        config_string(config, "public_url"));
}

static void write_url(void *userdata, const struct dm_attachment *attachment,
                      struct dm_slice base, struct buf *ret_url) {
    struct file_service *service = userdata;
    file_urls_write(service->urls, base, attachment->file_id, attachment->name, ret_url);
}

void file_service_attach(struct file_service *service, struct engine *engine, struct host *host,
                         struct metrics *metrics, struct address_limit *addresses) {
    struct file_server_config config = {
        .engine = engine,
        .store = file_pg_port(service->store),
        .urls = service->urls,
        .metrics = metrics,
        .addresses = addresses,
    };
    service->server = file_server_new(&config);
    engine_attach_files(engine, config.store, file_urls_check, service->urls);
    host_set_file_url(host, write_url, service);
}

int file_service_request(struct file_service *service, struct http_exchange *exchange) {
    return file_server_request(service->server, exchange);
}

void file_service_drain(struct file_service *service) {
    file_server_drain(service->server);
}

uint32_t file_service_busy(const struct file_service *service) {
    return file_server_busy(service->server);
}

void file_service_measure(const struct file_service *service, struct measure *measure) {
    struct file_pg_stats stats;
    file_pg_stats(service->store, &stats);
    measure_total(measure, "dragoman_files_written_bytes_total", "Bytes of files stored.",
                  stats.written);
    measure_total(measure, "dragoman_files_read_bytes_total", "Bytes of files read.", stats.read);
    measure_total(measure, "dragoman_files_collected_total", "Unused files removed.",
                  stats.collected);
    measure_total(measure, "dragoman_files_unavailable_total",
                  "File requests refused or expired.", stats.unavailable);
    measure_gauge(measure, "dragoman_files_waiting_requests", "File requests under way now.",
                  stats.waiting);
    measure_gauge(measure, "dragoman_files_transfers", "Files being sent now.",
                  file_server_busy(service->server));
}

static void store_closed(void *owner) {
    struct file_service *service = owner;
    file_service_closed_fn *closed = service->closed;
    void *closed_owner = service->closed_owner;
    file_server_free(service->server);
    file_urls_free(service->urls);
    free(service);
    closed(closed_owner);
}

void file_service_close(struct file_service *service, file_service_closed_fn *closed,
                        void *owner) {
    service->closed = closed;
    service->closed_owner = owner;
    file_pg_close(service->store, store_closed, service);
}
