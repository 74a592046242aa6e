/* What a session asks of the core. Part of the adapter contract.
 *
 * A command is a value: the submitter fills it on its stack, the core copies what it keeps before
 * submit returns. `size` is sizeof(struct dm_command) as the submitter was compiled; members it
 * does not know of are taken as zero, and zero always means "not asked for". */
#ifndef DRAGOMAN_MODEL_COMMAND_H
#define DRAGOMAN_MODEL_COMMAND_H

#include "message.h"
#include "thread.h"

enum dm_ref_kind {
    DM_REF_NONE = 0,
    DM_REF_ID,   /* .id */
    DM_REF_UUID, /* .uuid */
    DM_REF_NAME, /* .name: a username, or an e-mail; users only */
};

/* Names a user, thread or message by whichever identity the dialect uses. */
struct dm_ref {
    enum dm_ref_kind kind;
    int64_t id;
    struct dm_uuid uuid;
    struct dm_slice name;
};

enum dm_command_kind {
    DM_CMD_NONE = 0, /* asks for nothing, also without a principal. Its result, never OK, comes in
                        its turn: for what must be said in order */

    /* Handshake verbs: the only ones a session without a principal may submit. */
    DM_CMD_AUTHENTICATE, /* .token                    → user; sets the principal */
    DM_CMD_LOGIN,        /* .name .secret .secret_kind → user [tokens]; sets the principal */
    DM_CMD_REGISTER,     /* .profile .secret .secret_kind → user [tokens]; sets the principal when
                            asked by DM_CMD_LOGIN_AFTER; EXISTS when a name is taken */
    DM_CMD_REFRESH,      /* .token (a refresh token)  → user, tokens */
    DM_CMD_USER_LOOKUP,  /* .user → user; public names only. A route must allow it (adapter.h) */

    /* Users */
    DM_CMD_USER_GET = 32, /* .user (none: myself)      → user */
    DM_CMD_USER_LIST,     /* .limit .cursor            → users by id, without the caller */
    DM_CMD_WATCH,         /* .user → user with its presence; then USER_ONLINE / USER_OFFLINE */
    DM_CMD_UNWATCH,       /* .user */

    /* Threads. Direct ones and chats share one space of ids and UUIDs: result.thread->kind tells
     * which it was. A dialect that must not touch the one kind asks THREAD_GET first, which changes
     * nothing; DM_CMD_DIRECT_ONLY is there for those that know no chats at all. */
    DM_CMD_THREAD_LIST = 64, /* .limit .cursor  → threads newest first, each with last_message and
                                message_count, those without messages left out; count = number of
                                threads that hold unread messages of others. Pages that a session
                                asks for one behind the other are of the threads there were at the
                                first (up to 100,000): each once, in the order of then, however they
                                move meanwhile. Not with DM_CMD_HOLD_EVENTS: events tell of that */
    DM_CMD_THREAD_GET,       /* .thread or .user (direct thread with) → thread; with
                                DM_CMD_WITH_MEMBERS also its members. .user with no thread yet:
                                NO_THREAD, where HISTORY and READ are OK */
    DM_CMD_HISTORY,          /* .thread or .user, .limit, .before / .before_id / .offset
                                → thread, messages newest first (DM_CMD_OLDEST_FIRST: the same page
                                turned round); DM_CMD_MARK_READ: all of the thread become read.
                                .user with no thread yet: OK, no thread, no messages */
    DM_CMD_APPROVE,          /* .thread or .user → thread; releases what the gate held, and takes
                                the caller's own block back. Only a user of the gate's role (TUTOR)
                                may, and not of a request of one's own: else FORBIDDEN, and nothing
                                changes. OK when there was nothing to approve */
    DM_CMD_BLOCK,            /* .thread or .user → thread; either of the two may, at any time (OK
                                when blocked already). Both, of a chat: FORBIDDEN; .user with no
                                thread yet: NO_THREAD. With .user since 1.2 */
    DM_CMD_UNREAD_COUNT,     /* .user → count of unread messages in the direct thread with them */

    /* Chats: at most 2,000 members, TOO_LARGE beyond. */
    DM_CMD_CHAT_CREATE = 96, /* .title .users → thread with members. One other user and no .title:
                                that is no chat, but the direct thread of the two, opened by this
                                (OK, DM_RESULT_CREATED) or there already (EXISTS, and the thread).
                                With a title, or more users, each call makes a new chat */
    DM_CMD_CHAT_UPDATE,      /* .thread .title (absent: cleared) → thread (a chat: with members) */
    DM_CMD_CHAT_ADD,         /* .thread .users → thread with members; users = those now added */
    DM_CMD_CHAT_REMOVE,      /* .thread .users → thread with members; users = those now removed */

