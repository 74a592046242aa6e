/* The engine's metric series. Private to core/engine. */
#ifndef DRAGOMAN_ENGINE_COUNTERS_H
#define DRAGOMAN_ENGINE_COUNTERS_H

#include "core/base/metrics.h"
#include "core/model/event.h"
#include "core/model/result.h"

#define COUNTERS_COMMANDS 256

/* Series are made when first needed; all functions do nothing without a registry. */
struct counters {
    struct metrics *metrics;
    struct metric_counter *commands[COUNTERS_COMMANDS][DM_STATUS_COUNT];
    struct metric_histogram *seconds[COUNTERS_COMMANDS];
    struct metric_counter *events[DM_EVENT_KIND_COUNT];
    struct metric_counter *auth_failures[DM_STATUS_COUNT];
    struct metric_gauge *sessions;
};

void counters_init(struct counters *counters, struct metrics *metrics);
void counters_command(struct counters *counters, enum dm_command_kind kind,
                      enum dm_status status, uint64_t ns);
void counters_event(struct counters *counters, enum dm_event_kind kind, size_t sessions);
void counters_auth_failure(struct counters *counters, enum dm_status status);
void counters_sessions(struct counters *counters, int change);

#endif
