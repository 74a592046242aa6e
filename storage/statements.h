/* Every statement the store sends, by the name under which connections prepare it. */
#ifndef DRAGOMAN_STORAGE_STATEMENTS_H
#define DRAGOMAN_STORAGE_STATEMENTS_H

#include "storage/pg_conn.h"

enum store_statement {
    ST_BATCH,
    ST_APPEND_ONE,
    ST_MARK_ONE,
    ST_BATCH_LOOKUP,
    ST_WRITER_MARK,
    ST_WRITER_RESULT,
    ST_WRITER_NEW,
    ST_WRITER_CLEAN,
    ST_WRITER_DROP,
    /* What calls look at once they know what to look at. */
    ST_THREADS,
    ST_THREAD_RAW,
    ST_MESSAGES,
    ST_UUIDS,
    ST_MEMBERS,
    ST_USERS,
    ST_ACCOUNT,
    ST_REVOKED,
    /* Reading operations, each → an outcome. */
    ST_USER_FIND,
    ST_ACCOUNT_FIND,
    ST_USERS_FIND,
    ST_USER_PAGE,
    ST_THREAD_LIST,
    ST_THREADS_LISTED,
    ST_THREAD_GET,
    ST_HISTORY,
    ST_UNREAD_COUNT,
    ST_THREAD_FIND,
    ST_FRIENDS,
    ST_FRIENDS_CHECK,
    ST_THREADS_TOUCHED,
    ST_EVENTS, /* rows instead */
    /* Writing operations: the writer's id first, and the outcome kept in its row. */
    ST_READ,
    ST_HISTORY_READ,
    ST_READ_ONE,
    ST_DELETE,
    ST_APPROVE,
    ST_BLOCK,
    ST_UNDELIVERED,
    ST_DIRECT_OPEN,
    ST_CHAT_CREATE,
    ST_CHAT_UPDATE,
    ST_CHAT_ADD,
    ST_CHAT_REMOVE,
    ST_FRIEND_REQUEST,
    ST_FRIEND_ANSWER,
    ST_USER_CREATE,
    ST_USER_UPDATE,
    ST_TOKEN_REVOKE,
    ST_COUNT
};

extern const struct pg_statement store_statements[ST_COUNT];

#endif
