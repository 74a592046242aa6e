/* The listening sockets that a supervisor binds, or was given, for its workers. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/mem.h"
#include "core/net/listener.h"
#include "core/server/admin/admin.h"
#include "core/server/supervisor.h"

#define ADDRESS_MAX 256
#define UNIX_PREFIX "unix:"

static void note_file(struct supervisor_sockets *sockets, const char *address) {
    size_t prefix = strlen(UNIX_PREFIX);
    if (strncmp(address, UNIX_PREFIX, prefix))
        return;
    sockets->files = mem_realloc(sockets->files,
                                 (sockets->file_count + 1) * sizeof(*sockets->files));
    sockets->files[sockets->file_count++] = mem_dup(address + prefix, strlen(address) - prefix);
}

static int bind_at(struct supervisor_sockets *sockets, struct inherit *list, const char *name,
                   const char *address, unsigned mode) {
    struct listener_config config = { .address = dm_slice_str(address), .fd = -1, .mode = mode };
    int fd = listener_bind(&config);
    if (fd < 0)
        return cli_fail(CLI_FAILED, "%s: %s", address, strerror(-fd));
    inherit_add(list, name, fd);
    note_file(sockets, address);
    return CLI_OK;
}

static size_t claim_all(struct inherit *inherit, const char *name, struct inherit *list,
                        size_t most) {
    size_t count = 0;
    int fd;
    while (count < most && (fd = inherit_claim(inherit, name)) >= 0) {
        inherit_add(list, name, fd);
        count++;
    }
    return count;
}

static int open_shared(struct supervisor_sockets *sockets, struct config *config,
                       struct inherit *inherit, const char *name, const char *setting) {
    const char *address = config_string(config, setting).ptr;
    if (claim_all(inherit, name, &sockets->shared, INHERIT_MAX) || !address)
        return CLI_OK;
    return bind_at(sockets, &sockets->shared, name, address, 0);
}

/* PORT+i or PATH.i; a port 0 is another one for each anyway. */
static void worker_address(const char *address, unsigned i, char ret_address[ADDRESS_MAX]) {
    const char *colon = strrchr(address, ':');
    int is_file = !strncmp(address, UNIX_PREFIX, strlen(UNIX_PREFIX));
    int port = colon ? atoi(colon + 1) : 0;
    if (i == 0 || (!is_file && port == 0))
        snprintf(ret_address, ADDRESS_MAX, "%s", address);
    else if (is_file)
        snprintf(ret_address, ADDRESS_MAX, "%s.%u", address, i);
    else
        snprintf(ret_address, ADDRESS_MAX, "%.*s:%u", (int)(colon - address), address,
                 (unsigned)port + i);
}

int supervisor_sockets_open_admin(struct supervisor_sockets *sockets, struct config *config,
                                  struct inherit *inherit) {
    unsigned workers = (unsigned)config_int(config, "workers");
    const char *address = config_string(config, "admin").ptr;
    size_t count = claim_all(inherit, INHERIT_ADMIN, &sockets->admin, workers);
    int r = CLI_OK;
    for (unsigned i = (unsigned)count; !r && address && i < workers; i++) {
        char own[ADDRESS_MAX];
        worker_address(address, i, own);
        r = bind_at(sockets, &sockets->admin, INHERIT_ADMIN, own, ADMIN_SOCKET_MODE);
    }
    return r;
}

int supervisor_sockets_open(struct supervisor_sockets *sockets, struct config *config,
                            struct inherit *inherit) {
    int r = open_shared(sockets, config, inherit, INHERIT_PUBLIC, "listen");
    return r ? r : open_shared(sockets, config, inherit, INHERIT_PUBLIC_TLS, "listen_tls");
}

static void close_list(struct inherit *list) {
    for (size_t i = 0; i < list->count; i++)
        close(list->items[i].fd);
    list->count = 0;
}

void supervisor_sockets_close(struct supervisor_sockets *sockets, enum listener_file file) {
    close_list(&sockets->shared);
    close_list(&sockets->admin);
    for (size_t i = 0; i < sockets->file_count; i++) {
        if (file == LISTENER_UNLINK)
            unlink(sockets->files[i]);
        free(sockets->files[i]);
    }
    free(sockets->files);
    sockets->files = NULL;
    sockets->file_count = 0;
}
