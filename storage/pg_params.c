#include "storage/pg_params.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <libpq-fe.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/list.h"
#include "core/base/log.h"
#include "core/base/mem.h"

#define PARAMS_MAX 64
#define HOSTS_MAX 16
#define ADDRESSES_MAX 4

struct host {
    uv_getaddrinfo_t request;
    struct pg_params *params;
    char *name;
    char *port;
    char addresses[ADDRESSES_MAX][INET6_ADDRSTRLEN];
    int address_count;
    int status;
};

struct pg_params {
    char *keys[PARAMS_MAX];
    char *values[PARAMS_MAX];
    size_t count;
    struct host hosts[HOSTS_MAX];
    size_t host_count;
    size_t pending;
    int canceled;
    pg_params_fn done;
    void *owner;
    /* What libpq gets: the parameters with host, hostaddr and port put in place. */
    const char *out_keys[PARAMS_MAX + 4];
    const char *out_values[PARAMS_MAX + 4];
    struct buf host_list;
    struct buf address_list;
    struct buf port_list;
};

static const char *params_get(const struct pg_params *params, const char *key) {
    for (size_t i = 0; i < params->count; i++)
        if (strcmp(params->keys[i], key) == 0)
            return params->values[i];
    return NULL;
}

static void params_add(struct pg_params *params, const char *key, const char *value) {
    assert(params->count < PARAMS_MAX);
    params->keys[params->count] = mem_dup(key, strlen(key));
    params->values[params->count++] = mem_dup(value, strlen(value));
}

static void params_default(struct pg_params *params, const char *key, const char *value) {
    if (!params_get(params, key))
        params_add(params, key, value);
}

static void params_publish(struct pg_params *params, const char *hosts, const char *addresses,
                           const char *ports) {
    size_t n = 0;
    for (size_t i = 0; i < params->count; i++) {
        const char *key = params->keys[i];
        if (hosts && (strcmp(key, "host") == 0 || strcmp(key, "port") == 0))
            continue;
        params->out_keys[n] = key;
        params->out_values[n++] = params->values[i];
    }
    if (hosts) {
        params->out_keys[n] = "host";
        params->out_values[n++] = hosts;
        params->out_keys[n] = "hostaddr";
        params->out_values[n++] = addresses;
        params->out_keys[n] = "port";
        params->out_values[n++] = ports;
    }
    params->out_keys[n] = NULL;
    params->out_values[n] = NULL;
}

/* One element of a comma-separated list, or the only one for every index. */
static char *list_item(const char *list, size_t index) {
    const char *start = list;
    for (size_t i = 0; i < index; i++) {
        const char *comma = strchr(start, ',');
        if (!comma)
            return start == list ? mem_dup(list, strlen(list)) : mem_dup("", 0);
        start = comma + 1;
    }
    return mem_dup(start, strcspn(start, ","));
}

static void params_split_hosts(struct pg_params *params) {
    const char *hosts = params_get(params, "host");
    const char *ports = params_get(params, "port");
    if (!hosts)
        hosts = getenv("PGHOST");
    if (!ports)
        ports = getenv("PGPORT");
    if (!hosts || params_get(params, "hostaddr") || getenv("PGHOSTADDR"))
        return;
    size_t count = 1;
    for (const char *p = hosts; *p; p++)
        count += *p == ',';
    for (size_t i = 0; i < count && i < HOSTS_MAX; i++) {
        struct host *host = &params->hosts[params->host_count++];
        host->params = params;
        host->name = list_item(hosts, i);
        host->port = list_item(ports ? ports : "5432", i);
    }
}

int pg_params_parse(const char *conninfo, struct pg_params **ret_params) {
    char *error = NULL;
    PQconninfoOption *options = PQconninfoParse(conninfo, &error);
    if (!options) {
        log_event(LOG_LEVEL_ERROR, "bad conninfo", LOG_STR("reason", error));
        PQfreemem(error);
        return -EINVAL;
    }
    struct pg_params *params = mem_zalloc(sizeof(*params));
    for (PQconninfoOption *o = options; o->keyword; o++)
        if (o->val && params->count < PARAMS_MAX - 8)
            params_add(params, o->keyword, o->val);
    PQconninfoFree(options);
    params_default(params, "fallback_application_name", "dragoman");
    params_default(params, "client_encoding", "UTF8");
    /* Negotiating Kerberos asks the network in blocking calls. */
    params_default(params, "gssencmode", "disable");
    params_default(params, "keepalives_idle", "10");
    params_default(params, "keepalives_interval", "5");
    params_default(params, "keepalives_count", "3");
    params_default(params, "tcp_user_timeout", "25000");
    params_split_hosts(params);
    params_publish(params, NULL, NULL, NULL);
    *ret_params = params;
    return 0;
}

