#include "core/engine/counters.h"

#include <string.h>

void counters_init(struct counters *counters, struct metrics *metrics) {
    memset(counters, 0, sizeof(*counters));
    counters->metrics = metrics;
    if (metrics)
        counters->sessions = metrics_gauge(metrics, "dragoman_sessions_authenticated",
                                           "Sessions with a principal.",
                                           METRIC_NO_LABELS);
}

void counters_command(struct counters *counters, enum dm_command_kind kind,
                      enum dm_status status, uint64_t ns) {
    size_t index = (unsigned)kind < COUNTERS_COMMANDS ? (size_t)kind : 0;
    const char *name = dm_command_name((enum dm_command_kind)index);
    if (!counters->metrics)
        return;
    if (!counters->commands[index][status])
        counters->commands[index][status] =
            metrics_counter(counters->metrics, "dragoman_commands_total",
                            "Commands answered, by kind and outcome.",
                            METRIC_LABELS("command", name, "outcome", dm_status_name(status)));
    if (!counters->seconds[index])
        counters->seconds[index] =
            metrics_histogram(counters->metrics, "dragoman_command_seconds",
                              "From a command's submission to its answer.",
                              METRIC_LABELS("command", name));
    metrics_inc(counters->commands[index][status]);
    metrics_observe(counters->seconds[index], ns / 1000);
}

void counters_event(struct counters *counters, enum dm_event_kind kind, size_t sessions) {
    if (!counters->metrics || !sessions)
        return;
    if (!counters->events[kind])
        counters->events[kind] =
            metrics_counter(counters->metrics, "dragoman_events_total",
                            "Events queued for a session's peer, by kind.",
                            METRIC_LABELS("event", dm_event_name(kind)));
    metrics_add(counters->events[kind], sessions);
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
