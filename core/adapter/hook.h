/* Entering and leaving an adapter's hooks. Internal to the adapter folder. */
#ifndef DRAGOMAN_ADAPTER_HOOK_H
#define DRAGOMAN_ADAPTER_HOOK_H

#include "core/adapter/adapter.h"

struct host;
struct instance;
struct session;

enum hook_kind {
    HOOK_NONE = 0,
    HOOK_UPGRADE, /* up to HOOK_FAULT request data may be asked for */
    HOOK_OPEN,
    HOOK_REQUEST,
    HOOK_BODY,
    HOOK_FAULT,
    HOOK_JOIN, /* `open` of a namespace, or of an Engine.IO session */
    HOOK_FRAME,
    HOOK_RESULT,
    HOOK_EVENT,
    HOOK_NOTICE,
    HOOK_CLOSE,
    HOOK_REDACT,
    HOOK_CONFIGURE,
    HOOK_START,
    HOOK_STOP,
};

void hook_enter(struct instance *instance, struct session *session, enum hook_kind kind);
/* Acts on what the adapter asked for meanwhile. The session may be of no more use afterwards, but
 * its memory stays. */
void hook_leave(struct host *host, struct session *session);
void hook_notice(struct session *session, enum dm_notice notice, const struct dm_frame *frame);

#endif
