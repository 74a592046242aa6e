/* The life of a session, whatever carries it: begin, close, end, and its timers. */
#include <stdlib.h>

#include "core/adapter/internal.h"
#include "core/adapter/sio.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"

#define ALIGN(n) (((n) + 15) & ~(size_t)15)

static void on_deadline(struct loop_timer *timer);
static void on_timer(struct loop_timer *timer);

static uint32_t engine_flags(const struct instance *instance, enum dm_session_kind kind,
                             const struct dm_route *route) {
    uint32_t flags = 0;

    if (kind != DM_SESSION_REQUEST)
        flags = instance->socket_flags;
    if (route && (route->flags & DM_ROUTE_HANDSHAKE))
        flags |= ENGINE_SESSION_HANDSHAKE;
    if (route && (route->flags & DM_ROUTE_LOOKUP))
        flags |= ENGINE_SESSION_LOOKUP;
    return flags;
}

static struct metric_gauge *gauge_of(const struct session *session) {
    const struct instance *instance = session->instance;

    switch (session->pub.kind) {
    case DM_SESSION_SOCKET: return instance->sockets;
    case DM_SESSION_SOCKETIO: return instance->namespaces;
    case DM_SESSION_ENGINEIO: return instance->engineios;
    case DM_SESSION_REQUEST: break;
    }
    return instance->requests;
}

static int is_seated(enum dm_session_kind kind) {
    return kind == DM_SESSION_SOCKETIO || kind == DM_SESSION_ENGINEIO;
}

/* One piece of memory: the session, the adapter's state, and the seat of those that have one. */
struct session *session_new(struct instance *instance, enum dm_session_kind kind,
                            const struct net_address *remote, const struct dm_route *route) {
    struct host *host = instance->host;
    size_t state_at = ALIGN(sizeof(struct session));
    size_t seat_at = state_at + instance->adapter.session_size;
    size_t seat_end = ALIGN(seat_at) + sizeof(struct sio_seat);
    char *memory = mem_zalloc(is_seated(kind) ? seat_end : seat_at);
    struct session *session = (struct session *)(void *)memory;

    if (is_seated(kind)) {
        session->seat = (struct sio_seat *)(void *)(memory + ALIGN(seat_at));
        session->seat->session = session;
    }
    session->pub.host = &host->api;
    session->pub.instance = &instance->pub;
    session->pub.state = memory + state_at;
    session->pub.kind = kind;
    session->magic = SESSION_MAGIC;
    session->instance = instance;
    session->serial = ++host->next_serial;
    session->client = *remote;
    session->begun_us = clock_real_us();
    loop_timer_init(&session->deadline, on_deadline);
    loop_timer_init(&session->timer, on_timer);
    list_push_back(&host->sessions, &session->link);
    host->session_count++;
    metrics_move(gauge_of(session), 1);
    engine_session_open(host->engine, &session->engine,
                        engine_flags(instance, kind, route), instance->name);
    return session;
}

struct base_url *base_ref(struct base_url *base) {
    if (base)
        base->refs++;
    return base;
}

void base_unref(struct host *host, struct base_url *base) {
    if (!base || --base->refs > 0)
        return;
    /* Its address may come back as another's. */
    encoded_reset(host);
    (void)map_bytes_remove(&host->bases, (struct dm_slice){ base->text, base->len });
    free(base);
}

void session_end(struct session *session) {
    struct instance *instance = session->instance;
    struct host *host = instance->host;

    if (session->state == SESSION_GONE)
        return;
    session->state = SESSION_GONE;
    loop_timer_cancel(host->loop, &session->deadline);
    loop_timer_cancel(host->loop, &session->timer);
    if (instance->adapter.close && (session->flags & SESSION_SEEN)) {
        hook_enter(session->instance, session, HOOK_CLOSE);
        instance->adapter.close(&session->pub);
        hook_leave(host, session);
        loop_timer_cancel(host->loop, &session->timer);
    }
    engine_session_close(&session->engine);
    metrics_move(gauge_of(session), -1);
    list_remove(&session->link);
    host->session_count--;
    base_unref(host, session->base);
    request_free(host, session->request);
    session->magic = 0;
    free(session);
    host_check_drained(host);
}

static void arm_auth_timeout(struct session *session) {
    const struct instance *instance = session->instance;

    if (session->pub.user || (instance->adapter.flags & DM_ADAPTER_ANONYMOUS)
        || instance->auth_timeout_ms == 0)
        loop_timer_cancel(instance->host->loop, &session->deadline);
    else
        loop_timer_arm(instance->host->loop, &session->deadline, instance->auth_timeout_ms);
}

void session_update_user(struct session *session) {
    const struct instance *instance = session->instance;
    const struct dm_user *before = session->pub.user;

    session->pub.user = engine_session_user(&session->engine);
    if (!before == !session->pub.user)
        return;
    if (session->pub.user)
        log_event(LOG_LEVEL_DEBUG, "session authenticated", LOG_STR("adapter", instance->name),
                  LOG_UINT("session", session->serial),
                  LOG_INT("user", session->pub.user->id));
    if (session->state != SESSION_OPEN)
        return;
    if (!(instance->adapter.flags & DM_ADAPTER_ANONYMOUS))
        carrier_set_max_message(session, session->pub.user
                                             ? instance->frame_max
                                             : instance->frame_max_unauthenticated);
    arm_auth_timeout(session);
}

