/* What the files of this adapter share. The dialect is described in proto-docs/pymessage. */
#ifndef DRAGOMAN_ADAPTER_PYMESSAGE_H
#define DRAGOMAN_ADAPTER_PYMESSAGE_H

#include <dragoman/adapter.h>

enum pymessage_route {
    ROUTE_SOCKET = 1,
    ROUTE_GET_USER,
};

enum pymessage_offline {
    OFFLINE_ERROR = 0, /* a message to somebody without a session is refused */
    OFFLINE_STORE,     /* ... is kept, and told after the next login */
};

struct pymessage_instance {
    enum pymessage_offline offline;
    uint32_t send_flags; /* of every DM_CMD_SEND */
};

#define CLOSE_POLICY 1008

/* frames.c: what the peer says. */
const char *pymessage_frame(struct dm_session *session, const struct dm_frame *frame);
void pymessage_redact(struct dm_instance *instance, const struct dm_frame *frame,
                      struct dm_out *out);

/* results.c: what it is told. */
/* Says an error behind the answers to the frames before, as answers name no request. */
void pymessage_refuse(struct dm_session *session, const char *why);
void pymessage_result(struct dm_session *session, const struct dm_result *result,
                      struct dm_slice cookie);
void pymessage_event(struct dm_instance *instance, const struct dm_event *event,
                     const struct dm_view *view, struct dm_out *out);
void pymessage_notice(struct dm_session *session, enum dm_notice notice,
                      const struct dm_frame *frame);

#endif
