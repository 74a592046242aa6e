#include "core/adapter/inspect.h"

#include <errno.h>

#include "core/adapter/internal.h"
#include "core/adapter/sio.h"

static uint64_t queued_of(const struct session *session) {
    if (session->ws)
        return websocket_queued(session->ws);
    return session->seat ? engineio_queued(session->seat->sio->eio) : 0;
}

static int is_shown(const struct session *session) {
    return session->state == SESSION_OPEN && session->pub.kind != DM_SESSION_REQUEST;
}

int host_each_session(const struct host *host, uint64_t after, host_session_fn *fn, void *owner) {
    char address[NET_ADDRESS_TEXT];
    int r = 0;

    list_foreach(link, &host->sessions) {
        const struct session *session = container_of(link, struct session, link);
        struct host_session shown = {
            .id = session->serial,
            .adapter = session->instance->name,
            .kind = session->pub.kind,
            .ns = session_framing(session).ns,
            .user = session->pub.user,
            .since_us = session->begun_us,
            .backlog = engine_session_backlog(&session->engine),
        };

        if (session->serial <= after || !is_shown(session))
            continue;
        shown.address.ptr = address;
        shown.address.len = net_address_format_ip(&session->client, address);
        shown.queued = queued_of(session);
        r = fn(owner, &shown);
        if (r != 0)
            break;
    }
    return r;
}

int host_close_session(struct host *host, uint64_t id, uint16_t code) {
    list_foreach(link, &host->sessions) {
        struct session *session = container_of(link, struct session, link);

        if (session->serial != id || !is_shown(session))
            continue;
        session_close(session, code);
        return 0;
    }
    return -ENOENT;
}

uint32_t host_sessions_at(const struct host *host, size_t index) {
    const struct instance *instance = host->instances[index];

    return (uint32_t)(instance->sockets->value + instance->namespaces->value
                      + instance->engineios->value);
}

const struct adapter_values *host_values_at(const struct host *host, size_t index) {
    return host->instances[index]->values;
}
