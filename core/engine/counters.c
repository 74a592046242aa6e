#include "core/engine/counters.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

void counters_init(struct counters *counters, struct metrics *metrics) {
    memset(counters, 0, sizeof(*counters));
    counters->metrics = metrics;
    if (metrics)
        counters->sessions = metrics_gauge(metrics, "dragoman_sessions_authenticated",
                                           "Sessions with a principal.",
                                           METRIC_NO_LABELS);
}

void counters_fini(struct counters *counters) {
    while (counters->adapters) {
        struct command_counters *adapter = counters->adapters;
        counters->adapters = adapter->next;
        free(adapter->adapter);
        free(adapter);
    }
}

struct command_counters *counters_of_adapter(struct counters *counters, const char *adapter) {
    struct command_counters *found = counters->adapters;
    while (found && strcmp(found->adapter, adapter))
        found = found->next;
    if (found)
        return found;
    found = mem_zalloc(sizeof(*found));
    found->adapter = mem_dup(adapter, strlen(adapter));
    found->next = counters->adapters;
    counters->adapters = found;
    return found;
}

void counters_command(struct counters *counters, struct command_counters *adapter,
                      enum dm_command_kind kind, enum dm_status status, uint64_t ns) {
    size_t index = (unsigned)kind < COUNTERS_COMMANDS ? (size_t)kind : 0;
    const char *name = dm_command_name((enum dm_command_kind)index);
    if (!counters->metrics)
        return;
    if (!adapter->outcomes[index][status])
        adapter->outcomes[index][status] =
            metrics_counter(counters->metrics, "dragoman_commands_total",
                            "Commands answered, by adapter, kind and outcome.",
                            METRIC_LABELS("adapter", adapter->adapter, "command", name,
                                          "outcome", dm_status_name(status)));
    if (!counters->seconds[index])
        counters->seconds[index] =
            metrics_histogram(counters->metrics, "dragoman_command_seconds",
                              "From a command's submission to its answer.",
                              METRIC_LABELS("command", name));
    metrics_inc(adapter->outcomes[index][status]);
    metrics_observe(counters->seconds[index], ns / 1000);
}

void counters_auth_failure(struct counters *counters, enum dm_status status) {
    if (!counters->metrics)
        return;
    if (!counters->auth_failures[status])
        counters->auth_failures[status] =
            metrics_counter(counters->metrics, "dragoman_auth_failures_total",
                            "Credentials refused, by outcome.",
                            METRIC_LABELS("outcome", dm_status_name(status)));
    metrics_inc(counters->auth_failures[status]);
}

void counters_sessions(struct counters *counters, int change) {
    if (counters->metrics)
        metrics_move(counters->sessions, change);
}
