#include "core/adapter/host.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "core/adapter/internal.h"
#include "core/adapter/observe.h"
#include "core/adapter/sio.h"
#include "core/base/log.h"
#include "core/base/mem.h"

#define OWN_SERIES 1024

void host_take_config(struct host *host, const struct host_config *config) {
    struct host_config *own = &host->config;

    if (config)
        *own = *config;
    if (!own->handshake_timeout_ms)
        own->handshake_timeout_ms = 10000;
    if (!own->request_timeout_ms)
        own->request_timeout_ms = 60000;
    if (!own->backlog_max)
        own->backlog_max = 512;
    if (!own->backlog_pause)
        own->backlog_pause = 64;
    if (own->backlog_pause > (own->backlog_max + 1) / 2 && own->backlog_pause != HOST_READS_ON)
        own->backlog_pause = (own->backlog_max + 1) / 2;
    free(host->public_url);
    host->public_url = NULL;
    if (own->public_url.len)
        host->public_url = mem_dup(own->public_url.ptr, own->public_url.len);
    own->public_url = dm_slice_str(host->public_url);
}

struct host *host_new(const struct host_config *config, struct loop *loop,
                      struct metrics *metrics) {
    struct host *host = mem_zalloc(sizeof(*host));

    host_api_init(host);
    host_take_config(host, config);
    host->loop = loop;
    if (!metrics)
        host->own_metrics = metrics_new(OWN_SERIES);
    host->metrics = metrics ? metrics : host->own_metrics;
    host->router = router_new();
    list_init(&host->sessions);
    list_init(&host->sios);
    map_bytes_init(&host->bases);
    json_reader_init(&host->reader);
    out_init(&host->out, &host->api, &host_out_sink);
    out_init(&host->inert, &host->api, &host_out_sink);
    out_init(&host->redactor, &host->api, &redact_sink);
    loop_hook_init(&host->drain.hook, host_drained_run);
    loop_timer_init(&host->drain.timer, host_drain_step);
    return host;
}

static void instance_free(struct instance *instance) {
    engineio_free(instance->engineio);
    adapter_values_free(instance->values);
    for (uint32_t i = 0; i < instance->retired_count; i++)
        adapter_values_free(instance->retired[i]);
    free(instance->retired);
    free(instance->pub.state);
    free(instance->name);
    free(instance->mount);
    free(instance);
}

void host_free(struct host *host) {
    if (!host)
        return;
    assert(host->session_count == 0);
    loop_hook_cancel(&host->drain.hook);
    loop_timer_cancel(host->loop, &host->drain.timer);
    encoded_reset(host);
    for (size_t i = 0; i < host->instance_count; i++) {
        assert(host->instances[i]->state != INSTANCE_STARTED);
        instance_free(host->instances[i]);
    }
    free(host->instances);
    router_free(host->router);
    map_bytes_fini(&host->bases);
    json_reader_fini(&host->reader);
    out_fini(&host->out);
    out_fini(&host->inert);
    out_fini(&host->redactor);
    metrics_free(host->own_metrics);
    free(host->user_buckets);
    free(host->user_bucket_keys);
    map_u64_fini(&host->user_requests);
    free(host->public_url);
    free(host);
}

static uint32_t value_u32(const struct instance *instance, const char *key) {
    return (uint32_t)adapter_values_int(instance->values, key);
}

void instance_take_values(struct instance *instance) {
    const struct dm_adapter *adapter = &instance->adapter;
    struct dm_slice chats = adapter_values_text(instance->values, "chats");
    int anonymous = (adapter->flags & DM_ADAPTER_ANONYMOUS) != 0;

    instance->frame_max = value_u32(instance, "frame_max");
    instance->frame_max_unauthenticated = value_u32(instance, "frame_max_unauthenticated");
    instance->body_max = value_u32(instance, "body_max");
    instance->auth_timeout_ms = anonymous ? 0 : value_u32(instance, "auth_timeout_ms");
    instance->ping_interval_ms = value_u32(instance, "ping_interval_ms");
    instance->heartbeat_ms = value_u32(instance, "heartbeat_ms");
    if (!instance->heartbeat_ms)
        instance->heartbeat_ms = instance->ping_interval_ms;
    instance->payload_max = value_u32(instance, "payload_max");
    if (!instance->payload_max)
        instance->payload_max = instance->frame_max;
    instance->rate = (struct token_rate){ value_u32(instance, "rate"),
                                          value_u32(instance, "burst") };
    instance->ping_timeout_ms = value_u32(instance, "ping_timeout_ms");
    instance->connect_timeout_ms = value_u32(instance, "connect_timeout_ms");
    instance->cors_origins = adapter_values_text(instance->values, "cors_origins");
    instance->public_url = adapter_values_text(instance->values, "public_url");
    instance->chats = adapter->flags & DM_ADAPTER_CHATS           ? CHATS_KNOWN
                      : dm_slice_eq(chats, DM_SLICE("flatten"))   ? CHATS_FLATTEN
                                                                  : CHATS_DROP;
    instance->socket_flags = ENGINE_SESSION_PRESENCE | ENGINE_SESSION_LISTED
                             | ENGINE_SESSION_HANDSHAKE;
    if (instance->chats != CHATS_DROP)
        instance->socket_flags |= ENGINE_SESSION_CHATS;
    for (int kind = 0; kind < DM_EVENT_KIND_COUNT; kind++)
        instance->treatment[kind] =
            (uint8_t)adapter_treatment(adapter, (enum dm_event_kind)kind, NULL);
}

