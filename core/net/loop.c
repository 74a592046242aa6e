#include "core/net/loop.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "core/base/mem.h"
#include "core/net/loop_internal.h"

#define HOOK_ROUNDS 8

static int hooks_are_empty(const struct loop *loop) {
    return list_is_empty(&loop->hooks[LOOP_DEFER]) && list_is_empty(&loop->hooks[LOOP_FLUSH]);
}

static void hooks_run(struct list *marked) {
    /* A list of its own, so that what is marked meanwhile waits for the next round. */
    struct list batch;
    list_init(&batch);
    list_splice_back(&batch, marked);
    struct list *link;
    while ((link = list_pop_front(&batch))) {
        /* Of thousands the second next one is seldom in a cache, unless it is asked for now. */
        __builtin_prefetch(batch.next->next);
        struct loop_hook *hook = container_of(link, struct loop_hook, link);
        hook->fn(hook);
    }
}

/* The last round is for what leaves, however much is still put off. */
static void turn_end(struct loop *loop) {
    for (int round = 1; round <= HOOK_ROUNDS && !hooks_are_empty(loop); round++) {
        if (list_is_empty(&loop->hooks[LOOP_DEFER]) || round == HOOK_ROUNDS)
            hooks_run(&loop->hooks[LOOP_FLUSH]);
        else
            hooks_run(&loop->hooks[LOOP_DEFER]);
    }
    if (hooks_are_empty(loop))
        uv_idle_stop(&loop->idle);
}

static void on_prepare(uv_prepare_t *handle) {
    turn_end(handle->data);
}

static void on_check(uv_check_t *handle) {
    turn_end(handle->data);
}

static void on_idle(uv_idle_t *handle) {
    (void)handle;
}

static int handles_init(struct loop *loop) {
    int r = uv_loop_init(&loop->uv);
    if (r < 0)
        return r;
    /* None of these can fail. prepare flushes what timers and closing callbacks wrote, check what
     * I/O did; idle keeps the poll from sleeping while hooks wait. */
    uv_prepare_init(&loop->uv, &loop->prepare);
    uv_check_init(&loop->uv, &loop->check);
    uv_idle_init(&loop->uv, &loop->idle);
    loop->prepare.data = loop;
    loop->check.data = loop;
    uv_prepare_start(&loop->prepare, on_prepare);
    uv_check_start(&loop->check, on_check);
    uv_unref((uv_handle_t *)&loop->prepare);
    uv_unref((uv_handle_t *)&loop->check);
    return loop_timers_init(loop);
}

int loop_new(struct loop **ret_loop) {
    struct loop *loop = mem_zalloc(sizeof(*loop));
    list_init(&loop->hooks[LOOP_DEFER]);
    list_init(&loop->hooks[LOOP_FLUSH]);
    int r = handles_init(loop);
    if (r < 0) {
        free(loop);
        return r;
    }
    signal(SIGPIPE, SIG_IGN);
    loop->scratch = mem_alloc(LOOP_SCRATCH_SIZE);
    *ret_loop = loop;
    return 0;
}

void loop_free(struct loop *loop) {
    if (!loop)
        return;
    uv_run(&loop->uv, UV_RUN_NOWAIT);
    assert(hooks_are_empty(loop));
    uv_close((uv_handle_t *)&loop->prepare, NULL);
    uv_close((uv_handle_t *)&loop->check, NULL);
    uv_close((uv_handle_t *)&loop->idle, NULL);
    uv_close((uv_handle_t *)&loop->timers.handle, NULL);
    uv_run(&loop->uv, UV_RUN_DEFAULT);
    int r = uv_loop_close(&loop->uv);
    assert(r == 0);
    (void)r;
    loop_timers_fini(loop);
    free(loop->scratch);
    free(loop);
}

void loop_run(struct loop *loop) {
    uv_run(&loop->uv, UV_RUN_DEFAULT);
}

int loop_run_once(struct loop *loop) {
    return uv_run(&loop->uv, UV_RUN_NOWAIT) != 0;
}

void loop_stop(struct loop *loop) {
    uv_stop(&loop->uv);
}

uv_loop_t *loop_uv(struct loop *loop) {
    return &loop->uv;
}

uint64_t loop_now(const struct loop *loop) {
    return uv_now(&loop->uv);
}

uint8_t *loop_scratch(struct loop *loop) {
    return loop->scratch;
}

void loop_hook_init(struct loop_hook *hook, loop_hook_fn *fn) {
    list_init(&hook->link);
    hook->fn = fn;
}

void loop_hook_mark(struct loop *loop, struct loop_hook *hook, enum loop_phase phase) {
    if (!list_is_empty(&hook->link))
        return;
    if (hooks_are_empty(loop))
        uv_idle_start(&loop->idle, on_idle);
    list_push_back(&loop->hooks[phase], &hook->link);
}

void loop_hook_cancel(struct loop_hook *hook) {
    list_remove(&hook->link);
}

static void on_work(uv_work_t *request) {
    struct loop_job *job = container_of(request, struct loop_job, request);
    job->work(job);
}

static void on_work_done(uv_work_t *request, int status) {
    struct loop_job *job = container_of(request, struct loop_job, request);
    job->done(job, status == UV_ECANCELED ? -ECANCELED : 0);
}

void loop_job_start(struct loop *loop, struct loop_job *job, loop_job_fn *work,
                    loop_job_done_fn *done) {
    job->work = work;
    job->done = done;
    int r = uv_queue_work(&loop->uv, &job->request, on_work, on_work_done);
    assert(r == 0);
    (void)r;
}

int loop_job_cancel(struct loop_job *job) {
    return uv_cancel((uv_req_t *)&job->request) == 0 ? 0 : -EBUSY;
}
