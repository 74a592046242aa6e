#include "core/auth/hasher.h"

#include <argon2.h>
#include <assert.h>
#include <stdlib.h>

#include "core/base/mem.h"
#include "core/base/random.h"
#include "core/base/secret.h"

#define SALT_LEN 16
#define TAG_LEN 32

enum job_kind {
    JOB_HASH,
    JOB_CHECK,
};

struct job {
    struct list link;
    uv_work_t work;
    struct hasher *hasher;
    enum job_kind kind;
    union {
        auth_hash_fn hash;
        auth_check_fn check;
    } done;
    void *owner;
    struct hasher_params params;
    enum dm_status status;
    char encoded[HASHER_ENCODED_MAX]; /* NUL-terminated; empty: nothing to compare with */
    size_t secret_len;
    char secret[];
};

static struct job *job_new(struct hasher *hasher, enum job_kind kind, struct dm_slice secret,
                           void *owner) {
    struct job *job = mem_zalloc(sizeof(*job) + secret.len);
    list_init(&job->link);
    job->hasher = hasher;
    job->kind = kind;
    job->owner = owner;
    job->status = DM_UNAVAILABLE;
    job->secret_len = secret.len;
    if (secret.len)
        memcpy(job->secret, secret.ptr, secret.len);
    return job;
}

static void job_finish(struct job *job) {
    secret_wipe(job->secret, job->secret_len);
    list_remove(&job->link);
    if (job->kind == JOB_CHECK)
        job->done.check(job->owner, job->status);
    else
        job->done.hash(job->owner, job->status,
                       job->status == DM_OK ? dm_slice_str(job->encoded) : DM_SLICE_NONE);
    secret_wipe(job->encoded, sizeof(job->encoded));
    free(job);
}

/* ---- in the pool ---- */

static enum dm_status run_hash(struct job *job) {
    const struct hasher_params *params = &job->params;
    uint8_t salt[SALT_LEN];
    random_bytes(salt, sizeof(salt));
    int r = argon2id_hash_encoded(params->passes, params->memory, params->lanes, job->secret,
                                  job->secret_len, salt, sizeof(salt), TAG_LEN, job->encoded,
                                  sizeof(job->encoded));
    return r == ARGON2_OK ? DM_OK : DM_UNAVAILABLE;
}

/* Costs what a comparison with a hash of our own would. */
static enum dm_status run_dummy(struct job *job) {
    static const uint8_t salt[SALT_LEN];
    const struct hasher_params *params = &job->params;
    uint8_t tag[TAG_LEN];
    int r = argon2id_hash_raw(params->passes, params->memory, params->lanes, job->secret,
                              job->secret_len, salt, sizeof(salt), tag, sizeof(tag));
    secret_wipe(tag, sizeof(tag));
    return r == ARGON2_OK ? DM_UNAUTHENTICATED : DM_UNAVAILABLE;
}

static enum dm_status run_check(struct job *job) {
    if (!job->encoded[0])
        return run_dummy(job);
    switch (argon2id_verify(job->encoded, job->secret, job->secret_len)) {
    case ARGON2_OK:
        return DM_OK;
    case ARGON2_VERIFY_MISMATCH:
        return DM_UNAUTHENTICATED;
    case ARGON2_MEMORY_ALLOCATION_ERROR:
    case ARGON2_THREAD_FAIL:
        return DM_UNAVAILABLE;
    default:
        return run_dummy(job);
    }
}

static void job_run(uv_work_t *work) {
    struct job *job = container_of(work, struct job, work);
    job->status = job->kind == JOB_HASH ? run_hash(job) : run_check(job);
    secret_wipe(job->secret, job->secret_len);
}

/* ---- on the loop ---- */

static void start_waiting(struct hasher *hasher);

static void idle_closed(uv_handle_t *handle) {
    struct hasher *hasher = container_of(handle, struct hasher, idle);
    hasher->closed(hasher);
}

static void close_when_done(struct hasher *hasher) {
    if (hasher->closed && hasher->running_count == 0 && list_is_empty(&hasher->waiting)
        && list_is_empty(&hasher->refused) && !uv_is_closing((uv_handle_t *)&hasher->idle))
        uv_close((uv_handle_t *)&hasher->idle, idle_closed);
}

