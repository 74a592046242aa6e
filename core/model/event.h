/* What the core announces. Part of the adapter contract (grows at the tail).
 *
 * The session whose command caused an event gets the command's result instead of the event; every
 * other session concerned gets the event, in seq order within a thread. */
#ifndef DRAGOMAN_MODEL_EVENT_H
#define DRAGOMAN_MODEL_EVENT_H

#include "message.h"
#include "thread.h"

enum dm_event_kind {
    DM_EVENT_NONE = 0,
    DM_EVENT_MESSAGE,           /* message, thread, actor = author. To all members */
    DM_EVENT_MESSAGE_RELEASED,  /* a held message is let through: message, thread, actor = author.
                                   thread REQUESTED: as the request, because that was deleted */
    DM_EVENT_READ,              /* actor read messages[] (id, seq, author; no bodies): thread */
    DM_EVENT_MESSAGE_DELETED,   /* message (id, seq, author), thread, actor; of a held one: none */
    DM_EVENT_THREAD_OPENED,     /* a direct thread came into being: thread, actor = opener */
    DM_EVENT_THREAD_STATE,      /* approved or blocked: thread, actor */
    DM_EVENT_CHAT_CREATED,      /* thread with members, actor */
    DM_EVENT_CHAT_UPDATED,      /* thread (a chat: with members), actor. Its title changed */
    DM_EVENT_MEMBERS_ADDED,     /* users = added; thread with members, actor */
    DM_EVENT_MEMBERS_REMOVED,   /* users = removed; thread with members, actor */
    DM_EVENT_USER_CREATED,      /* actor = the new user. To every session */
    DM_EVENT_USER_UPDATED,      /* actor. To every session */
    DM_EVENT_USER_DEACTIVATED,  /* actor. To every session */
    DM_EVENT_USER_ONLINE,       /* actor: first session anywhere. To those who watch */
    DM_EVENT_USER_OFFLINE,      /* actor: last session gone. To those who watch */
    DM_EVENT_FRIEND_REQUEST,    /* actor asks. To the asked one */
    DM_EVENT_FRIEND_ACCEPTED,   /* actor accepted. To the asker */
    DM_EVENT_FRIEND_DENIED,     /* actor denied. To the asker */
    DM_EVENT_KIND_COUNT
};

/* In which role a session gets an event. */
enum dm_audience {
    DM_AUDIENCE_ACTOR = 0, /* another session of the user who caused it */
    DM_AUDIENCE_MEMBER,    /* a session of another member of the thread */
    DM_AUDIENCE_SUBJECT,   /* a session of a user added, removed, asked, or watched for */
    DM_AUDIENCE_ALL,       /* a session that gets it because all do */
    DM_AUDIENCE_COUNT
};

/* Borrowed: lives until the hook that got it returns. */
struct dm_event {
    enum dm_event_kind kind;
    const struct dm_user *actor;
    const struct dm_thread *thread; /* as the audience sees it */
    const struct dm_message *message;
    const struct dm_message *const *messages; /* at most 500 */
    size_t message_count;
    const struct dm_user *const *users;
    size_t user_count;
    uint64_t unread;   /* MESSAGE, RELEASED, READ in direct threads: unread messages of the other
                          one that are left to the recipient (READ: to the actor). Chats: 0, also
                          where they are flattened */
    uint64_t corr;     /* correlation id: the same in frame, command, row, event and logs */
    uint64_t serial;   /* unique in this process: the key of whatever is cached per event */
};

/* A stable lower-case word for logs, metric labels and the capability matrix. Static storage. */
static inline const char *dm_event_name(enum dm_event_kind kind) {
    static const char *const names[DM_EVENT_KIND_COUNT] = {
        "none", "message", "message_released", "read", "message_deleted", "thread_opened",
        "thread_state", "chat_created", "chat_updated", "members_added", "members_removed",
        "user_created", "user_updated", "user_deactivated", "user_online", "user_offline",
        "friend_request", "friend_accepted", "friend_denied",
    };
    return (unsigned)kind < DM_EVENT_KIND_COUNT ? names[kind] : "unknown";
}

#endif
