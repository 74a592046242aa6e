/* The table of commands: who may, what must be named, in which order, and where each begins.
 * Private to core/engine. */
#ifndef DRAGOMAN_ENGINE_COMMANDS_H
#define DRAGOMAN_ENGINE_COMMANDS_H

#include "core/engine/operation.h"

enum command_order {
    COMMAND_ALONE = 0, /* begins when the session's earlier commands are answered */
    COMMAND_JOINS,     /* looks up at once, and runs beside others on its lane */
};

enum command_access {
    COMMAND_PRINCIPAL = 0, /* sessions with a principal */
    COMMAND_ANYBODY,
    COMMAND_HANDSHAKE,     /* or ENGINE_SESSION_HANDSHAKE */
    COMMAND_LOOKUP,        /* or ENGINE_SESSION_LOOKUP */
};

enum command_need {
    COMMAND_NEEDS_USER = 1u << 0,
    COMMAND_NEEDS_THREAD = 1u << 1,
    COMMAND_NEEDS_PLACE = 1u << 2, /* .thread or .user */
    COMMAND_NEEDS_MESSAGE = 1u << 3,
    COMMAND_NEEDS_USERS = 1u << 4,
    COMMAND_NEEDS_BODY = 1u << 5,  /* text or attachments */
    COMMAND_NEEDS_TOKEN = 1u << 6,
    COMMAND_NEEDS_NAME = 1u << 7,
    COMMAND_NEEDS_SECRET = 1u << 8,
    COMMAND_NEEDS_PROFILE = 1u << 9,
};

struct command_rule {
    operation_fn begin;
    enum command_order order;
    enum command_access access;
    uint32_t needs; /* enum command_need */
};

/* NULL for a kind that is no command. */
const struct command_rule *command_rule(enum dm_command_kind kind);

/* Where the commands begin; op->actor is set for those that need a principal. */
void authenticate_begin(struct operation *op);
void login_begin(struct operation *op);
void register_begin(struct operation *op);
void refresh_begin(struct operation *op);
void user_lookup_begin(struct operation *op);
void user_get_begin(struct operation *op);
void user_list_begin(struct operation *op);
void watch_begin(struct operation *op);
void unwatch_begin(struct operation *op);
void query_begin(struct operation *op);        /* THREAD_LIST, THREAD_GET, UNREAD_COUNT,
                                                  UNDELIVERED */
void history_begin(struct operation *op);
void read_begin(struct operation *op);
void read_one_begin(struct operation *op);
void delete_begin(struct operation *op);
void gate_begin(struct operation *op);         /* APPROVE, BLOCK */
void chat_create_begin(struct operation *op);
void chat_change_begin(struct operation *op);  /* CHAT_UPDATE, CHAT_ADD, CHAT_REMOVE */
void send_begin(struct operation *op);
void friend_list_begin(struct operation *op);  /* FRIEND_LIST, FRIEND_PENDING */
void friend_begin(struct operation *op);       /* FRIEND_REQUEST, _ACCEPT, _DENY */
void file_put_begin(struct operation *op);

#endif