static void job_after(uv_work_t *work, int status) {
    struct job *job = container_of(work, struct job, work);
    struct hasher *hasher = job->hasher;
    if (status < 0)
        job->status = DM_UNAVAILABLE;
    hasher->running_count--;
    start_waiting(hasher);
    job_finish(job);
    close_when_done(hasher);
}

static void finish_refused(uv_idle_t *idle) {
    struct hasher *hasher = container_of(idle, struct hasher, idle);
    struct list now;
    list_init(&now);
    list_splice_back(&now, &hasher->refused);
    for (struct list *link = list_front(&now); link; link = list_front(&now))
        job_finish(container_of(link, struct job, link));
    if (list_is_empty(&hasher->refused))
        uv_idle_stop(&hasher->idle);
    close_when_done(hasher);
}

static void refuse(struct hasher *hasher, struct job *job, enum dm_status status) {
    secret_wipe(job->secret, job->secret_len);
    job->status = status;
    list_push_back(&hasher->refused, &job->link);
    uv_idle_start(&hasher->idle, finish_refused);
}

static void start(struct hasher *hasher, struct job *job) {
    list_push_back(&hasher->running, &job->link);
    hasher->running_count++;
    int r = uv_queue_work(hasher->loop, &job->work, job_run, job_after);
    assert(r == 0);
    (void)r;
}

static void start_waiting(struct hasher *hasher) {
    while (hasher->running_count < hasher->params.parallel && !list_is_empty(&hasher->waiting)) {
        struct list *link = list_pop_front(&hasher->waiting);
        hasher->waiting_count--;
        start(hasher, container_of(link, struct job, link));
    }
}

static void submit(struct hasher *hasher, struct job *job) {
    job->params = hasher->params;
    if (hasher->closed) {
        refuse(hasher, job, DM_UNAVAILABLE);
    } else if (hasher->running_count < hasher->params.parallel) {
        start(hasher, job);
    } else if (hasher->waiting_count < hasher->params.queue) {
        list_push_back(&hasher->waiting, &job->link);
        hasher->waiting_count++;
    } else {
        refuse(hasher, job, DM_UNAVAILABLE);
    }
}

int hasher_init(struct hasher *hasher, uv_loop_t *loop, const struct hasher_params *params) {
    *hasher = (struct hasher){ .loop = loop, .params = *params };
    list_init(&hasher->waiting);
    list_init(&hasher->running);
    list_init(&hasher->refused);
    return uv_idle_init(loop, &hasher->idle);
}

void hasher_set_params(struct hasher *hasher, const struct hasher_params *params) {
    hasher->params = *params;
    start_waiting(hasher);
}

void hasher_hash(struct hasher *hasher, struct dm_slice secret, auth_hash_fn done, void *owner) {
    enum { FITS, TOO_LONG } size = secret.len > HASHER_SECRET_MAX ? TOO_LONG : FITS;
    struct job *job = job_new(hasher, JOB_HASH, size == FITS ? secret : DM_SLICE_NONE, owner);
    job->done.hash = done;
    if (size == FITS)
        submit(hasher, job);
    else
        refuse(hasher, job, DM_TOO_LARGE);
}

void hasher_check(struct hasher *hasher, struct dm_slice secret, struct dm_slice hash,
                  auth_check_fn done, void *owner) {
    int comparable = secret.len <= HASHER_SECRET_MAX;
    struct job *job = job_new(hasher, JOB_CHECK, comparable ? secret : DM_SLICE_NONE, owner);
    job->done.check = done;
    if (comparable && hasher_encoded_sound(hash, hasher->params.memory_max))
        memcpy(job->encoded, hash.ptr, hash.len);
    submit(hasher, job);
}

void hasher_close(struct hasher *hasher, hasher_closed_fn closed) {
    hasher->closed = closed;
    while (!list_is_empty(&hasher->waiting)) {
        struct list *link = list_pop_front(&hasher->waiting);
        hasher->waiting_count--;
        refuse(hasher, container_of(link, struct job, link), DM_UNAVAILABLE);
    }
    list_foreach(link, &hasher->running)
        uv_cancel((uv_req_t *)&container_of(link, struct job, link)->work);
    close_when_done(hasher);
}
