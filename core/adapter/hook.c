/* The way into an adapter's hooks and back. Hooks never nest: host functions only take note of what
 * an adapter wants, and hook_leave or the loop acts on it. */
#include <time.h>

#include "core/adapter/internal.h"
#include "core/adapter/observe.h"
#include "core/base/log.h"

static const char *hook_name(enum hook_kind kind) {
    switch (kind) {
    case HOOK_UPGRADE: return "upgrade";
    case HOOK_OPEN: case HOOK_JOIN: return "open";
    case HOOK_REQUEST: return "request";
    case HOOK_BODY: return "body";
    case HOOK_FAULT: return "fault";
    case HOOK_FRAME: return "frame";
    case HOOK_RESULT: return "result";
    case HOOK_EVENT: return "event";
    case HOOK_NOTICE: return "notice";
    case HOOK_CLOSE: return "close";
    case HOOK_REDACT: return "redact";
    case HOOK_CONFIGURE: return "configure";
    case HOOK_START: return "start";
    case HOOK_STOP: return "stop";
    case HOOK_NONE: break;
    }
    return "";
}

/* ---- how long they take ---- */

void host_watch_hooks(struct host *host, uint64_t limit_us, host_slow_hook_fn *fn, void *owner) {
    host->watch.fn = fn;
    host->watch.owner = owner;
    host->watch.limit_us = limit_us;
}

static uint64_t thread_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void tell_slow(const struct host *host) {
    uint64_t us = thread_us() - host->watch.since_us;
    if (us > host->watch.limit_us)
        host->watch.fn(host->watch.owner, hook_name(host->hook), us);
}

/* ---- in and out ---- */

void hook_enter(struct instance *instance, struct session *session, enum hook_kind kind) {
    struct host *host = instance->host;

    json_reader_reset(&host->reader);
    host->hook_instance = instance;
    host->hook_session = session;
    host->hook = kind;
    if (session)
        session->flags |= SESSION_SEEN;
    if (host->watch.fn)
        host->watch.since_us = thread_us();
}

void hook_leave(struct host *host, struct session *session) {
    if (host->watch.fn && host->hook != HOOK_NONE)
        tell_slow(host);
    if (host->out.state != OUT_IDLE && out_end(&host->out))
        log_event(LOG_LEVEL_ERROR, "adapter left a frame unfinished",
                  LOG_STR("adapter", host->hook_instance ? host->hook_instance->name : NULL),
                  LOG_STR("hook", hook_name(host->hook)));
    host->hook_instance = NULL;
    host->hook_session = NULL;
    host->hook = HOOK_NONE;
    if (session && (session->flags & SESSION_ACCEPTED) && session->state == SESSION_UPGRADING) {
        session->flags &= (uint16_t)~SESSION_ACCEPTED;
        socket_open(session);
    }
}

void hook_notice(struct session *session, enum dm_notice notice, const struct dm_frame *frame) {
    struct instance *instance = session->instance;

    count_notice(instance, notice);
    observe_other(instance->host);
    log_event(LOG_LEVEL_DEBUG, "session notice", LOG_STR("adapter", instance->name),
              LOG_UINT("session", session->serial), LOG_INT("notice", notice));
    if (instance->adapter.notice) {
        hook_enter(instance, session, HOOK_NOTICE);
        instance->adapter.notice(&session->pub, notice, frame);
        hook_leave(instance->host, session);
    } else if (notice <= DM_NOTICE_REVOKED) {
        session_close(session, WEBSOCKET_CODE_POLICY);
    }
    if (notice == DM_NOTICE_AUTH_TIMEOUT)
        session_close(session, WEBSOCKET_CODE_POLICY);
    if (notice == DM_NOTICE_DRAINING)
        session_close(session, WEBSOCKET_CODE_GOING_AWAY);
}
