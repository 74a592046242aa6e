/* What the host counts. Label values come from small, fixed sets. */
#include <stdio.h>

#include "core/adapter/internal.h"

static const char *const direction_names[DIRECTION_COUNT] = { "in", "out" };

static struct metric_counter *frames_series(struct instance *instance, enum direction direction,
                                            const char *type) {
    return metrics_counter(instance->host->metrics, "dragoman_frames_total",
                           "Frames of sockets, by direction and type.",
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

static struct metric_counter *answers_series(const struct session *session) {
    const struct request *request = session->request;
    const struct dm_route *route = request->match.route;
    char status[8];

    (void)snprintf(status, sizeof(status), "%d", request->status);
    return metrics_counter(
        session->instance->host->metrics, "dragoman_http_requests_total",
        "HTTP requests answered, by route, method and status.",
        METRIC_LABELS("adapter", session->instance->name, "route", route ? route->path : "none",
                      "method", http_method_name(http_request(request->exchange)->method),
                      "status", status));
}

void count_response(struct session *session) {
    struct answer_counters *answers = &session->instance->answers;
    const struct dm_route *route = session->request->match.route;
    uint32_t answer = (uint32_t)http_request(session->request->exchange)->method << 16
                      | (uint32_t)session->request->status;
    size_t slot = ((uintptr_t)route >> 4 ^ answer ^ answer >> 13) & (ANSWER_SLOTS - 1);

    while (answers->slots[slot].route != route || answers->slots[slot].answer != answer) {
        if (!answers->slots[slot].answer) {
            if (answers->used == ANSWERS_MAX) {
                metrics_inc(answers_series(session));
                return;
            }
            answers->used++;
            answers->slots[slot].route = route;
            answers->slots[slot].answer = answer;
            answers->slots[slot].counter = answers_series(session);
            break;
        }
        slot = (slot + 1) & (ANSWER_SLOTS - 1);
    }
    metrics_inc(answers->slots[slot].counter);
}

void count_notice(struct instance *instance, enum dm_notice notice) {
    static const char *const names[] = {
        [DM_NOTICE_AUTH_TIMEOUT] = "auth_timeout", [DM_NOTICE_RATE_LIMITED] = "rate_limited",
        [DM_NOTICE_BACKLOG] = "backlog", [DM_NOTICE_REVOKED] = "revoked",
        [DM_NOTICE_DRAINING] = "draining", [DM_NOTICE_TIMER] = "timer",
        [DM_NOTICE_WRITABLE] = "writable",
    };

    if (!instance->notices[notice])
        instance->notices[notice] =
            metrics_counter(instance->host->metrics, "dragoman_session_notices_total",
                            "What happened to sessions beside frames.",
                            METRIC_LABELS("adapter", instance->name, "notice", names[notice]));
    metrics_inc(instance->notices[notice]);
}

static struct metric_counter *events_series(const struct instance *instance,
                                            enum dm_event_kind kind,
                                            enum event_outcome outcome) {
    static const char *const reasons[EVENT_OUTCOMES] = {
        [EVENT_UNSUPPORTED] = "unsupported", [EVENT_CHATS] = "chats", [EVENT_SILENT] = "silent",
        [EVENT_CLOSING] = "closing", [EVENT_SLOW] = "slow",
    };
    struct metrics *metrics = instance->host->metrics;

    if (outcome == EVENT_DELIVERED)
        return metrics_counter(metrics, "dragoman_events_delivered_total",
                               "Events queued for a session's peer.",
                               METRIC_LABELS("adapter", instance->name, "event",
                                             dm_event_name(kind)));
    return metrics_counter(metrics, "dragoman_events_dropped_total",
                           "Events that a session's peer was not sent, by reason.",
                           METRIC_LABELS("adapter", instance->name, "event", dm_event_name(kind),
                                         "reason", reasons[outcome]));
}

void count_event(struct instance *instance, enum dm_event_kind kind, enum event_outcome outcome) {
    struct metric_counter **counter = &instance->events[kind][outcome];

    if (!*counter)
        *counter = events_series(instance, kind, outcome);
    metrics_inc(*counter);
}

static struct metric_gauge *sessions_gauge(const struct instance *instance,
                                           const char *transport) {
    return metrics_gauge(instance->host->metrics, "dragoman_sessions", "Sessions now.",
                         METRIC_LABELS("adapter", instance->name, "transport", transport));
}

void count_init(struct instance *instance) {
    struct metrics *metrics = instance->host->metrics;

    instance->sockets = sessions_gauge(instance, "websocket");
    instance->namespaces = sessions_gauge(instance, "socketio");
    instance->engineios = sessions_gauge(instance, "engineio");
    instance->requests = sessions_gauge(instance, "http");
    if (instance->engineio)
        instance->connections = metrics_gauge(metrics, "dragoman_engineio_sessions",
                                              "Engine.IO sessions now, between polls too.",
                                              METRIC_LABELS("adapter", instance->name));
    instance->opened = metrics_counter(metrics, "dragoman_websockets_opened_total",
                                       "WebSockets and Socket.IO sessions opened.",
                                       METRIC_LABELS("adapter", instance->name));
}

void count_address_limited(struct host *host, const char *limit) {
    metrics_inc(metrics_counter(host->metrics, "dragoman_address_limited_total",
                                "Requests, handshakes and frames over the limits per address",
                                METRIC_LABELS("limit", limit)));
}
