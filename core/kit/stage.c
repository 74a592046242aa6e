#include "core/kit/stage.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/base/clock.h"
#include "core/base/random.h"
#include "core/kit/secret.h"

#define QUIET_TURNS 8
#define BLIND_TURNS 100
#define PATIENCE_NS (UINT64_C(20) * 1000 * 1000 * 1000)

int stage_open(struct stage *stage, const struct stage_backing *backing,
               const struct stage_plan *plan, struct buf *error) {
    char url[NET_ADDRESS_TEXT + 16];
    *stage = (struct stage){ .backing = backing };
    if (backing->open(plan, stage, error) != 0)
        return -1;
    snprintf(url, sizeof(url), "http://%s", stage->address);
    if (target_parse(url, &stage->target) || target_resolve(&stage->target, loop_uv(stage->loop)))
        abort();
    stage_settle(stage);
    return 0;
}

void stage_close(struct stage *stage) {
    stage->backing->close(stage);
    buf_fini(&stage->secrets);
    buf_fini(&stage->logins);
}

/* With a store that does not answer the engine is busy for good: what else is under way cannot be
 * seen. */
static int is_blind(const struct stage *stage) {
    return stage->memory && memory_mood(stage->memory) != MEMORY_ANSWERS;
}

static int is_busy(const struct stage *stage) {
    return !is_blind(stage) && (engine_busy(stage->engine) || store_pending(stage->store));
}

static void pause_briefly(void) {
    const struct timespec moment = { 0, 200000 };
    nanosleep(&moment, NULL);
}

/* Work in the pool and in a database takes a while; all else is done once a few turns in a row
 * brought nothing to do. */
void stage_settle(struct stage *stage) {
    int quiet = 0, enough = is_blind(stage) ? BLIND_TURNS : QUIET_TURNS;
    uint64_t begun = clock_mono_ns();
    for (int turn = 0; quiet < enough && !(stage->is_restless && turn > BLIND_TURNS); turn++) {
        stage->is_restless |= clock_mono_ns() - begun > PATIENCE_NS;
        loop_run_once(stage->loop);
        if (is_busy(stage) || is_blind(stage))
            pause_briefly();
        quiet = is_busy(stage) ? 0 : quiet + 1;
    }
}

void stage_answered(struct stage *stage, const struct dm_result *result) {
    if (!stage->answers || result->kind == DM_CMD_NONE)
        return;
    stage->answers->count++;
    stage->answers->logins += result->kind == DM_CMD_AUTHENTICATE || result->kind == DM_CMD_LOGIN ||
                              result->kind == DM_CMD_REGISTER || result->kind == DM_CMD_REFRESH;
}

struct awaited {
    int done;
    enum dm_status status;
    struct buf *out;
};

static void await(struct stage *stage, const struct awaited *awaited) {
    while (!awaited->done) {
        loop_run_once(stage->loop);
        if (!awaited->done)
            pause_briefly();
    }
}

static void call_done(struct store_request *request, enum dm_status status) {
    struct awaited *awaited = request->owner;
    awaited->status = status;
    awaited->done = 1;
}

enum dm_status stage_call(struct stage *stage, struct store_call *call) {
    struct awaited awaited = { .done = 0 };
    call->base.done = call_done;
    call->base.owner = &awaited;
    store_submit(stage->store, &call->base);
    await(stage, &awaited);
    return awaited.status;
}

static void hash_done(void *owner, enum dm_status status, struct dm_slice hash) {
    struct awaited *awaited = owner;
    awaited->status = status;
    awaited->done = 1;
    if (status == DM_OK)
        buf_append_slice(awaited->out, hash);
}

static struct dm_slice hash_secret(struct stage *stage, struct dm_slice secret,
                                   struct buf *hash) {
    struct awaited awaited = { .out = hash };
    if (!secret.ptr)
        return DM_SLICE_NONE;
    stage->auth->ops->hash(stage->auth, secret, hash_done, &awaited);
    await(stage, &awaited);
    return buf_slice(hash);
}

static void keep_login(struct stage *stage, struct dm_slice name, struct dm_slice secret) {
    if (!name.ptr || !secret.ptr)
        return;
    stage_keep_secret(stage, secret);
    buf_append_slice(&stage->logins, name);
    buf_append_char(&stage->logins, '\0');
    buf_append_slice(&stage->logins, secret);
    buf_append_char(&stage->logins, '\0');
}