void session_opened(struct session *session) {
    char peer[NET_ADDRESS_TEXT];
    struct dm_slice text = { peer, net_address_format_ip(&session->client, peer) };

    arm_auth_timeout(session);
    log_event(LOG_LEVEL_DEBUG, "session opened", LOG_STR("adapter", session->instance->name),
              LOG_UINT("session", session->serial),
              LOG_SLICE("peer", text));
}

void session_pause(struct session *session, enum session_flag why) {
    if (session->state != SESSION_OPEN)
        return;
    session->flags |= (uint16_t)why;
    carrier_pause(session);
}

void session_resume(struct session *session, enum session_flag why) {
    if (!(session->flags & why))
        return;
    session->flags &= (uint16_t)~why;
    if (session->state == SESSION_OPEN && !(session->flags & SESSION_PAUSED_ANY))
        carrier_resume(session);
}

void session_close(struct session *session, uint16_t code) {
    if (session->state != SESSION_OPEN)
        return;
    session->state = SESSION_CLOSING;
    loop_timer_cancel(session->instance->host->loop, &session->deadline);
    loop_timer_cancel(session->instance->host->loop, &session->timer);
    carrier_close(session, code);
}

void session_finish(struct session *session, uint16_t code) {
    if (session->state != SESSION_OPEN || (session->flags & SESSION_PAUSED_FINISH))
        return;
    session->finish_code = code;
    session_pause(session, SESSION_PAUSED_FINISH);
    session_finish_if_idle(session);
}

void session_finish_if_idle(struct session *session) {
    if ((session->flags & SESSION_PAUSED_FINISH)
        && engine_session_backlog(&session->engine) == 0)
        session_close(session, session->finish_code);
}

void session_drain(struct session *session) {
    if (session->state != SESSION_OPEN)
        return;
    if (engine_session_backlog(&session->engine) > 0) {
        session_pause(session, SESSION_PAUSED_DRAIN);
        return;
    }
    hook_notice(session, DM_NOTICE_DRAINING, NULL);
}

static void on_deadline(struct loop_timer *timer) {
    struct session *session = container_of(timer, struct session, deadline);

    switch ((enum session_state)session->state) {
    case SESSION_OPEN:
        hook_notice(session, DM_NOTICE_AUTH_TIMEOUT, NULL);
        break;
    case SESSION_HANDSHAKE:
    case SESSION_UPGRADING:
    case SESSION_WAITING:
        log_event(LOG_LEVEL_WARNING, "request not answered in time",
                  LOG_STR("adapter", session->instance->name),
                  LOG_UINT("session", session->serial));
        request_fault(session, 503);
        break;
    case SESSION_PIECES:
        request_abort(session);
        break;
    case SESSION_BODY:
    case SESSION_CLOSING:
    case SESSION_ANSWERED:
    case SESSION_GONE:
        break;
    }
}

static void on_timer(struct loop_timer *timer) {
    struct session *session = container_of(timer, struct session, timer);

    if (session->state != SESSION_CLOSING && session->state != SESSION_GONE)
        hook_notice(session, DM_NOTICE_TIMER, NULL);
}

/* Scheme and host as the client sees them. */
static size_t request_base(const struct http_request *request, char *ret_text, size_t cap) {
    const char *scheme = request->scheme == HTTP_SCHEME_HTTPS ? "https://" : "http://";
    size_t len = strlen(scheme);

    if (request->host.len == 0 || len + request->host.len > cap)
        return 0;
    memcpy(ret_text, scheme, len);
    memcpy(ret_text + len, request->host.ptr, request->host.len);
    return len + request->host.len;
}

struct base_url *base_of(struct instance *instance, const struct http_request *request) {
    struct host *host = instance->host;
    char text[512];
    size_t len;
    struct base_url *base;

    if (host->public_url || instance->public_url.ptr)
        return NULL;
    len = request_base(request, text, sizeof(text));
    base = map_bytes_get(&host->bases, (struct dm_slice){ text, len });
    if (!base) {
        base = mem_alloc(sizeof(*base) + len);
        base->refs = 0;
        base->len = len;
        memcpy(base->text, text, len);
        (void)map_bytes_put(&host->bases, (struct dm_slice){ base->text, len }, base);
    }
    return base_ref(base);
}

void session_keep_base(struct session *session) {
    if (!session->base)
        session->base = base_of(session->instance, http_request(session->request->exchange));
}

struct dm_slice session_base_text(struct session *session) {
    struct host *host = session->instance->host;

    if (session->instance->public_url.len)
        return session->instance->public_url;
    if (host->public_url)
        return dm_slice_str(host->public_url);
    if (!session->base && session->request)
        session_keep_base(session);
    return session->base ? (struct dm_slice){ session->base->text, session->base->len }
                         : DM_SLICE_NONE;
}
