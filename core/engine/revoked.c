#include "core/engine/revoked.h"

#include <stdlib.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/engine/core.h"
#include "core/engine/session.h"

/* So many more than at the last reading, and the set is read anew without the expired ones. */
#define GROWTH 4096

static struct dm_slice key_of(const uint8_t *fingerprint) {
    return (struct dm_slice){ (const char *)fingerprint, STORE_FINGERPRINT_LEN };
}

void revoked_init(struct revoked *revoked) {
    map_bytes_init(&revoked->set);
    revoked->retry_us = ENGINE_NEVER;
}

static void clear(struct map_bytes *set) {
    struct map_iter iter = { 0 };
    void *value;
    while (map_bytes_next(set, &iter, NULL, &value))
        free(value);
    map_bytes_fini(set);
}

void revoked_fini(struct revoked *revoked) {
    clear(&revoked->set);
}

int revoked_contains(const struct revoked *revoked, const uint8_t *fingerprint) {
    return map_bytes_get(&revoked->set, key_of(fingerprint)) != NULL;
}

static void insert(struct map_bytes *set, const uint8_t *fingerprint) {
    char *copy;
    if (map_bytes_get(set, key_of(fingerprint)))
        return;
    copy = mem_dup(fingerprint, STORE_FINGERPRINT_LEN);
    map_bytes_put(set, (struct dm_slice){ copy, STORE_FINGERPRINT_LEN }, copy);
}

/* A session that was not opened by a token has a fingerprint of zeros, which no token has. */
static void enforce(struct engine *engine) {
    struct router_cursor cursor;
    struct list *link;
    router_walk(engine, &cursor, &engine->sessions);
    while ((link = router_step(&cursor))) {
        struct engine_session *session = container_of(link, struct engine_session, all_link);
        if (session->user && revoked_contains(&engine->revoked, session->fingerprint))
            session_revoke(session);
    }
    router_walk_end(engine, &cursor);
}

void revoked_add(struct engine *engine, const uint8_t *fingerprint) {
    struct revoked *revoked = &engine->revoked;
    insert(&revoked->set, fingerprint);
    enforce(engine);
    if (revoked->loading == REVOKED_LOADING)
        revoked->loading = REVOKED_AGAIN;
    else if (revoked->set.count > 2 * revoked->loaded_count + GROWTH)
        revoked_load(engine);
}

static void loaded(struct operation *op, enum dm_status status) {
    struct engine *engine = op->engine;
    struct revoked *revoked = &engine->revoked;
    struct map_bytes set;
    int again = revoked->loading == REVOKED_AGAIN;
    revoked->loading = REVOKED_IDLE;
    operation_finish(op, status);
    if (status != DM_OK) {
        revoked->retry_us = engine_now_us(engine) + ENGINE_RETRY_US;
        engine_wake_at(engine, revoked->retry_us);
        return;
    }
    map_bytes_init(&set);
    for (size_t i = 0; i < op->at.call.ret_fingerprint_count; i++)
        insert(&set, op->at.call.ret_fingerprints[i]);
    if (again) {
        /* Something was revoked meanwhile that the list may lack. */
        struct map_iter iter = { 0 };
        struct dm_slice key;
        while (map_bytes_next(&revoked->set, &iter, &key, NULL))
            insert(&set, (const uint8_t *)key.ptr);
    }
    clear(&revoked->set);
    revoked->set = set;
    revoked->loaded_count = set.count;
    revoked->state = REVOKED_KNOWN;
    enforce(engine);
}

void revoked_load(struct engine *engine) {
    struct revoked *revoked = &engine->revoked;
    struct operation *op;
    if (revoked->loading != REVOKED_IDLE)
        return;
    revoked->loading = REVOKED_LOADING;
    revoked->retry_us = ENGINE_NEVER;
    op = operation_new(engine, NULL);
    operation_prepare(op, STORE_REVOKED_LIST);
    operation_call(op, 0, loaded);
}

int64_t revoked_run(struct engine *engine) {
    struct revoked *revoked = &engine->revoked;
    if (revoked->retry_us != ENGINE_NEVER && revoked->retry_us <= engine_now_us(engine))
        revoked_load(engine);
    return revoked->retry_us;
}
