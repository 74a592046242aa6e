/* The one answer of a command. Part of the adapter contract (grows at the tail). */
#ifndef DRAGOMAN_MODEL_RESULT_H
#define DRAGOMAN_MODEL_RESULT_H

#include "../base/status.h"
#include "command.h"

enum dm_result_flag {
    DM_RESULT_CREATED = 1u << 0, /* a thread, request or account came into being by this command */
    DM_RESULT_CHANGED = 1u << 1, /* the command changed something (a repeated one does not) */
};

/* Borrowed: everything it points to lives until the hook that got it returns. Which members are
 * filled says the command (command.h); all others are zero. */
struct dm_result {
    enum dm_command_kind kind;
    enum dm_status status;
    uint32_t flags;                  /* enum dm_result_flag */
    const char *field;               /* INVALID, TOO_LARGE: the name of the dm_command member at
                                        fault ("text", "users", "profile.email"), not of the
                                        client's key: that is the adapter's to map back */
    const struct dm_user *user;
    const struct dm_user *const *users;
    size_t user_count;
    const struct dm_thread *thread;
    const struct dm_thread *const *threads;
    size_t thread_count;
    const struct dm_message *message;
    const struct dm_message *const *messages;
    size_t message_count;
    const struct dm_attachment *const *files;
    size_t file_count;
    uint64_t count;
    uint64_t next_cursor;            /* USER_LIST, THREAD_LIST, HISTORY with DM_CMD_ASCENDING: the
                                        next page's .cursor; 0: that was the last one. Always 0 of
                                        HISTORY newest first: go on by .before_id or .before */
    struct dm_slice access_token;
    struct dm_slice refresh_token;
    int64_t expires_in;              /* seconds */
    uint32_t retry_after;            /* LIMITED, UNAVAILABLE: seconds; 0 unknown */
};

#endif
