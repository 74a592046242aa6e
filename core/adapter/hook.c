/* The way into an adapter's hooks and back. Hooks never nest: host functions only take note of what
 * an adapter wants, and hook_leave or the loop acts on it. */
#include "core/adapter/internal.h"
#include "core/adapter/observe.h"
#include "core/base/log.h"

void hook_enter(struct instance *instance, struct session *session, enum hook_kind kind) {
    struct host *host = instance->host;

    json_reader_reset(&host->reader);
    host->hook_instance = instance;
    host->hook_session = session;
    host->hook = kind;
    if (session)
        session->flags |= SESSION_SEEN;
}

void hook_leave(struct host *host, struct session *session) {
    if (host->out.state != OUT_IDLE && out_end(&host->out))
        log_event(LOG_LEVEL_ERROR, "adapter left a frame unfinished",
                  LOG_STR("adapter", session ? session->instance->name : NULL));
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
        hook_enter(instance, session, HOOK_OTHER);
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
