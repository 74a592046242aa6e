#include "core/kit/judge.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "core/kit/secret.h"

#define LOG_SHOWN 1200
#define LINES_SHOWN 5 /* of each kind that go with a failure */

/* In lines of the log by which the host tells that the adapter broke its contract. */
static const char *const complaints[] = {
    "adapter broke the contract", "adapter left a frame unfinished",
    "adapter left a request unanswered", "runtime error:",
};

static struct dm_slice line_around(struct dm_slice log, const char *at) {
    const char *begin = at, *end = at;
    while (begin > log.ptr && begin[-1] != '\n')
        begin--;
    while (end < log.ptr + log.len && *end != '\n')
        end++;
    return (struct dm_slice){ begin, (size_t)(end - begin) };
}

static int holds(struct dm_slice text, const char *word) {
    return text.ptr && memmem(text.ptr, text.len, word, strlen(word));
}

static int is_complaint(struct dm_slice line) {
    for (size_t i = 0; i < sizeof(complaints) / sizeof(complaints[0]); i++)
        if (holds(line, complaints[i]))
            return 1;
    return 0;
}

/* What the adapter itself thinks is wrong. */
static int is_warning(struct dm_slice line) {
    return holds(line, "msg=\"adapter says\"") &&
           (holds(line, "level=warning") || holds(line, "level=error"));
}

/* Without the time. */
static struct dm_slice message_of(struct dm_slice line) {
    const char *at = memmem(line.ptr, line.len, " msg=", 5);
    return at ? (struct dm_slice){ at, (size_t)(line.ptr + line.len - at) } : line;
}

static struct dm_slice next_line(struct dm_slice *log) {
    struct dm_slice line = line_around(*log, log->ptr);
    size_t used = line.len < log->len ? line.len + 1 : line.len;
    *log = (struct dm_slice){ log->ptr + used, log->len - used };
    return line;
}

/* Appends the lines that are of a kind, but for those that say what the reason has already. */
static void tell_lines(struct dm_slice log, int (*is_kind)(struct dm_slice line), const char *who,
                       struct buf *reason) {
    for (int shown = 0; log.len && shown < LINES_SHOWN;) {
        struct dm_slice line = next_line(&log), message = message_of(line);
        if (!is_kind(line) ||
            (reason->len && memmem(reason->data, reason->len, message.ptr, message.len)))
            continue;
        if (reason->len && reason->data[reason->len - 1] != '\n')
            buf_append_char(reason, '\n');
        buf_append_str(reason, who);
        buf_append_slice(reason, line);
        shown++;
    }
}

static int has_complaint(struct dm_slice log) {
    while (log.len)
        if (is_complaint(next_line(&log)))
            return 1;
    return 0;
}

static void tell_why(struct dm_slice log, struct buf *reason) {
    tell_lines(log, is_complaint, "the host complains: ", reason);
    tell_lines(log, is_warning, "the adapter says: ", reason);
}

/* Whether the adapter has said the word: what the host says is full of numbers, which a pin may be
 * one of by chance. */
static int is_said(struct dm_slice log, const char *secret) {
    static const char mark[] = "msg=\"adapter says\"";
    const char *at = log.ptr, *end = log.ptr + log.len;
    while (at && at < end && (at = memmem(at, (size_t)(end - at), mark, sizeof(mark) - 1))) {
        struct dm_slice line = line_around(log, at);
        const char *text = memmem(line.ptr, line.len, " text=", 6);
        at = line.ptr + line.len;
        if (text && secret_is_word((struct dm_slice){ text + 6, (size_t)(at - text - 6) }, secret))
            return 1;
    }
    return 0;
}

static int stands_in(struct dm_slice log, const char *secret, size_t len) {
    if (!log.len || len < SECRET_MIN)
        return log.len && is_said(log, secret);
    return memmem(log.ptr, log.len, secret, len) != NULL;
}

