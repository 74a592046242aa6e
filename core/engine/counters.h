/* The engine's metric series. Private to core/engine. */
#ifndef DRAGOMAN_ENGINE_COUNTERS_H
#define DRAGOMAN_ENGINE_COUNTERS_H

#include "core/base/metrics.h"
#include "core/model/event.h"
#include "core/model/result.h"

#define COUNTERS_COMMANDS 256

/* The commands of one adapter's sessions. */
struct command_counters {
    struct command_counters *next;
    char *adapter;
    struct metric_counter *outcomes[COUNTERS_COMMANDS][DM_STATUS_COUNT];
};

/* Series are made when first needed; all functions do nothing without a registry. */
struct counters {
    struct metrics *metrics;
    struct command_counters *adapters;
    struct metric_histogram *seconds[COUNTERS_COMMANDS];
    struct metric_counter *auth_failures[DM_STATUS_COUNT];
    struct metric_gauge *sessions;
};

void counters_init(struct counters *counters, struct metrics *metrics);
void counters_fini(struct counters *counters);

/* Where the commands of an adapter's sessions are counted: looked up once for each session. */
struct command_counters *counters_of_adapter(struct counters *counters, const char *adapter);

void counters_command(struct counters *counters, struct command_counters *adapter,
                      enum dm_command_kind kind, enum dm_status status, uint64_t ns);
void counters_auth_failure(struct counters *counters, enum dm_status status);
void counters_sessions(struct counters *counters, int change);

#endif
