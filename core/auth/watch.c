/* Looks at the JWKS files from time to time. */
#include <stdlib.h>

#include "core/auth/service.h"
#include "core/base/log.h"
#include "core/base/mem.h"

/* What was found in one issuer's file. */
struct finding {
    struct issuer *issuer;  /* only its constant members may be read in the pool */
    struct file_stamp stamp;
    struct key_set keys;
    int outcome;            /* of jwks_file_load */
    char error[AUTH_ERROR_SIZE];
};

struct watch_job {
    uv_work_t work;
    struct service *service;
    struct issuer_set *set;
    size_t count;
    struct finding findings[];
};

static void look(uv_work_t *work) {
    struct watch_job *job = container_of(work, struct watch_job, work);
    for (size_t i = 0; i < job->count; i++) {
        struct finding *finding = &job->findings[i];
        finding->outcome = jwks_file_load(&job->service->crypto, finding->issuer->jwks_path,
                                          finding->issuer->algorithms, &finding->stamp,
                                          &finding->keys, finding->error);
    }
    crypto_leave_thread();
}

static void replace_keys(struct issuer *issuer, struct finding *finding) {
    key_set_fini(&issuer->jwks);
    issuer->jwks = finding->keys;
    issuer->file_error[0] = '\0';
    log_event(LOG_LEVEL_INFO, "JWKS file read again", LOG_STR("issuer", issuer->name),
              LOG_UINT("keys", issuer->jwks.count));
}

/* Once for each fault, not at each look. */
static void report(struct issuer *issuer, const struct finding *finding) {
    if (strcmp(issuer->file_error, finding->error) == 0)
        return;
    memcpy(issuer->file_error, finding->error, sizeof(issuer->file_error));
    log_event(LOG_LEVEL_WARNING, "JWKS file not usable, the keys read before serve on",
              LOG_STR("issuer", issuer->name), LOG_STR("path", issuer->jwks_path),
              LOG_STR("error", finding->error));
}

static void apply(struct finding *finding) {
    struct issuer *issuer = finding->issuer;
    issuer->stamp = finding->stamp;
    if (finding->outcome > 0)
        replace_keys(issuer, finding);
    else if (finding->outcome < 0)
        report(issuer, finding);
}

static void looked(uv_work_t *work, int status) {
    struct watch_job *job = container_of(work, struct watch_job, work);
    struct service *service = job->service;
    for (size_t i = 0; status == 0 && i < job->count; i++)
        apply(&job->findings[i]);
    issuer_set_unref(job->set);
    free(job);
    service->watch = NULL;
    if (service->parts > 0)
        service_part_closed(service);
}

static void start_look(uv_timer_t *timer) {
    struct service *service = container_of(timer, struct service, watch_timer);
    struct issuer_set *set = service->issuers;
    if (service->watch)
        return;
    struct watch_job *job =
        mem_zalloc(sizeof(*job) + set->file_count * sizeof(job->findings[0]));
    job->service = service;
    job->set = issuer_set_ref(set);
    for (size_t i = 0; i < set->count; i++) {
        struct issuer *issuer = &set->items[i];
        if (issuer->jwks_path)
            job->findings[job->count++] = (struct finding){ .issuer = issuer,
                                                            .stamp = issuer->stamp };
    }
    if (uv_queue_work(service->loop, &job->work, look, looked) < 0)
        abort();
    service->watch = job;
}

void service_watch_start(struct service *service) {
    uint64_t interval = service->issuers->config.jwks_interval;
    uv_timer_stop(&service->watch_timer);
    if (service->issuers->file_count == 0)
        return;
    uv_timer_start(&service->watch_timer, start_look, interval, interval);
    uv_unref((uv_handle_t *)&service->watch_timer);
}
