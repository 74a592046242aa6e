#include "core/engine/engine.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/engine/catchup.h"
#include "core/engine/core.h"
#include "core/engine/fanout.h"
#include "core/engine/order.h"
#include "core/engine/strand.h"

static uint32_t or_default(uint32_t value, uint32_t fallback) {
    return value ? value : fallback;
}

static void set_config(struct engine *engine, const struct engine_config *given) {
    struct engine_config *config = &engine->config;
    const char *role = given->gate_role ? given->gate_role : "TUTOR";
    *config = *given;
    config->text_max = or_default(given->text_max, 65536);
    config->name_max = or_default(given->name_max, 512);
    config->secret_max = or_default(given->secret_max, 1024);
    config->attachments_max = or_default(given->attachments_max, 100);
    config->uploads_max = or_default(given->uploads_max, 10);
    config->upload_max = or_default(given->upload_max, UINT32_C(10) << 20);
    config->upload_total_max = or_default(given->upload_total_max, UINT32_C(16) << 20);
    if (!given->upload_memory_max)
        config->upload_memory_max = UINT64_C(256) << 20;
    config->queue_max = or_default(given->queue_max, 1024);
    config->held_max = or_default(given->held_max, 64);
    config->watch_max = or_default(given->watch_max, 1000);
    config->page_max = or_default(given->page_max, 500);
    config->cache_users = or_default(given->cache_users, 100000);
    config->cache_threads = or_default(given->cache_threads, 100000);
    config->guesses = or_default(given->guesses, 5);
    snprintf(engine->gate_text, sizeof(engine->gate_text), "%s", role);
    config->gate_role = engine->gate_text;
    engine->gate_role = dm_slice_str(engine->gate_text);
}

struct engine *engine_new(const struct engine_config *config, struct store *store,
                          struct auth *auth, const struct engine_client *client,
                          struct metrics *metrics) {
    struct engine *engine = mem_zalloc(sizeof(*engine));
    set_config(engine, config);
    engine->store = store;
    engine->auth = auth;
    engine->client = client;
    engine->wake_us = ENGINE_NEVER;
    engine->reload_due_us = ENGINE_NEVER;
    engine->recheck_us = ENGINE_NEVER;
    list_init(&engine->sessions);
    list_init(&engine->ready);
    list_init(&engine->delayed);
    list_init(&engine->catchups);
    list_init(&engine->caught_up);
    list_init(&engine->reloads);
    list_init(&engine->out_of_order);
    counters_init(&engine->counters, metrics);
    operation_pool_init(&engine->operations);
    user_cache_init(&engine->users);
    thread_cache_init(&engine->threads);
    presence_init(&engine->presence);
    throttle_init(&engine->throttle);
    revoked_init(&engine->revoked);
    marks_init(&engine->marks);
    cluster_init(&engine->cluster);
    recovery_init(&engine->recovery);
    revoked_load(engine);
    return engine;
}

void engine_free(struct engine *engine) {
    if (!engine)
        return;
    assert(list_is_empty(&engine->sessions));
    assert(engine_busy(engine) == 0);
    cluster_fini(engine);
    recovery_fini(&engine->recovery);
    thread_cache_fini(engine);
    presence_fini(&engine->presence);
    user_cache_fini(&engine->users);
    operation_pool_fini(&engine->operations);
    throttle_fini(&engine->throttle);
    revoked_fini(&engine->revoked);
    marks_fini(&engine->marks);
    counters_fini(&engine->counters);
    free(engine);
}

void engine_reload(struct engine *engine, const struct engine_config *config) {
    set_config(engine, config);
}

void engine_observe(struct engine *engine, const struct engine_observer *observer) {
    engine->observer = observer;
}

size_t engine_busy(const struct engine *engine) {
    return engine->operations.live_count + engine->marks.pending;
}

void engine_attach_bus(struct engine *engine, struct bus *bus) {
    engine->cluster.bus = bus;
}

int engine_is_settled(const struct engine *engine) {
    return cluster_is_settled(&engine->cluster);
}

void engine_node_stats(const struct engine *engine, struct engine_node_stats *ret_stats) {
    *ret_stats = engine->cluster.stats;
    ret_stats->nodes = engine->cluster.peers.count;
}

void engine_leave(struct engine *engine) {
    cluster_leave(engine);
}

void engine_flush(struct engine *engine) {
    marks_run(engine, MARKS_NOW);
}

int64_t engine_now_us(const struct engine *engine) {
    return engine->config.now_us ? engine->config.now_us() : (int64_t)(clock_mono_ns() / 1000);
}

void engine_wake_at(struct engine *engine, int64_t due_us) {
    if (due_us >= engine->wake_us)
        return;
    engine->wake_us = due_us;
    int64_t left_us = due_us > 0 ? due_us - engine_now_us(engine) : 0;
    uint32_t ms = 0;
    if (left_us > INT64_C(3600000000))
        ms = 3600000;
    else if (left_us > 0)
        ms = (uint32_t)((left_us + 999) / 1000);
    engine->client->wake(engine->client->owner, ms);
}

static int64_t sooner(int64_t a, int64_t b) {
    return a < b ? a : b;
}

void engine_run(struct engine *engine) {
    int64_t due_us;
    engine->wake_us = ENGINE_NEVER;
    strand_run_ready(engine);
    due_us = operation_run_delayed(engine);
    due_us = sooner(due_us, revoked_run(engine));
    due_us = sooner(due_us, fanout_run(engine));
    due_us = sooner(due_us, catchup_run(engine));
    due_us = sooner(due_us, recovery_run(engine));
    due_us = sooner(due_us, order_run(engine));
    if (engine->recheck_us <= engine_now_us(engine))
        notice_recheck(engine);
    due_us = sooner(due_us, engine->recheck_us);
    presence_run(engine);
    due_us = sooner(due_us, marks_run(engine, MARKS_LAZY));
    user_cache_collect(engine);
    if (due_us != ENGINE_NEVER)
        engine_wake_at(engine, due_us);
}

int engine_user_is_online(const struct engine *engine, int64_t user_id) {
    return presence_is_online(engine, user_id);
}
