/* What the parts of the memory store share. */
#ifndef DRAGOMAN_KIT_MEMORY_INTERNAL_H
#define DRAGOMAN_KIT_MEMORY_INTERNAL_H

#include "core/kit/memory.h"

#define MEMORY_CHAT_MAX 1000
#define MEMORY_PAGE 500

struct memory_user {
    struct list link;
    struct dm_user user;
    struct dm_slice password_hash;
    struct dm_slice pin_hash;
};

struct memory_file {
    struct list link;
    int64_t id;
    int64_t owner_id;
    struct dm_slice name;
    struct dm_slice data;
    int64_t created_us;
    int dropped;
};

enum memory_seen {
    MEMORY_PUSHED = 1u << 0,
    MEMORY_READ = 1u << 1,
};

/* What one user has seen of one message. */
struct memory_mark {
    struct memory_mark *next;
    int64_t user_id;
    unsigned seen; /* enum memory_seen */
};

enum memory_held { MEMORY_FREE = 0, MEMORY_HELD, MEMORY_BURIED /* behind a block, for good */ };

struct memory_message {
    struct list link;
    struct memory_thread *thread;
    int64_t id;
    struct dm_uuid uuid;
    uint64_t seq;
    int64_t author_id;
    struct dm_slice text;
    struct dm_attachment **attachments;
    size_t attachment_count;
    int64_t created_us;
    enum memory_held held;
    int deleted;
    struct memory_mark *marks;
};

struct memory_member {
    struct list link;
    int64_t user_id;
    uint64_t joined_seq;
};

struct memory_thread {
    struct list link;
    int64_t id;
    struct dm_uuid uuid;
    enum dm_thread_kind kind;
    int requested;
    int64_t lo_id, hi_id, opener_id;
    int blocked_lo, blocked_hi;
    struct dm_slice title;
    struct list members;  /* struct memory_member */
    struct list messages; /* struct memory_message, by seq */
    uint64_t seq, rev, member_rev;
    int64_t created_us, updated_us;
};

/* `from` asked `to`; once accepted they are friends both ways. */
struct memory_bond {
    struct list link;
    int64_t from_id, to_id;
    enum { MEMORY_ASKED, MEMORY_FRIENDS } state;
};

struct memory_token {
    struct list link;
    uint8_t fingerprint[STORE_FINGERPRINT_LEN];
};

struct memory {
    struct store store;
    struct file_store files_port;
    struct loop *loop;
    struct loop_hook turn;
    struct arena arena; /* all that is kept */
    struct list pending;      /* struct store_request */
    struct list file_pending; /* struct file_request */
    size_t pending_count;
    enum memory_mood mood;
    memory_watch_fn *watch;
    void *watch_owner;
    struct list users, threads, files, bonds, tokens;
    int64_t last_user, last_thread, last_message, last_file;
};

/* People. */
struct memory_user *memory_user(struct memory *memory, const struct dm_ref *ref);
struct memory_user *memory_active_user(struct memory *memory, const struct dm_ref *ref);
/* Never NULL for an id but 0. */
const struct dm_user *memory_user_shown(struct memory *memory, int64_t id);
enum dm_status memory_do_user(struct memory *memory, struct store_call *call);
enum dm_status memory_do_friend(struct memory *memory, struct store_call *call);
/* The users that a command names, each once; NULL when one is unknown or inactive. */
int64_t *memory_named_users(struct memory *memory, struct store_call *call, size_t *ret_count);

/* Threads. */
struct memory_thread *memory_thread(struct memory *memory, int64_t id);
struct memory_thread *memory_direct(struct memory *memory, int64_t a, int64_t b);
struct memory_thread *memory_thread_new(struct memory *memory, enum dm_thread_kind kind,
                                        const struct dm_uuid *uuid, int64_t opener_id);
struct memory_member *memory_member(const struct memory_thread *thread, int64_t user_id);
void memory_join(struct memory *memory, struct memory_thread *thread, int64_t user_id);
struct memory_message *memory_message(struct memory *memory, int64_t id);
int memory_visible(const struct memory_message *message, int64_t viewer_id);
int memory_seen(const struct memory_message *message, int64_t user_id, enum memory_seen what);
void memory_see(struct memory *memory, struct memory_message *message, int64_t user_id,
                unsigned what);
/* Of another one, let through, and not read yet. */
int memory_unread(const struct memory_message *message, int64_t viewer_id);
/* As the viewer sees it, in the arena. */
struct dm_thread *memory_show_thread(struct memory *memory, struct arena *arena,
                                     const struct memory_thread *thread, int64_t viewer_id);
struct dm_message *memory_show_message(struct memory *memory, struct arena *arena,
                                       const struct memory_message *message, int64_t viewer_id);
enum dm_status memory_open(struct memory *memory, struct store_call *call, int64_t other_id);
enum dm_status memory_append(struct memory *memory, struct store_append *append);
enum dm_status memory_mark(struct memory *memory, const struct store_mark *mark);
enum dm_status memory_find_thread(struct memory *memory, struct store_call *call);
enum dm_status memory_members(struct memory *memory, struct store_call *call);

/* Commands. */
enum dm_status memory_command(struct memory *memory, struct store_call *call);
enum dm_status memory_do_chat(struct memory *memory, struct store_call *call);
/* 1 when the thread waits for a request to be sent. */
int memory_lacks_request(const struct memory_thread *thread);
enum dm_status memory_do_approve(struct memory *memory, struct store_call *call);
enum dm_status memory_do_block(struct memory *memory, struct store_call *call);
/* The thread a command is about: call->thread_id, or the direct one with command->user. OK with
 * NULL when there is none with that user yet. */
enum dm_status memory_placed(struct memory *memory, struct store_call *call,
                             struct memory_thread **ret_thread);

/* Files. */
struct memory_file *memory_file(struct memory *memory, int64_t id);
void memory_file_request(struct memory *memory, struct file_request *request);

#endif
