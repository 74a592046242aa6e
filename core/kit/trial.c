#include "core/kit/trial.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/log.h"
#include "core/base/mem.h"

#define NOTE_SIZE 1024
#ifdef __SANITIZE_ADDRESS__
#define HOOK_MAX_US 1000000 /* all is slower by so much */
#else
#define HOOK_MAX_US 100000
#endif
#define START_S 60 /* for a gateway with the adapter to start */

/* Shared with the child, so that it can be read after a crash. */
static char *note;

const char *const trial_unlimited[] = {
    "limits.rate=0", "auth.guesses=1000", NULL,
};

/* ---- in the child ---- */

static void end_with(struct trial *trial, enum trial_end end, const char *format, va_list args) {
    char text[4096];
    if (trial_is_over(trial))
        return;
    vsnprintf(text, sizeof(text), format, args);
    trial->end = end;
    if (end != TRIAL_PASSED)
        buf_reset(trial->reason);
    buf_append_str(trial->reason, text);
}

void trial_fail(struct trial *trial, const char *format, ...) {
    va_list args;
    va_start(args, format);
    end_with(trial, TRIAL_FAILED, format, args);
    va_end(args);
}

void trial_skip(struct trial *trial, const char *format, ...) {
    va_list args;
    va_start(args, format);
    end_with(trial, TRIAL_SKIPPED, format, args);
    va_end(args);
}

void trial_lack(struct trial *trial, const char *what) {
    const struct kit *kit = trial->kit;
    for (size_t i = 0; i < kit->script_count; i++) {
        const struct script *script = kit->scripts[i];
        if (script->verdict == SCRIPT_FAILED && !script->transcript->settings)
            trial_skip(trial, "needs transcript %.*s", (int)script->name_len, script->name);
    }
    trial_skip(trial, "%s", what);
}

void trial_tell(struct trial *trial, const char *format, ...) {
    va_list args;
    va_start(args, format);
    end_with(trial, TRIAL_PASSED, format, args);
    va_end(args);
}

int trial_is_over(const struct trial *trial) {
    return trial->end != TRIAL_PASSED;
}

void trial_note(const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(note, NOTE_SIZE, format, args);
    va_end(args);
}

static void add_settings(struct stage_plan *plan, const char *const *settings) {
    size_t count = 0;
    while (plan->settings[count])
        count++;
    for (; settings && *settings && count < STAGE_SETTINGS_MAX - 1; settings++)
        plan->settings[count++] = *settings;
}

static void on_slow_hook(void *owner, const char *hook, uint64_t us) {
    trial_fail(owner, "the hook %s took %llu ms of CPU, while everybody waits\nat: %s", hook,
               (unsigned long long)us / 1000, note);
}

static int open_stage(struct trial *trial, struct stage_plan *plan,
                      const char *const *settings) {
    const struct kit_options *options = trial->kit->options;
    struct buf error = BUF_INIT;
    plan->adapter = options->adapter;
    plan->file = options->file;
    plan->files = options->files;
    /* The last one counts. */
    add_settings(plan, options->settings);
    add_settings(plan, settings);
    trial_note("adapter %s starts", options->adapter->name);
    unsigned left = alarm(START_S);
    int result = stage_open(&trial->stage, trial->kit->backing, plan, &error);
    alarm(left);
    if (result == 0)
        host_watch_hooks(trial->stage.host, HOOK_MAX_US, on_slow_hook, trial);
    else
        trial_fail(trial, "the gateway does not start: %.*s", DM_SLICE_FMT(buf_slice(&error)));
    buf_fini(&error);
    return result;
}

int trial_open(struct trial *trial, const char *const *settings, unsigned haste) {
    struct stage_plan plan = { .haste = haste };
    return open_stage(trial, &plan, settings);
}

int trial_open_with(struct trial *trial, const char *const *settings,
                    const struct dm_adapter *const *companions) {
    struct stage_plan plan = { .companions = companions };
    return open_stage(trial, &plan, settings);
}

/* The secrets go to the parent behind the reason: it reads the log. */
void trial_close(struct trial *trial) {
    stage_settle(&trial->stage);
    if (trial->stage.is_restless)
        trial_fail(trial, "the gateway does not come to rest: something is under way for good");
    if (host_session_count(trial->stage.host))
        trial_fail(trial, "%u sessions are left after every client has gone",
                   host_session_count(trial->stage.host));
    buf_append_char(trial->reason, '\0');
    stage_list_secrets(&trial->stage, trial->reason);
    stage_close(&trial->stage);
}

static void write_all(int fd, struct dm_slice bytes) {
    while (bytes.len) {
        ssize_t count = write(fd, bytes.ptr, bytes.len);
        if (count <= 0)
            return;
        bytes.ptr += count;
        bytes.len -= (size_t)count;
    }
}

/* Never returns. The exit status tells of leaks, when the program looks for them. */
static void be_child(const struct kit *kit, const struct battery *battery,
                     const struct script *script, int pipe_fd, int log_fd) {
    struct buf reason = BUF_INIT;
    struct trial trial = { .kit = kit, .script = script, .reason = &reason };
    dup2(log_fd, STDERR_FILENO);
    log_init(LOG_LEVEL_DEBUG, LOG_FORMAT_LOGFMT, STDERR_FILENO);
    signal(SIGPIPE, SIG_IGN);
    alarm(battery->seconds);
    battery->run(&trial);
    char end = (char)trial.end;
    write_all(pipe_fd, (struct dm_slice){ &end, 1 });
    write_all(pipe_fd, buf_slice(&reason));
    buf_fini(&reason);
    close(pipe_fd);
    exit(0);
}

