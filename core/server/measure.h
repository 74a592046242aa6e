/* Figures that are not counted as they happen: the process, the loop, the store. */
#ifndef DRAGOMAN_SERVER_MEASURE_H
#define DRAGOMAN_SERVER_MEASURE_H

#include "core/base/metrics.h"
#include "core/net/loop.h"
#include "core/server/backend.h"

/* Watches how late the loop is. Embedded in its owner; fields are private. */
struct measure {
    struct loop *loop;
    struct metrics *metrics;
    struct metric_histogram *lag;
    struct loop_timer timer;
    uint64_t armed_ns;
};

/* Loop and metrics must outlive it. */
void measure_init(struct measure *measure, struct loop *loop, struct metrics *metrics);
void measure_fini(struct measure *measure);

/* One value that goes up and down. */
void measure_gauge(struct measure *measure, const char *name, const char *help, uint64_t value);

/* One that only grows, and whose owner counts it. */
void measure_total(struct measure *measure, const char *name, const char *help, uint64_t total);

/* Whether it serves. unready: why not, NULL when it does. */
void measure_ready(struct measure *measure, const char *unready);

/* Puts the figures as they are now into the metrics. */
void measure_process(struct measure *measure);
void measure_store(struct measure *measure, const struct backend *backend);

#endif