    /* Messages */
    DM_CMD_SEND = 128,       /* .thread or .user, .text .urls .uploads → message, thread.
                                HELD when a request waits for the other's approval: stored, seen by
                                its author alone, and announced as MESSAGE_RELEASED if the other
                                approves, or if it is next when the request is deleted. (The first
                                one, the request, is OK, and reaches the asked one with
                                DM_MESSAGE_FIRST) */
    DM_CMD_READ,             /* .thread or .user: all read → thread, messages (just read, ids).
                                .user with no thread yet: OK, no thread, no messages */
    DM_CMD_READ_ONE,         /* .message → message, thread, count (unread left of that author) */
    DM_CMD_DELETE,           /* .message → message, thread; the author only */
    DM_CMD_UNDELIVERED,      /* .limit → messages pushed to no session of the caller yet, oldest
                                first, over all threads; they count as delivered from now on, or
                                as DM_CMD_TOLD_LATER says. An adapter that knows chats gets the
                                threads they lie in, too */

    /* Friends */
    DM_CMD_FRIEND_LIST = 160, /* → users */
    DM_CMD_FRIEND_PENDING,    /* → users whose requests wait for the caller's answer */
    DM_CMD_FRIEND_REQUEST,    /* .user → user; EXISTS when friends already */
    DM_CMD_FRIEND_ACCEPT,     /* .user → user; NO_REQUEST */
    DM_CMD_FRIEND_DENY,       /* .user → user; NO_REQUEST */

    /* Files */
    DM_CMD_FILE_PUT = 192,    /* .uploads → files, stored, not yet in a message */
};

enum dm_secret_kind {
    DM_SECRET_PASSWORD = 0,
    DM_SECRET_PIN = 1,
};

enum dm_command_flag {
    DM_CMD_LOGIN_AFTER = 1u << 0,      /* REGISTER: set the principal */
    DM_CMD_WITH_TOKENS = 1u << 1,      /* LOGIN, REGISTER: issue access and refresh tokens */
    DM_CMD_WITH_MEMBERS = 1u << 2,
    DM_CMD_OLDEST_FIRST = 1u << 3,
    DM_CMD_MARK_READ = 1u << 4,
    DM_CMD_USER_OR_CHAT = 1u << 5,     /* SEND: .user.uuid may also be a chat's UUID */
    DM_CMD_NEED_ONLINE = 1u << 6,      /* SEND: OFFLINE unless the recipient has a session */
    DM_CMD_NEED_FRIEND = 1u << 7,      /* SEND: NOT_FRIEND unless they are */
    DM_CMD_ANSWER_APPROVES = 1u << 8,  /* SEND: an answer of the asked one approves the request,
                                          for dialects that have no word for requests. The host sets
                                          it for every adapter without DM_ADAPTER_REQUESTS; one that
                                          has that flag sets it where an answer shall do */
    DM_CMD_DIRECT_ONLY = 1u << 9,      /* THREAD_LIST, THREAD_GET, HISTORY, READ, UNDELIVERED:
                                          chats do not exist for this dialect */
    DM_CMD_ASCENDING = 1u << 11,       /* HISTORY: pages run from the oldest message on; .cursor as
                                          next_cursor gave it, or a seq: only what lies behind it;
                                          .before and .offset do not count */
    DM_CMD_HOLD_EVENTS = 1u << 12,     /* any command: new messages for the session wait until
                                          the answer is out, as they always do for UNDELIVERED
                                          (and friend requests for FRIEND_PENDING). What the
                                          answer contained does not follow; nor do, behind a
                                          THREAD_LIST, messages up to the last one of a thread */
    DM_CMD_WITHOUT_BODIES = 1u << 10,  /* HISTORY: thread only, with message_count */
    DM_CMD_TOLD_LATER = 1u << 13,      /* UNDELIVERED: what is found counts as delivered only with a
                                          further one, whose .cursor is the id of the last message
                                          that was told. So ask until nothing is found; who leaves
                                          before gets the rest the next time */
};

/* A file that comes with a command. */
struct dm_upload {
    struct dm_slice name;
    struct dm_slice data;
};

