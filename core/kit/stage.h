/* The stage of a trial: a whole gateway in this process, with one adapter, listening on the
 * loopback. Loop, host, engine, auth and network are the real ones; what keeps the data is a
 * backing: memory (stage_memory), or a database that the program brings along.
 *
 * One stage at a time; everything runs on its loop, the clients of the trial too. */
#ifndef DRAGOMAN_KIT_STAGE_H
#define DRAGOMAN_KIT_STAGE_H

#include "core/adapter/host.h"
#include "core/auth/auth.h"
#include "core/kit/memory.h"
#include "core/replay/target.h"

#define STAGE_SETTINGS_MAX 64

/* What to set up. */
struct stage_plan {
    const struct dm_adapter *adapter;
    const char *file;                          /* the shared object's; NULL: built in */
    const struct dm_adapter *const *companions; /* more, after it, NULL-terminated; may be NULL */
    const struct stage_files *files;           /* in memory: who serves files; NULL: nobody */
    unsigned haste;                            /* how much faster than time the engine's clock
                                                  goes in memory; 0: as time does */
    const char *settings[STAGE_SETTINGS_MAX];  /* "path=value", later ones win; NULL-terminated */
};

struct stage;
struct file_urls;

/* Serves the files of a stage in memory: for the program, which knows how. */
struct stage_files {
    void *(*open)(struct stage *stage, struct file_urls *urls);
    /* 1 when the exchange was about a file, and is taken; else 0. */
    int (*request)(void *files, struct http_exchange *exchange);
    void (*close)(void *files);
};

/* Answers of the engine, counted before the adapter gets them; mere turns in line are none. */
struct stage_answers {
    size_t count;
    size_t logins; /* of them, to the handshake verbs */
};

/* Fills loop, metrics, store, auth, engine, host and address; memory and more as it likes. Calls
 * stage_answered. */
struct stage_backing {
    /* Returns 0, or -1 with the reason in error. */
    int (*open)(const struct stage_plan *plan, struct stage *stage, struct buf *error);
    /* Takes everything down; sessions may be open. */
    void (*close)(struct stage *stage);
    /* Waits until the gateway has heard of the accounts made so far. NULL: it knows at once. */
    void (*hear)(struct stage *stage);
    enum { STAGE_SCRIPTED, STAGE_LIVE } kind;
    /* Before the first trial and after the last one, in the process that forks them, which stays
     * without threads. May be NULL. begin returns 0, or -1 after saying on stderr what is wrong;
     * end follows in both cases. */
    int (*begin)(void);
    void (*end)(void);
};

extern const struct stage_backing stage_memory;

struct stage {
    const struct stage_backing *backing;
    struct loop *loop;
    struct metrics *metrics;
    struct store *store;
    struct auth *auth;
    struct engine *engine;
    struct host *host;
    struct memory *memory; /* NULL: a database */
    char address[NET_ADDRESS_TEXT];
    struct target target;
    struct buf secrets;    /* what must not be shown, each ended by a NUL */
    struct buf logins;     /* name and secret by turns, each ended by a NUL */
    unsigned made;         /* users so far */
    int is_restless;       /* it was waited for in vain: it is not waited for again */
    int64_t token_skew_us; /* in memory: added to the time at which tokens are made and judged */
    struct stage_answers *answers; /* where they are counted; NULL: nowhere */
    void *inner;           /* the backing's */
};

/* Returns 0, or -1 with the reason in error; nothing is left then. */
int stage_open(struct stage *stage, const struct stage_backing *backing,
               const struct stage_plan *plan, struct buf *error);
void stage_close(struct stage *stage);

/* Lets the loop turn until the gateway has nothing left to do, or, once, has been waited for long
 * enough. What the memory holds back does not count as something to do. */
void stage_settle(struct stage *stage);

/* The engine has answered a command: counts it. */
void stage_answered(struct stage *stage, const struct dm_result *result);

/* Calls are carried out while the loop turns. */
enum dm_status stage_call(struct stage *stage, struct store_call *call);

/* Makes an account; secrets may be absent. The user is in the arena. */
enum dm_status stage_user_new(struct stage *stage, const struct dm_profile *profile,
                              struct dm_slice password, struct dm_slice pin,
                              struct arena *arena, const struct dm_user **ret_user);

/* Appends an access token of the user, good for so many seconds. */
void stage_token_new(struct stage *stage, const struct dm_user *user, int64_t seconds,
                     struct buf *ret_token);
void stage_token_revoke(struct stage *stage, struct dm_slice token);

/* Remembers what must not be shown anywhere. Short ones are left out: they come up by chance. */
void stage_keep_secret(struct stage *stage, struct dm_slice secret);
/* Appends all of them, and the short ones of logins, each ended by a NUL. */
void stage_list_secrets(const struct stage *stage, struct buf *ret_secrets);
/* Whether the text has a secret in it, or, of a short one, also the name that goes with it. */
int stage_has_login(const struct stage *stage, struct dm_slice text);
/* Whether the text shows a name, and, as a word of its own, the secret of 4 bytes or more that goes
 * with it. */
int stage_shows_login(const struct stage *stage, struct dm_slice text);
/* The first secret that stands in the text, or an absent slice. */
struct dm_slice stage_find_secret(const struct stage *stage, struct dm_slice text);

#endif
