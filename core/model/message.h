/* Messages and what hangs on them. Part of the adapter contract (see user.h on growth). */
#ifndef DRAGOMAN_MODEL_MESSAGE_H
#define DRAGOMAN_MODEL_MESSAGE_H

#include "user.h"

/* One file or media item of a message, in the order the author gave. */
struct dm_attachment {
    int64_t file_id;       /* a file kept by the gateway; 0 for a foreign URL */
    struct dm_slice name;  /* the file's name, or the last path segment of a foreign URL */
    struct dm_slice url;   /* foreign URL; absent for the gateway's own files, whose URL is signed
                              anew at every encode (host function file_url) */
    int64_t size;          /* bytes; -1 when unknown */
    int64_t created_us;
};

/* How far a message has come, seen over all its recipients in all dialects. */
enum dm_message_state {
    DM_MESSAGE_STORED = 0,
    DM_MESSAGE_DELIVERED = 1, /* pushed to at least one socket of a recipient */
    DM_MESSAGE_READ = 2,      /* read by the recipient; in a chat by all others */
};

enum dm_message_flag {
    DM_MESSAGE_HELD = 1u << 0,        /* waits behind a request gate */
    DM_MESSAGE_READ_BY_ANY = 1u << 1, /* read by at least one member other than the author */
    DM_MESSAGE_READ_BY_ME = 1u << 2,  /* read by the viewer */
    DM_MESSAGE_FIRST = 1u << 3,       /* of a requested thread, the one that asks for approval */
};

struct dm_message {
    int64_t id;            /* grows with seq within a thread; below 2^53 */
    struct dm_uuid uuid;
    int64_t thread_id;
    struct dm_uuid thread_uuid;
    uint64_t seq;          /* position in the thread, dense, from 1 */
    const struct dm_user *author;
    const struct dm_user *recipient; /* direct threads; NULL in chats */
    struct dm_slice text;            /* present, maybe empty; valid UTF-8 without NUL */
    const struct dm_attachment *const *attachments;
    size_t attachment_count;
    int64_t created_us;
    int64_t updated_us;
    enum dm_message_state state;
    uint32_t flags;        /* enum dm_message_flag */
};

#endif