/* What an account is made of. */
struct dm_profile {
    struct dm_slice username;
    struct dm_slice email;
    struct dm_slice first_name;
    struct dm_slice last_name;
    struct dm_slice photo;
    struct dm_slice color;
    struct dm_slice role;
    struct dm_slice location;
};

struct dm_command {
    uint32_t size;
    enum dm_command_kind kind;
    uint32_t flags;             /* enum dm_command_flag */
    uint32_t limit;             /* of rows, of whatever gives several: 0 is 50, more than 500 is
                                   500. Ask for the next page with .cursor, .before... */
    struct dm_ref user;
    struct dm_ref thread;
    struct dm_ref message;      /* by id */
    const struct dm_ref *users; /* at most 1,000 */
    size_t user_count;
    struct dm_slice text;       /* at most limits.text_max bytes (64 KiB) */
    struct dm_slice title;      /* at most 512 bytes, as every name; else TOO_LARGE */
    const struct dm_slice *urls; /* attachments that are URLs; the gateway's own signed URLs are
                                    recognised and kept as references */
    size_t url_count;
    const struct dm_upload *uploads;
    size_t upload_count;
    uint64_t before;            /* HISTORY: only seq < before; 0: from the newest */
    int64_t before_id;          /* HISTORY: only message id < before_id; THREAD_LIST: only threads
                                   whose last message id < before_id; 0: off */
    uint64_t offset;            /* HISTORY: skip so many visible messages from the newest */
    uint64_t cursor;            /* as a result's next_cursor gave it; 0: from the start */
    struct dm_slice token;
    struct dm_slice name;       /* a username or an e-mail */
    struct dm_slice secret;
    enum dm_secret_kind secret_kind;
    struct dm_profile profile;
};

static inline struct dm_ref dm_ref_id(int64_t id) {
    struct dm_ref ref;
    memset(&ref, 0, sizeof(ref));
    ref.kind = DM_REF_ID;
    ref.id = id;
    return ref;
}

static inline struct dm_ref dm_ref_uuid(const struct dm_uuid *uuid) {
    struct dm_ref ref;
    memset(&ref, 0, sizeof(ref));
    ref.kind = DM_REF_UUID;
    ref.uuid = *uuid;
    return ref;
}

static inline struct dm_ref dm_ref_name(struct dm_slice name) {
    struct dm_ref ref;
    memset(&ref, 0, sizeof(ref));
    ref.kind = DM_REF_NAME;
    ref.name = name;
    return ref;
}

/* A stable lower-case word for logs and metric labels; "unknown" out of range. Static storage. */
static inline const char *dm_command_name(enum dm_command_kind kind) {
    switch (kind) {
    case DM_CMD_NONE: return "none";
    case DM_CMD_AUTHENTICATE: return "authenticate";
    case DM_CMD_LOGIN: return "login";
    case DM_CMD_REGISTER: return "register";
    case DM_CMD_REFRESH: return "refresh";
    case DM_CMD_USER_LOOKUP: return "user_lookup";
    case DM_CMD_USER_GET: return "user_get";
    case DM_CMD_USER_LIST: return "user_list";
    case DM_CMD_WATCH: return "watch";
    case DM_CMD_UNWATCH: return "unwatch";
    case DM_CMD_THREAD_LIST: return "thread_list";
    case DM_CMD_THREAD_GET: return "thread_get";
    case DM_CMD_HISTORY: return "history";
    case DM_CMD_APPROVE: return "approve";
    case DM_CMD_BLOCK: return "block";
    case DM_CMD_UNREAD_COUNT: return "unread_count";
    case DM_CMD_CHAT_CREATE: return "chat_create";
    case DM_CMD_CHAT_UPDATE: return "chat_update";
    case DM_CMD_CHAT_ADD: return "chat_add";
    case DM_CMD_CHAT_REMOVE: return "chat_remove";
    case DM_CMD_SEND: return "send";
    case DM_CMD_READ: return "read";
    case DM_CMD_READ_ONE: return "read_one";
    case DM_CMD_DELETE: return "delete";
    case DM_CMD_UNDELIVERED: return "undelivered";
    case DM_CMD_FRIEND_LIST: return "friend_list";
    case DM_CMD_FRIEND_PENDING: return "friend_pending";
    case DM_CMD_FRIEND_REQUEST: return "friend_request";
    case DM_CMD_FRIEND_ACCEPT: return "friend_accept";
    case DM_CMD_FRIEND_DENY: return "friend_deny";
    case DM_CMD_FILE_PUT: return "file_put";
    }
    return "unknown";
}

#endif
