/* `/files/` of the gateways that the kit runs in memory. */
#include "core/kit/memory.h"
#include "core/server/cli_kit.h"
#include "core/server/file_server.h"

static void *open_files(struct stage *stage, struct file_urls *urls) {
    const struct file_server_config config = {
        .engine = stage->engine, .store = memory_files(stage->memory), .urls = urls,
        .metrics = stage->metrics,
    };
    return file_server_new(&config);
}

static int request_file(void *files, struct http_exchange *exchange) {
    return file_server_request(files, exchange);
}

static void close_files(void *files) {
    file_server_free(files);
}

const struct stage_files kit_files = { open_files, request_file, close_files };