/* The length of the first secret that stands in the log; 0: none does. */
static size_t find_secret(const struct buf *told, struct dm_slice log) {
    const char *end = told->data + told->len;
    const char *at = told->len ? memchr(told->data, '\0', told->len) : NULL;
    for (; at && at + 1 < end; at = memchr(at + 1, '\0', (size_t)(end - at - 1))) {
        size_t len = strnlen(at + 1, (size_t)(end - at - 1));
        if (at + 1 + len < end && stands_in(log, at + 1, len))
            return len;
    }
    return 0;
}

static enum trial_end judge_log(const struct outcome *outcome, enum trial_end end,
                                struct buf *reason) {
    struct dm_slice log = buf_slice(&outcome->log);
    size_t secret = find_secret(&outcome->told, log);
    if (secret) {
        buf_reset(reason);
        buf_printf(reason, "a secret stands in the log, one of %zu bytes", secret);
        return TRIAL_FAILED;
    }
    if (end != TRIAL_FAILED && !has_complaint(log))
        return end;
    if (end != TRIAL_FAILED)
        buf_reset(reason);
    tell_why(log, reason);
    return TRIAL_FAILED;
}

/* What a sanitizer had to say, from its beginning on; absent: nothing. */
static struct dm_slice find_report(struct dm_slice log) {
    static const char mark[] = "==ERROR: ";
    const char *at = log.len ? memmem(log.ptr, log.len, mark, sizeof(mark) - 1) : NULL;
    if (!at)
        return DM_SLICE_NONE;
    const char *begin = line_around(log, at).ptr;
    size_t left = (size_t)(log.ptr + log.len - begin);
    return (struct dm_slice){ begin, left < LOG_SHOWN ? left : LOG_SHOWN };
}

/* The last lines: from the first one that begins within what is shown, or the last one whole. */
static struct dm_slice last_lines(struct dm_slice log) {
    if (log.len <= LOG_SHOWN)
        return log;
    const char *from = log.ptr + log.len - LOG_SHOWN, *log_end = log.ptr + log.len;
    const char *end = memchr(from - 1, '\n', LOG_SHOWN);
    const char *begin = end && end + 1 < log_end ? end + 1 : line_around(log, from).ptr;
    return (struct dm_slice){ begin, (size_t)(log_end - begin) };
}

void judge_log_tail(struct dm_slice log, struct buf *out) {
    struct dm_slice report = find_report(log);
    log = report.ptr ? report : last_lines(log);
    while (log.len) {
        buf_append_str(out, "\nlog: ");
        buf_append_slice(out, next_line(&log));
    }
}

/* How the process ended, when it did not come to its end. */
static void explain_status(const struct outcome *outcome, struct buf *reason) {
    int status = outcome->status;
    buf_reset(reason);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
        buf_append_str(reason, "it does not come to an end");
    else if (WIFSIGNALED(status))
        buf_printf(reason, "crashed: %s", strsignal(WTERMSIG(status)));
    else if (outcome->told.len)
        buf_printf(reason, "exit status %d after the trial: memory leaked",
                   WEXITSTATUS(status));
    else
        buf_printf(reason, "crashed: exit status %d", WEXITSTATUS(status));
    if (*outcome->note)
        buf_printf(reason, "\nat: %s", outcome->note);
    judge_log_tail(buf_slice(&outcome->log), reason);
    tell_why(buf_slice(&outcome->log), reason);
}

enum trial_end judge_told(const struct outcome *outcome) {
    return outcome->told.len ? (enum trial_end)outcome->told.data[0] : TRIAL_FAILED;
}

enum trial_end judge_outcome(const struct outcome *outcome, struct buf *ret_reason) {
    const struct buf *told = &outcome->told;
    if (!WIFEXITED(outcome->status) || WEXITSTATUS(outcome->status) != 0 || !told->len) {
        explain_status(outcome, ret_reason);
        return TRIAL_FAILED;
    }
    buf_append(ret_reason, told->data + 1, strnlen(told->data + 1, told->len - 1));
    return judge_log(outcome, judge_told(outcome), ret_reason);
}