/* ---- in the parent ---- */

static void read_all(int fd, struct buf *out) {
    ssize_t count;
    while ((count = read(fd, buf_reserve(out, 65536), 65536)) > 0)
        out->len += (size_t)count;
}

static enum trial_end run_apart(const struct kit *kit, const struct battery *battery,
                                struct script *script, struct buf *reason) {
    struct outcome outcome = { .note = note };
    int pipe_fds[2], log_fd = memfd_create("log", MFD_CLOEXEC);
    if (pipe2(pipe_fds, O_CLOEXEC) != 0 || log_fd < 0)
        abort();
    fflush(stdout);
    *note = '\0';
    pid_t pid = fork();
    if (pid == 0) {
        close(pipe_fds[0]);
        be_child(kit, battery, script, pipe_fds[1], log_fd);
    }
    close(pipe_fds[1]);
    read_all(pipe_fds[0], &outcome.told);
    while (pid > 0 && waitpid(pid, &outcome.status, 0) < 0 && errno == EINTR)
        ;
    lseek(log_fd, 0, SEEK_SET);
    read_all(log_fd, &outcome.log);
    enum trial_end end = judge_outcome(&outcome, reason);
    if (script && battery == kit->first)
        script->verdict = judge_told(&outcome) == TRIAL_FAILED ? SCRIPT_FAILED : SCRIPT_GOOD;
    close(pipe_fds[0]);
    close(log_fd);
    buf_fini(&outcome.told);
    buf_fini(&outcome.log);
    return end;
}

static void print_comment(struct dm_slice text) {
    while (text.len) {
        const char *end = memchr(text.ptr, '\n', text.len);
        size_t len = end ? (size_t)(end - text.ptr) : text.len;
        printf("# %.*s\n", (int)len, text.ptr);
        len += end != NULL;
        text.ptr += len;
        text.len -= len;
    }
}

static void report(struct kit *kit, const char *name, enum trial_end end,
                   struct dm_slice reason) {
    kit->number++;
    printf("%sok %u - %s%s", end == TRIAL_FAILED ? "not " : "", kit->number, name,
           end == TRIAL_SKIPPED ? " # SKIP " : "\n");
    if (end == TRIAL_SKIPPED)
        printf("%.*s\n", DM_SLICE_FMT(reason));
    else
        print_comment(reason);
    fflush(stdout);
    kit->passed += end == TRIAL_PASSED;
    kit->failed += end == TRIAL_FAILED;
    kit->skipped += end == TRIAL_SKIPPED;
}

/* What this trial stands on is tried before, also when nobody asked to be told. */
static void try_before(const struct kit *kit, struct script *script) {
    struct buf ignored = BUF_INIT;
    for (size_t i = 0; i < kit->script_count; i++) {
        struct script *it = kit->scripts[i];
        int needed = script ? it == script : !it->transcript->settings;
        if (needed && it->verdict == SCRIPT_UNTRIED)
            run_apart(kit, kit->first, it, &ignored);
    }
    buf_fini(&ignored);
}

static enum trial_end run_battery(const struct kit *kit, const struct battery *battery,
                                  struct script *script, struct buf *reason) {
    if (battery != kit->first)
        try_before(kit, script);
    if (battery == kit->first || !script || script->verdict != SCRIPT_FAILED)
        return run_apart(kit, battery, script, reason);
    buf_printf(reason, "needs transcript %.*s", (int)script->name_len, script->name);
    return TRIAL_SKIPPED;
}

static void run_one(struct kit *kit, const struct battery *battery, struct script *script) {
    struct buf reason = BUF_INIT;
    char name[300];
    snprintf(name, sizeof(name), "%s%s%.*s", battery->name, script ? " " : "",
             script ? (int)script->name_len : 0, script ? script->name : "");
    if (!kit->options->only || strstr(name, kit->options->only)) {
        enum trial_end end = run_battery(kit, battery, script, &reason);
        report(kit, name, end, buf_slice(&reason));
    }
    buf_fini(&reason);
}

/* A battery of transcripts without any is a trial of nothing. */
static void run_none(struct kit *kit, const struct battery *battery) {
    if (!kit->options->only || strstr(battery->name, kit->options->only))
        report(kit, battery->name, TRIAL_SKIPPED, DM_SLICE("there are no transcripts"));
}

void battery_run(struct kit *kit, const struct battery *battery) {
    if (battery->where == TRIAL_SCRIPTED_ONLY && kit->backing->kind == STAGE_LIVE)
        return;
    if (!note) {
        note = mmap(NULL, NOTE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (note == MAP_FAILED)
            abort();
    }
    if (battery->times == TRIAL_ONCE)
        run_one(kit, battery, NULL);
    else if (kit->script_count == 0)
        run_none(kit, battery);
    else
        for (size_t i = 0; i < kit->script_count; i++)
            run_one(kit, battery, kit->scripts[i]);
}
