/* What the host counts. Label values come from small, fixed sets. */
#include <stdio.h>

#include "core/adapter/internal.h"

static const char *const direction_names[DIRECTION_COUNT] = { "in", "out" };

static struct metric_counter *frames_series(struct instance *instance, enum direction direction,
                                            const char *type) {
    return metrics_counter(instance->host->metrics, "dragoman_frames_total",
                           "Frames of WebSockets",
                           METRIC_LABELS("adapter", instance->name, "direction",
                                         direction_names[direction], "type", type));
}

struct metric_counter *count_type(struct instance *instance, enum direction direction,
                                  const char *type) {
    struct type_counters *types = &instance->types[direction];
    size_t slot;

    if (!type)
        type = "invalid";
    slot = ((uintptr_t)type ^ (uintptr_t)type >> 6) & (TYPE_SLOTS - 1);
    while (types->slots[slot].type != type) {
        if (!types->slots[slot].type) {
            if (types->used == TYPES_MAX)
                return frames_series(instance, direction, "other");
            types->used++;
            types->slots[slot].type = type;
            types->slots[slot].counter = frames_series(instance, direction, type);
            break;
        }
        slot = (slot + 1) & (TYPE_SLOTS - 1);
    }
    return types->slots[slot].counter;
}

void count_response(struct session *session) {
    const struct request *request = session->request;
    const struct dm_route *route = request->match.route;
    char status[8];

    (void)snprintf(status, sizeof(status), "%d", request->status);
    metrics_inc(metrics_counter(
        session->instance->host->metrics, "dragoman_http_requests_total",
        "HTTP requests answered",
        METRIC_LABELS("adapter", session->instance->name, "route", route ? route->path : "none",
                      "method", http_method_name(http_request(request->exchange)->method),
                      "status", status)));
}

void count_notice(struct instance *instance, enum dm_notice notice) {
    static const char *const names[] = {
        [DM_NOTICE_AUTH_TIMEOUT] = "auth_timeout", [DM_NOTICE_RATE_LIMITED] = "rate_limited",
        [DM_NOTICE_BACKLOG] = "backlog", [DM_NOTICE_REVOKED] = "revoked",
        [DM_NOTICE_DRAINING] = "draining", [DM_NOTICE_TIMER] = "timer",
        [DM_NOTICE_WRITABLE] = "writable",
    };

    metrics_inc(metrics_counter(instance->host->metrics, "dragoman_session_notices_total",
                                "What happened to sessions beside frames",
                                METRIC_LABELS("adapter", instance->name, "notice",
                                              names[notice])));
}

void count_init(struct instance *instance) {
    struct metrics *metrics = instance->host->metrics;

    instance->sockets = metrics_gauge(metrics, "dragoman_sessions", "Sessions now",
                                      METRIC_LABELS("adapter", instance->name, "transport",
                                                    "websocket"));
    instance->namespaces = metrics_gauge(metrics, "dragoman_sessions", "Sessions now",
                                         METRIC_LABELS("adapter", instance->name, "transport",
                                                       "socketio"));
    instance->engineios = metrics_gauge(metrics, "dragoman_sessions", "Sessions now",
                                        METRIC_LABELS("adapter", instance->name, "transport",
                                                      "engineio"));
    instance->requests = metrics_gauge(metrics, "dragoman_sessions", "Sessions now",
                                       METRIC_LABELS("adapter", instance->name, "transport",
                                                     "http"));
    instance->opened = metrics_counter(metrics, "dragoman_websockets_opened_total",
                                       "WebSockets accepted",
                                       METRIC_LABELS("adapter", instance->name));
}