static struct instance *instance_new(struct host *host, const struct dm_adapter *adapter,
                                     const struct host_instance_config *config) {
    struct instance *instance = mem_zalloc(sizeof(*instance));
    const char *name = config->name ? config->name : adapter->name;

    instance->host = host;
    instance->origin = adapter;
    adapter_copy(adapter, &instance->adapter);
    instance->name = mem_dup(name, strlen(name));
    if (config->mount) {
        instance->mount = mem_dup(config->mount, strlen(config->mount));
    } else {
        instance->mount = mem_alloc(strlen(name) + 2);
        instance->mount[0] = '/';
        memcpy(instance->mount + 1, name, strlen(name) + 1);
    }
    instance->values = config->values ? adapter_values_copy(config->values)
                                      : adapter_values_new(adapter);
    instance_take_values(instance);
    instance->pub.host = &host->api;
    instance->pub.name = instance->name;
    instance->pub.mount = instance->mount;
    instance->pub.state = mem_zalloc(adapter->instance_size);
    if (adapter_has_engineio(adapter))
        instance->engineio = sio_server_new(instance);
    return instance;
}

static int check_place(const struct host *host, const struct dm_adapter *adapter,
                       const struct host_instance_config *config,
                       struct adapter_error *ret_error) {
    const char *name = config->name ? config->name : adapter->name;
    const char *mount = config->mount ? config->mount : "/x";
    size_t len = strlen(mount);

    if (!adapter_name_is_good(name))
        return adapter_fail(ret_error, "adapter %s: bad name \"%.40s\"", adapter->name, name);
    if (len && (mount[0] != '/' || mount[len - 1] == '/' || strstr(mount, "//")
                || strpbrk(mount, ":?#% ")))
        return adapter_fail(ret_error, "adapter %s: bad mount \"%.100s\": wanted is \"\" or a "
                            "path like \"/x\"", name, mount);
    for (size_t i = 0; i < host->instance_count; i++)
        if (strcmp(host->instances[i]->name, name) == 0)
            return adapter_fail(ret_error, "adapter %s: the name is taken", name);
    return 0;
}

int host_add(struct host *host, const struct dm_adapter *adapter,
             const struct host_instance_config *config, struct adapter_error *ret_error) {
    static const struct host_instance_config defaults;
    struct instance *instance;
    const char *clash;
    int r;

    config = config ? config : &defaults;
    r = adapter_check(adapter, ret_error);
    if (r == 0)
        r = check_place(host, adapter, config, ret_error);
    if (r != 0)
        return r;
    instance = instance_new(host, adapter, config);
    if (router_add(host->router, instance->mount, &instance->adapter.routes, instance, &clash)
        != 0) {
        r = adapter_fail(ret_error, "adapter %s at \"%s\": route %s is another adapter's",
                         instance->name, instance->mount, clash);
        instance_free(instance);
        return r;
    }
    count_init(instance);
    host->instances = mem_realloc(host->instances,
                                  (host->instance_count + 1) * sizeof(struct instance *));
    host->instances[host->instance_count++] = instance;
    return 0;
}

void host_attach_engine(struct host *host, struct engine *engine) {
    host->engine = engine;
}

int host_start(struct host *host, struct adapter_error *ret_error) {
    for (size_t i = 0; i < host->instance_count; i++) {
        struct instance *instance = host->instances[i];
        int r = 0;

        if (instance->state == INSTANCE_STARTED)
            continue;
        host->start_said[0] = '\0';
        if (instance->adapter.start) {
            log_event(LOG_LEVEL_INFO, "adapter starts", LOG_STR("adapter", instance->name));
            hook_enter(instance, NULL, HOOK_START);
            r = instance->adapter.start(&instance->pub);
            hook_leave(host, NULL);
        }
        if (r != 0) {
            host_stop(host);
            memset(instance->pub.state, 0, instance->adapter.instance_size);
            return adapter_fail(ret_error, "adapter %s did not start: %s", instance->name,
                                host->start_said[0] ? host->start_said : "it does not say why");
        }
        instance->state = INSTANCE_STARTED;
        log_event(LOG_LEVEL_INFO, "adapter started", LOG_STR("adapter", instance->name),
                  LOG_STR("version", instance->adapter.version),
                  LOG_STR("mount", instance->mount));
    }
    return 0;
}

void host_stop(struct host *host) {
    assert(host->session_count == 0);
    for (size_t i = host->instance_count; i > 0; i--) {
        struct instance *instance = host->instances[i - 1];

        if (instance->state != INSTANCE_STARTED)
            continue;
        if (instance->adapter.stop) {
            hook_enter(instance, NULL, HOOK_STOP);
            instance->adapter.stop(&instance->pub);
            hook_leave(host, NULL);
        }
        memset(instance->pub.state, 0, instance->adapter.instance_size);
        instance->state = INSTANCE_ADDED;
    }
}

void host_hang_up(struct host *host) {
    for (size_t i = 0; i < host->instance_count; i++)
        if (host->instances[i]->engineio)
            engineio_abort_all(host->instances[i]->engineio);
}

uint32_t host_session_count(const struct host *host) {
    return host->session_count;
}

void host_set_file_url(struct host *host, host_file_url_fn *fn, void *userdata) {
    host->file_url = fn;
    host->file_url_data = userdata;
}

const struct dm_instance *host_instance_at(const struct host *host, size_t index) {
    return index < host->instance_count ? &host->instances[index]->pub : NULL;
}

const struct dm_adapter *host_adapter_at(const struct host *host, size_t index) {
    return index < host->instance_count ? host->instances[index]->origin : NULL;
}
