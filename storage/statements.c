#include "storage/statements.h"

#include "core/model/command.h"

#define OP(name, args) { "dm_" #name, "SELECT op_" #name "(" args ")" }
#define WRITE(name, args) { "dm_" #name, "SELECT writer_keep($1, op_" #name "(" args "))" }
/* Changes one thread, as the actor $2: an event of that thread, kind as in enum dm_command_kind (65
 * for the opening of a direct one). */
#define EVENT(kind, name, args) \
    { "dm_" #name, "SELECT thread_keep($1, " #kind ", $2, op_" #name "(" args "))" }
_Static_assert(DM_CMD_APPROVE == 67 && DM_CMD_BLOCK == 68 && DM_CMD_CHAT_CREATE == 96
                   && DM_CMD_CHAT_UPDATE == 97 && DM_CMD_CHAT_ADD == 98 && DM_CMD_CHAT_REMOVE == 99
                   && DM_CMD_READ == 129 && DM_CMD_READ_ONE == 130 && DM_CMD_DELETE == 131,
               "the kinds below");

const struct pg_statement store_statements[ST_COUNT] = {
    [ST_BATCH] = { "dm_batch", "SELECT * FROM batch($1, $2, $3, $4, $5, $6, $7, $8, $9)" },
    [ST_APPEND_ONE] = { "dm_append_one",
                        "SELECT append_one($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)" },
    [ST_MARK_ONE] = { "dm_mark_one", "SELECT mark_one($1, $2, $3, $4, $5, $6)" },
    [ST_BATCH_LOOKUP] = { "dm_batch_lookup", "SELECT * FROM batch_lookup($1, $2, $3)" },
    [ST_WRITER_MARK] = { "dm_writer_mark", "SELECT writer_mark($1, $2)" },
    [ST_WRITER_RESULT] = { "dm_writer_result", "SELECT result FROM writer WHERE id = $1" },
    [ST_WRITER_NEW] = { "dm_writer_new",
                        "INSERT INTO writer (id, number) VALUES ($1, $2) ON CONFLICT DO NOTHING" },
    [ST_WRITER_CLEAN] = { "dm_writer_clean",
                          "DELETE FROM writer WHERE id IN (SELECT id FROM writer WHERE "
                          "at < now() - interval '7 days' FOR UPDATE SKIP LOCKED)" },
    [ST_WRITER_DROP] = { "dm_writer_drop", "DELETE FROM writer WHERE id = $1" },

    [ST_THREADS] = { "dm_threads", "SELECT * FROM thread_view($1, $2)" },
    [ST_THREAD_RAW] = { "dm_thread_raw",
                        "SELECT id, uuid, kind, title, opener_id, lo_id, hi_id, member_rev, "
                        "created_at, state, unread_lo, unread_hi, updated_at "
                        "FROM threads WHERE id = $1" },
    [ST_MESSAGES] = { "dm_messages", "SELECT * FROM message_view($1, $2, $3, $4)" },
    [ST_UUIDS] = { "dm_uuids",
                   "SELECT m.thread_id, m.seq, m.uuid, m.held "
                   "FROM unnest($1::bigint[], $2::bigint[]) x(t, s) "
                   "JOIN messages m ON m.thread_id = x.t AND m.seq = x.s "
                   "ORDER BY m.thread_id, m.seq" },
    [ST_MEMBERS] = { "dm_members",
                     "SELECT thread_id, user_id FROM members WHERE thread_id = ANY ($1) "
                     "ORDER BY thread_id, joined_at, user_id" },
    [ST_USERS] = { "dm_users",
                   "SELECT id, uuid, username, email, first_name, last_name, photo, color, role, "
                   "location, created_at, active FROM users WHERE id = ANY ($1)" },
    [ST_ACCOUNT] = { "dm_account", "SELECT password_hash, pin_hash FROM users WHERE id = $1" },
    [ST_REVOKED] = { "dm_revoked",
                     "SELECT fingerprint FROM revoked_tokens WHERE expires_at > now()" },

    [ST_USER_FIND] = OP(user_find, "$1, $2, $3, $4"),
    [ST_ACCOUNT_FIND] = OP(account_find, "$1, $2, $3"),
    [ST_USERS_FIND] = OP(users_find, "$1"),
    [ST_USER_PAGE] = OP(user_page, "$1, $2, $3, $4"),
    [ST_THREAD_LIST] = OP(thread_list, "$1, $2, $3, $4, $5"),
    [ST_THREADS_LISTED] = { "dm_threads_listed", "SELECT outcome(0, p_threads => $1)" },
    [ST_THREAD_GET] = OP(thread_get, "$1, $2, $3, $4, $5, $6"),
    [ST_HISTORY] = OP(history, "$1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11"),
    [ST_UNREAD_COUNT] = OP(unread_count, "$1, $2, $3, $4"),
    [ST_THREAD_FIND] = OP(thread_find, "$1, $2, $3, $4, $5"),
    [ST_FRIENDS] = OP(friends, "$1, $2"),
    [ST_FRIENDS_CHECK] = OP(friends_check, "$1, $2"),
    [ST_THREADS_TOUCHED] = OP(threads_touched, "$1, $2"),
    [ST_EVENTS] = { "dm_events", "SELECT * FROM thread_events_read($1, $2, $3, $4, $5)" },

    [ST_READ] = EVENT(129, read, "$2, $3, $4, $5, $6, $7"),
    [ST_HISTORY_READ] = EVENT(129, history_read, "$2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12"),
    [ST_READ_ONE] = EVENT(130, read_one, "$2, $3"),
    [ST_DELETE] = EVENT(131, delete, "$2, $3"),
    [ST_APPROVE] = EVENT(67, approve, "$2, $3"),
    [ST_BLOCK] = EVENT(68, block, "$2, $3"),
    [ST_UNDELIVERED] = WRITE(undelivered, "$2, $3, $4, $5, $6"),
    [ST_DIRECT_OPEN] = EVENT(65, direct_open, "$2, $3, $4, $5"),
    [ST_CHAT_CREATE] = EVENT(96, chat_create, "$2, $3, $4, $5, $6, $7, $8, $9"),
    [ST_CHAT_UPDATE] = EVENT(97, chat_update, "$2, $3, $4"),
    [ST_CHAT_ADD] = EVENT(98, chat_add, "$2, $3, $4, $5, $6, $7"),
    [ST_CHAT_REMOVE] = EVENT(99, chat_remove, "$2, $3, $4, $5, $6"),
    [ST_FRIEND_REQUEST] = WRITE(friend_request, "$2, $3, $4, $5"),
    [ST_FRIEND_ANSWER] = WRITE(friend_answer, "$2, $3, $4, $5, $6"),
    [ST_USER_CREATE] = WRITE(user_create,
                             "$2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14"),
    [ST_USER_UPDATE] = WRITE(user_update, "$2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13"),
    [ST_TOKEN_REVOKE] = WRITE(token_revoke, "$2, $3"),
};
