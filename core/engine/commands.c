#include "core/engine/commands.h"

#define RULES 256

static const struct command_rule rules[RULES] = {
    [DM_CMD_AUTHENTICATE] = { authenticate_begin, COMMAND_ALONE, COMMAND_ANYBODY,
                              COMMAND_NEEDS_TOKEN },
    [DM_CMD_LOGIN] = { login_begin, COMMAND_ALONE, COMMAND_HANDSHAKE,
                       COMMAND_NEEDS_NAME | COMMAND_NEEDS_SECRET },
    [DM_CMD_REGISTER] = { register_begin, COMMAND_ALONE, COMMAND_HANDSHAKE,
                          COMMAND_NEEDS_PROFILE | COMMAND_NEEDS_SECRET },
    [DM_CMD_REFRESH] = { refresh_begin, COMMAND_ALONE, COMMAND_HANDSHAKE, COMMAND_NEEDS_TOKEN },
    [DM_CMD_USER_LOOKUP] = { user_lookup_begin, COMMAND_ALONE, COMMAND_LOOKUP,
                             COMMAND_NEEDS_USER },

    [DM_CMD_USER_GET] = { user_get_begin, COMMAND_ALONE, COMMAND_PRINCIPAL, 0 },
    [DM_CMD_USER_LIST] = { user_list_begin, COMMAND_ALONE, COMMAND_PRINCIPAL, 0 },
    [DM_CMD_WATCH] = { watch_begin, COMMAND_ALONE, COMMAND_PRINCIPAL, COMMAND_NEEDS_USER },
    [DM_CMD_UNWATCH] = { unwatch_begin, COMMAND_ALONE, COMMAND_PRINCIPAL, COMMAND_NEEDS_USER },

    [DM_CMD_THREAD_LIST] = { query_begin, COMMAND_ALONE, COMMAND_PRINCIPAL, 0 },
    [DM_CMD_THREAD_GET] = { query_begin, COMMAND_ALONE, COMMAND_PRINCIPAL, COMMAND_NEEDS_PLACE },
    [DM_CMD_HISTORY] = { history_begin, COMMAND_ALONE, COMMAND_PRINCIPAL, COMMAND_NEEDS_PLACE },
    [DM_CMD_APPROVE] = { gate_begin, COMMAND_ALONE, COMMAND_PRINCIPAL, COMMAND_NEEDS_PLACE },
    [DM_CMD_BLOCK] = { gate_begin, COMMAND_ALONE, COMMAND_PRINCIPAL, COMMAND_NEEDS_PLACE },
    [DM_CMD_UNREAD_COUNT] = { query_begin, COMMAND_ALONE, COMMAND_PRINCIPAL,
                              COMMAND_NEEDS_USER },

    [DM_CMD_CHAT_CREATE] = { chat_create_begin, COMMAND_ALONE, COMMAND_PRINCIPAL,
                             COMMAND_NEEDS_USERS },
    [DM_CMD_CHAT_UPDATE] = { chat_change_begin, COMMAND_ALONE, COMMAND_PRINCIPAL,
                             COMMAND_NEEDS_THREAD },
    [DM_CMD_CHAT_ADD] = { chat_change_begin, COMMAND_ALONE, COMMAND_PRINCIPAL,
                          COMMAND_NEEDS_THREAD | COMMAND_NEEDS_USERS },
    [DM_CMD_CHAT_REMOVE] = { chat_change_begin, COMMAND_ALONE, COMMAND_PRINCIPAL,
                             COMMAND_NEEDS_THREAD | COMMAND_NEEDS_USERS },

    [DM_CMD_SEND] = { send_begin, COMMAND_JOINS, COMMAND_PRINCIPAL,
                      COMMAND_NEEDS_PLACE | COMMAND_NEEDS_BODY },
    [DM_CMD_READ] = { read_begin, COMMAND_ALONE, COMMAND_PRINCIPAL, COMMAND_NEEDS_PLACE },
    [DM_CMD_READ_ONE] = { read_one_begin, COMMAND_ALONE, COMMAND_PRINCIPAL,
                          COMMAND_NEEDS_MESSAGE },
    [DM_CMD_DELETE] = { delete_begin, COMMAND_ALONE, COMMAND_PRINCIPAL, COMMAND_NEEDS_MESSAGE },
    [DM_CMD_UNDELIVERED] = { query_begin, COMMAND_ALONE, COMMAND_PRINCIPAL, 0 },

    [DM_CMD_FRIEND_LIST] = { friend_list_begin, COMMAND_ALONE, COMMAND_PRINCIPAL, 0 },
    [DM_CMD_FRIEND_PENDING] = { friend_list_begin, COMMAND_ALONE, COMMAND_PRINCIPAL, 0 },
    [DM_CMD_FRIEND_REQUEST] = { friend_begin, COMMAND_ALONE, COMMAND_PRINCIPAL,
                                COMMAND_NEEDS_USER },
    [DM_CMD_FRIEND_ACCEPT] = { friend_begin, COMMAND_ALONE, COMMAND_PRINCIPAL,
                               COMMAND_NEEDS_USER },
    [DM_CMD_FRIEND_DENY] = { friend_begin, COMMAND_ALONE, COMMAND_PRINCIPAL,
                             COMMAND_NEEDS_USER },

    [DM_CMD_FILE_PUT] = { file_put_begin, COMMAND_ALONE, COMMAND_PRINCIPAL, 0 },
};

const struct command_rule *command_rule(enum dm_command_kind kind) {
    return (unsigned)kind < RULES && rules[kind].begin ? &rules[kind] : NULL;
}
