/* What the engine calls. */
#include <assert.h>

#include "core/adapter/internal.h"

static int sets_principal(enum dm_command_kind kind) {
    return kind == DM_CMD_AUTHENTICATE || kind == DM_CMD_LOGIN || kind == DM_CMD_REGISTER;
}

static void deliver(struct session *session, const struct dm_result *result,
                    struct dm_slice cookie) {
    struct instance *instance = session->instance;

    if (session->request && result->retry_after)
        session->request->retry_after = result->retry_after;
    if (!instance->adapter.result)
        return;
    hook_enter(instance, session, HOOK_RESULT);
    result = flatten_missed(session, result);
    instance->adapter.result(&session->pub, result, cookie);
    hook_leave(instance->host, session);
    request_check_answered(session);
}

static void on_result(struct engine_session *engine, const struct dm_result *result,
                      struct dm_slice cookie) {
    struct session *session = session_of_engine(engine);
    const struct host_config *config = &session->instance->host->config;
    enum session_state state = session->state;

    session_update_user(session);
    if (state == SESSION_HANDSHAKE) {
        request_continue(session, result);
        return;
    }
    if (sets_principal(result->kind))
        session_resume(session, SESSION_PAUSED_LOGIN);
    if (state != SESSION_CLOSING && state != SESSION_GONE)
        deliver(session, result, cookie);
    if ((session->flags & SESSION_PAUSED_BACKLOG)
        && engine_session_backlog(engine) <= config->backlog_pause / 4)
        session_resume(session, SESSION_PAUSED_BACKLOG);
    session_finish_if_idle(session);
    if (session->flags & SESSION_PAUSED_DRAIN)
        session_drain(session);
}

static void on_revoked(struct engine_session *engine) {
    struct session *session = session_of_engine(engine);

    session_update_user(session);
    if (session->state == SESSION_OPEN)
        hook_notice(session, DM_NOTICE_REVOKED, NULL);
}

static void on_user_changed(struct engine_session *engine) {
    session_update_user(session_of_engine(engine));
}

static size_t on_address(const struct engine_session *engine, char ret_text[ENGINE_ADDRESS_TEXT]) {
    const struct session *session = session_of_engine((struct engine_session *)(uintptr_t)engine);

    static_assert(NET_ADDRESS_TEXT <= ENGINE_ADDRESS_TEXT, "it fits");
    return net_address_format_block(&session->client, ret_text);
}

static const struct engine_client client = {
    .result = on_result,
    .event = host_event,
    .revoked = on_revoked,
    .user_changed = on_user_changed,
    .address = on_address,
};

const struct engine_client *host_engine_client(void) {
    return &client;
}
