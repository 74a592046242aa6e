/* Before login, logging in twice, and whose session it is afterwards. */
#include "core/kit/batteries.h"
#include "core/kit/client.h"

#define HASTE 50

/* ---- who is logged in ---- */

struct census {
    size_t count;
    int64_t user_id; /* of one of them */
};

static void count_one(void *owner, struct engine_session *session) {
    struct census *census = owner;
    const struct dm_user *user = engine_session_user(session);
    if (user) {
        census->count++;
        census->user_id = user->id;
    }
}

/* Sessions that have a principal; the trials here keep one client at a time. */
static struct census take_census(const struct trial *trial) {
    struct census census = { 0, 0 };
    engine_each_session(trial->stage.engine, count_one, &census);
    return census;
}

/* ---- before login ---- */

/* A request that somebody has made, not the gateway itself. */
static void on_request(void *owner, const struct store_request *request) {
    struct trial *trial = owner;
    const struct store_call *call = (const struct store_call *)request;
    int of_somebody = request->kind == STORE_APPEND ||
                      (request->kind != STORE_MARK_DELIVERED && call->actor_id);
    if (of_somebody)
        trial_fail(trial, "a session without login got to the store%s%s",
                   request->kind == STORE_COMMAND ? " with " : "",
                   request->kind == STORE_COMMAND ? dm_command_name(call->command->kind) : "");
}

/* Returns 1 when it could be sent, else 0. */
static size_t send_without_login(struct trial *trial, const struct frame *frame) {
    struct client client;
    size_t sent = 0;
    trial_note("%s:%u before login", frame->script->name, frame->step->line);
    if (client_open(&client, &trial->stage, frame, CREDENTIALS_STRIPPED) == 0) {
        client_send(&client, frame, CREDENTIALS_STRIPPED);
        stage_settle(&trial->stage);
        sent = 1;
        if (take_census(trial).count)
            trial_fail(trial, "a session is logged in without credentials");
        if (trial_is_over(trial))
            buf_printf(trial->reason, "\nafter %s:%u\nsent %.*s", frame->script->name,
                       frame->step->line, DM_SLICE_FMT(frame->body));
    }
    client_close(&client);
    return sent;
}

static void all_without_login(struct trial *trial, const struct frames *frames) {
    size_t count = 0;
    if (trial->stage.memory)
        memory_set_watch(trial->stage.memory, on_request, trial);
    for (size_t i = 0; i < frames->count && !trial_is_over(trial); i++) {
        if (frame_has_login(&trial->stage, &frames->items[i]))
            continue;
        count += send_without_login(trial, &frames->items[i]);
    }
    if (trial->stage.memory)
        memory_set_watch(trial->stage.memory, NULL, NULL);
    if (!count)
        trial_lack(trial, "no frame without credentials can be sent before login");
    trial_tell(trial, "%zu frames", count);
}

/* Sets the stage with two sets of the same frames, of different users, and runs `run`. */
static void with_frames(struct trial *trial,
                        void (*run)(struct trial *, const struct frames *,
                                    const struct frames *)) {
    struct frames mine, others;
    if (trial_open(trial, trial_unlimited, HASTE) != 0)
        return;
    frames_collect(&mine, trial);
    frames_collect(&others, trial);
    if (!mine.count)
        trial_lack(trial, "no transcript has client frames");
    else
        run(trial, &mine, &others);
    frames_free(&mine);
    frames_free(&others);
    trial_close(trial);
}

static void run_before(struct trial *trial, const struct frames *mine,
                       const struct frames *others) {
    all_without_login(trial, mine);
}

void battery_before_login(struct trial *trial) {
    with_frames(trial, run_before);
}

/* ---- login frames ---- */

/* Whether this frame alone logs a fresh client in; as whom. */
static int64_t logs_in(struct trial *trial, const struct frame *frame) {
    struct client client;
    int64_t user_id = 0;
    if (frame->step->kind != STEP_SEND || !frame_has_login(&trial->stage, frame))
        return 0;
    if (client_open(&client, &trial->stage, frame, CREDENTIALS_STRIPPED) == 0) {
        client_send(&client, frame, CREDENTIALS_STRIPPED);
        stage_settle(&trial->stage);
        user_id = take_census(trial).user_id;
    }
    client_close(&client);
    return user_id;
}

static void expect_user(struct trial *trial, int64_t user_id, const char *when) {
    struct census census = take_census(trial);
    if (census.count > 1)
        trial_fail(trial, "one client has %zu logged-in sessions %s", census.count, when);
    else if (census.count && census.user_id != user_id)
        trial_fail(trial, "the session is another user's %s", when);
}

static void log_in_twice(struct trial *trial, const struct frame *frame, int64_t user_id) {
    struct client client;
    trial_note("%s:%u twice", frame->script->name, frame->step->line);
    if (client_open(&client, &trial->stage, frame, CREDENTIALS_STRIPPED) == 0) {
        client_send(&client, frame, CREDENTIALS_STRIPPED);
        client_send(&client, frame, CREDENTIALS_STRIPPED);
        stage_settle(&trial->stage);
        expect_user(trial, user_id, "after a second login sent at once");
        client_send(&client, frame, CREDENTIALS_STRIPPED);
        stage_settle(&trial->stage);
        expect_user(trial, user_id, "after a third login");
    }
    client_close(&client);
}

static void run_twice(struct trial *trial, const struct frames *mine,
                      const struct frames *others) {
    size_t count = 0;
    for (size_t i = 0; i < mine->count && !trial_is_over(trial); i++) {
        int64_t user_id = logs_in(trial, &mine->items[i]);
        if (!user_id)
            continue;
        log_in_twice(trial, &mine->items[i], user_id);
        count++;
    }
    if (!count)
        trial_lack(trial, "no frame logs a client in");
    trial_tell(trial, "%zu login frames", count);
}

void battery_login_twice(struct trial *trial) {
    with_frames(trial, run_twice);
}

/* ---- identity ---- */

/* Logs in as one, then tries to be the other, then goes on talking. */
static void change_identity(struct trial *trial, const struct frame *login,
                            const struct frame *other, const struct frames *mine) {
    struct client client;
    int64_t user_id = logs_in(trial, login);
    trial_note("%s:%u, then as another user", login->script->name, login->step->line);
    if (client_open(&client, &trial->stage, login, CREDENTIALS_STRIPPED) == 0) {
        client_send(&client, login, CREDENTIALS_STRIPPED);
        stage_settle(&trial->stage);
        client_send(&client, other, CREDENTIALS_STRIPPED);
        stage_settle(&trial->stage);
        expect_user(trial, user_id, "after a login as somebody else");
        for (size_t i = 0; i < mine->count && client_is_open(&client); i++)
            if (mine->items[i].step->kind == STEP_SEND) {
                client_send(&client, &mine->items[i], CREDENTIALS_STRIPPED);
                stage_settle(&trial->stage);
                expect_user(trial, user_id, "after a login as somebody else and more frames");
            }
    }
    client_close(&client);
}

static void run_identity(struct trial *trial, const struct frames *mine,
                         const struct frames *others) {
    size_t count = 0;
    for (size_t i = 0; i < mine->count && i < others->count && !trial_is_over(trial); i++) {
        if (!logs_in(trial, &mine->items[i]) || !logs_in(trial, &others->items[i]))
            continue;
        change_identity(trial, &mine->items[i], &others->items[i], mine);
        count++;
    }
    if (!count)
        trial_lack(trial, "no frame logs a client in");
    trial_tell(trial, "%zu login frames", count);
}

void battery_identity(struct trial *trial) {
    with_frames(trial, run_identity);
}
