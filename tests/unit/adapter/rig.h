/* A host between a scripted engine and a real connection: what the tests of host and adapters
 * stand on. The client's side of the connection is a socket that the test reads and writes. */
#ifndef DRAGOMAN_TESTS_ADAPTER_RIG_H
#define DRAGOMAN_TESTS_ADAPTER_RIG_H

#include "core/adapter/host.h"

#define RIG_COMMANDS_MAX 2048

/* A command as the engine got it; slices are copied. */
struct rig_command {
    struct engine_session *session;
    struct dm_command command;
    char *cookie;
    char *text;
    char *token;
};

struct rig {
    struct loop *loop;
    struct metrics *metrics;
    struct address_set trusted; /* the clients' own address: they name others as they like */
    struct conn_server *server;
    struct host *host;
    struct rig_command commands[RIG_COMMANDS_MAX];
    size_t command_count; /* ever submitted */
    size_t answered;
    size_t opened, closed; /* engine sessions */
    uint32_t last_flags;   /* of the session opened last */
};

/* A rig with one adapter; values may be NULL. mount NULL: "/" and its name. */
void rig_init(struct rig *rig, const struct dm_adapter *adapter, const char *mount,
              const struct adapter_values *values, const struct host_config *config);
void rig_fini(struct rig *rig);

/* Runs the loop until nothing happens any more. */
void rig_settle(struct rig *rig);

/* A new connection; returns the client's descriptor, to be closed by the test. */
int rig_connect(struct rig *rig);

/* Sends bytes, settles, and appends what came back. */
void rig_talk(struct rig *rig, int fd, const char *request, struct buf *ret_answer);
/* What has come, without sending. */
void rig_read(struct rig *rig, int fd, struct buf *ret_answer);

/* Opens a WebSocket: returns its descriptor, the 101 head already taken away; asserts that it was
 * accepted. headers: further lines, each ended by \r\n, or "". */
int rig_socket(struct rig *rig, const char *path, const char *headers);
/* Sends one masked text frame and settles. */
void rig_send(struct rig *rig, int fd, const char *text);
void rig_send_kind(struct rig *rig, int fd, int kind, const void *data, size_t len);

/* The payloads of the frames that came, one per line; a Close as "close CODE" ("close" alone when
 * it has no body), the end of the connection as "end". Borrowed until the next call. */
const char *rig_frames(struct rig *rig, int fd);

/* The command not answered yet that is next in order; asserts that there is one. */
struct rig_command *rig_next(struct rig *rig);
/* Answers it and settles. */
void rig_answer(struct rig *rig, struct rig_command *command, const struct dm_result *result);
/* Answers a handshake verb with OK, the principal being user. */
void rig_answer_login(struct rig *rig, struct rig_command *command, const struct dm_user *user);
/* Any other outcome without data. */
void rig_answer_status(struct rig *rig, enum dm_status status);
/* Takes the principal away. */
void rig_revoke(struct rig *rig, struct engine_session *session);
/* The engine's event for one session; returns what the host said. */
int rig_event(struct rig *rig, struct engine_session *session, const struct dm_event *event,
              enum dm_audience audience, int sharing, const char *cookie);

/* People to write about: ids from DM_USER_ID_FIRST + n. */
const struct dm_user *rig_user(unsigned n);

#endif
