/* auth_reload: another configuration for a service that runs, read in the pool. */
#include <errno.h>
#include <stdlib.h>

#include "core/auth/service.h"
#include "core/base/mem.h"

struct reload_job {
    uv_work_t work;
    struct service *service;
    struct issuer_set *set;       /* NULL: the configuration was refused at once */
    int outcome;
    char error[AUTH_ERROR_SIZE];
    auth_reload_fn done;
    void *owner;
};

static void load(uv_work_t *work) {
    struct reload_job *job = container_of(work, struct reload_job, work);
    if (job->set)
        job->outcome = issuer_set_load(&job->service->crypto, job->set, job->error);
    crypto_leave_thread();
}

static void install(struct service *service, struct reload_job *job) {
    struct hasher_params params = service_hasher_params(job->set);
    service_install(service, job->set);
    job->set = NULL;
    hasher_set_params(&service->hasher, &params);
    service_watch_start(service);
}

static void loaded(uv_work_t *work, int status) {
    struct reload_job *job = container_of(work, struct reload_job, work);
    struct service *service = job->service;
    const char *error = job->outcome < 0 ? job->error : NULL;
    if (status < 0 || service->parts > 0)
        error = "the service is closing";
    service->reload = NULL;
    if (!error)
        install(service, job);
    issuer_set_unref(job->set);
    /* The one told may close the service, which then must not wait for this job. */
    unsigned closing = service->parts;
    if (job->done)
        job->done(job->owner, error);
    free(job);
    if (closing)
        service_part_closed(service);
}

int auth_reload(struct auth *auth, const struct auth_config *config, auth_reload_fn done,
                void *owner) {
    struct service *service = service_of(auth);
    if (service->reload)
        return -EBUSY;
    struct reload_job *job = mem_zalloc(sizeof(*job));
    job->service = service;
    job->done = done;
    job->owner = owner;
    job->outcome = issuer_set_new(&service->crypto, config, &job->set, job->error);
    if (uv_queue_work(service->loop, &job->work, load, loaded) < 0)
        abort();
    service->reload = job;
    return 0;
}