enum dm_status stage_user_new(struct stage *stage, const struct dm_profile *profile,
                              struct dm_slice password, struct dm_slice pin,
                              struct arena *arena, const struct dm_user **ret_user) {
    struct buf password_hash = BUF_INIT, pin_hash = BUF_INIT;
    struct dm_result result = { .status = DM_OK };
    struct store_account account = { .profile = *profile };
    struct store_call call = { .base = { .kind = STORE_USER_CREATE }, .arena = arena,
                               .account = &account, .result = &result };
    uuid_random(&account.uuid);
    account.password_hash = hash_secret(stage, password, &password_hash);
    account.pin_hash = hash_secret(stage, pin, &pin_hash);
    account.activity = STORE_ACTIVATE;
    enum dm_status status = stage_call(stage, &call);
    *ret_user = result.user;
    keep_login(stage, profile->username, password);
    keep_login(stage, profile->username, pin);
    keep_login(stage, profile->email, password);
    keep_login(stage, profile->email, pin);
    buf_fini(&password_hash);
    buf_fini(&pin_hash);
    return status;
}

void stage_token_new(struct stage *stage, const struct dm_user *user, int64_t seconds,
                     struct buf *ret_token) {
    struct buf token = BUF_INIT;
    if (stage->auth->ops->issue(stage->auth, user, AUTH_TOKEN_ACCESS, seconds, &token) < 0)
        abort();
    stage_keep_secret(stage, buf_slice(&token));
    buf_append_slice(ret_token, buf_slice(&token));
    buf_fini(&token);
}

void stage_token_revoke(struct stage *stage, struct dm_slice token) {
    struct arena arena;
    struct dm_result result = { .status = DM_OK };
    struct bus_notice notice = { .kind = BUS_TOKEN_REVOKED };
    struct store_call call = { .base = { .kind = STORE_TOKEN_REVOKE }, .arena = &arena,
                               .result = &result, .expires_us = INT64_C(4102444800000000) };
    arena_init(&arena, 4096);
    auth_fingerprint(token, call.fingerprint);
    memcpy(notice.fingerprint, call.fingerprint, sizeof(notice.fingerprint));
    stage_call(stage, &call);
    engine_notice(stage->engine, &notice);
    stage_settle(stage);
    arena_fini(&arena);
}

void stage_keep_secret(struct stage *stage, struct dm_slice secret) {
    if (secret.len < SECRET_MIN)
        return;
    buf_append_slice(&stage->secrets, secret);
    buf_append_char(&stage->secrets, '\0');
}

struct dm_slice stage_find_secret(const struct stage *stage, struct dm_slice text) {
    const char *end = stage->secrets.data + stage->secrets.len;
    for (const char *secret = stage->secrets.data; secret && secret < end;
         secret += strlen(secret) + 1)
        if (memmem(text.ptr, text.len, secret, strlen(secret)))
            return dm_slice_str(secret);
    return DM_SLICE_NONE;
}

static int holds(struct dm_slice text, const char *word) {
    return memmem(text.ptr, text.len, word, strlen(word)) != NULL;
}

/* Whether the text holds a name, and the secret that goes with it as `find` finds it. */
static int holds_login(const struct stage *stage, struct dm_slice text,
                       int (*find)(struct dm_slice text, const char *secret)) {
    const char *name = stage->logins.data, *end = name + stage->logins.len;
    while (name && name < end) {
        const char *secret = name + strlen(name) + 1;
        if (holds(text, name) && find(text, secret))
            return 1;
        name = secret + strlen(secret) + 1;
    }
    return 0;
}

void stage_list_secrets(const struct stage *stage, struct buf *ret_secrets) {
    const char *name = stage->logins.data, *end = name + stage->logins.len;
    buf_append_slice(ret_secrets, buf_slice(&stage->secrets));
    while (name && name < end) {
        const char *secret = name + strlen(name) + 1;
        name = secret + strlen(secret) + 1;
        buf_append(ret_secrets, secret, (size_t)(name - secret));
    }
}

int stage_has_login(const struct stage *stage, struct dm_slice text) {
    return stage_find_secret(stage, text).ptr || holds_login(stage, text, holds);
}

int stage_shows_login(const struct stage *stage, struct dm_slice text) {
    return holds_login(stage, text, secret_is_word);
}