void pg_params_free(struct pg_params *params) {
    if (!params)
        return;
    assert(params->pending == 0);
    for (size_t i = 0; i < params->count; i++) {
        free(params->keys[i]);
        free(params->values[i]);
    }
    for (size_t i = 0; i < params->host_count; i++) {
        free(params->hosts[i].name);
        free(params->hosts[i].port);
    }
    buf_fini(&params->host_list);
    buf_fini(&params->address_list);
    buf_fini(&params->port_list);
    free(params);
}

static int host_is_name(const struct host *host) {
    struct in6_addr address;
    return host->name[0] != '\0' && host->name[0] != '/' && host->name[0] != '@' &&
           inet_pton(AF_INET, host->name, &address) != 1 &&
           inet_pton(AF_INET6, host->name, &address) != 1;
}

static void list_add(struct pg_params *params, const struct host *host, const char *address) {
    if (params->host_list.len || params->port_list.len) {
        buf_append_char(&params->host_list, ',');
        buf_append_char(&params->address_list, ',');
        buf_append_char(&params->port_list, ',');
    }
    buf_append_str(&params->host_list, host->name);
    buf_append_str(&params->address_list, address);
    buf_append_str(&params->port_list, host->port);
}

static int params_assemble(struct pg_params *params) {
    int status = -EADDRNOTAVAIL;
    buf_reset(&params->host_list);
    buf_reset(&params->address_list);
    buf_reset(&params->port_list);
    for (size_t i = 0; i < params->host_count; i++) {
        const struct host *host = &params->hosts[i];
        if (!host_is_name(host))
            list_add(params, host, host->name[0] == '/' || !host->name[0] ? "" : host->name);
        for (int k = 0; k < host->address_count; k++)
            list_add(params, host, host->addresses[k]);
        if (host->status < 0)
            status = host->status;
    }
    if (params->canceled)
        return -ECANCELED;
    if (!params->port_list.len)
        return status;
    buf_append_char(&params->host_list, '\0');
    buf_append_char(&params->address_list, '\0');
    buf_append_char(&params->port_list, '\0');
    params_publish(params, params->host_list.data, params->address_list.data,
                   params->port_list.data);
    return 0;
}

static void host_found(uv_getaddrinfo_t *request, int status, struct addrinfo *result) {
    struct host *host = container_of(request, struct host, request);
    struct pg_params *params = host->params;
    host->status = status < 0 ? -EADDRNOTAVAIL : 0;
    for (struct addrinfo *a = result; a && host->address_count < ADDRESSES_MAX; a = a->ai_next)
        if (getnameinfo(a->ai_addr, a->ai_addrlen, host->addresses[host->address_count],
                        sizeof(host->addresses[0]), NULL, 0, NI_NUMERICHOST) == 0)
            host->address_count++;
    uv_freeaddrinfo(result);
    if (--params->pending == 0)
        params->done(params->owner, params_assemble(params));
}

int pg_params_resolve(struct pg_params *params, uv_loop_t *loop, pg_params_fn done, void *owner) {
    const struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
    assert(params->pending == 0);
    params->done = done;
    params->owner = owner;
    params->canceled = 0;
    for (size_t i = 0; i < params->host_count; i++) {
        struct host *host = &params->hosts[i];
        host->address_count = 0;
        host->status = 0;
        if (!host_is_name(host))
            continue;
        int error = uv_getaddrinfo(loop, &host->request, host_found, host->name, NULL, &hints);
        if (error)
            host->status = error;
        else
            params->pending++;
    }
    return params->pending > 0;
}

void pg_params_cancel(struct pg_params *params) {
    params->canceled = 1;
    for (size_t i = 0; i < params->host_count && params->pending; i++)
        if (host_is_name(&params->hosts[i]))
            uv_cancel((uv_req_t *)&params->hosts[i].request);
}

const char *const *pg_params_keys(const struct pg_params *params) {
    return params->out_keys;
}

const char *const *pg_params_values(const struct pg_params *params) {
    return params->out_values;
}
