/* Structured log: one event per line, as logfmt or JSON.
 *
 *     log_event(LOG_LEVEL_INFO, "session closed", LOG_INT("session", id),
 *               LOG_STR("reason", "idle"), LOG_SLICE("adapter", name));
 *
 * Each line carries ts (UTC), level and msg before the given fields, and in a worker its number.
 * Control characters and invalid UTF-8 are escaped, so no input can forge a line or steer a
 * terminal. A line is at most LOG_LINE_MAX bytes, newline included, which a pipe takes whole or not
 * at all: values over LOG_VALUE_MAX bytes are cut and end in "...", and a field that finds no room
 * is left out and replaced by truncated=true. Each line is one write(2); when the descriptor is
 * non-blocking and full, or broken, the line is dropped and counted, never waited for.
 *
 * The caller logs no secrets: redaction comes before. Usable before log_init (logfmt, INFO, fd 2).
 * Any thread may log; initialise and set the level before other threads start, or on the loop. */
#ifndef DRAGOMAN_BASE_LOG_H
#define DRAGOMAN_BASE_LOG_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/slice.h"
#include "core/base/uuid.h"

#define LOG_LINE_MAX 4096
#define LOG_VALUE_MAX 1024

enum log_level {
    LOG_LEVEL_DEBUG,
    LOG_LEVEL_INFO,
    LOG_LEVEL_WARNING,
    LOG_LEVEL_ERROR,
};

enum log_format {
    LOG_FORMAT_LOGFMT,
    LOG_FORMAT_JSON,
};

enum log_kind {
    LOG_KIND_NONE,
    LOG_KIND_TEXT,
    LOG_KIND_INT,
    LOG_KIND_UINT,
    LOG_KIND_ERRNO,
    LOG_KIND_UUID,
};

/* One key with its typed value. Borrows everything for the call only. */
struct log_field {
    const char *key;
    enum log_kind kind;
    union {
        struct dm_slice text;
        int64_t i64;
        uint64_t u64;
        const struct dm_uuid *uuid;
    } value;
};

/* Keys are short literals of [a-z0-9_]; other characters are written as '_'.
 * LOG_STR takes a NUL-terminated string, LOG_SLICE a struct dm_slice: absent ones are written as
 * JSON null, in logfmt as nothing behind the '='. LOG_ERRNO takes a negative (or positive) errno
 * and writes its name (ECONNRESET), or the number when it has none. LOG_UUID takes a
 * const struct dm_uuid pointer. */
#define LOG_STR(k, v) \
    ((struct log_field){ .key = (k), .kind = LOG_KIND_TEXT, .value.text = dm_slice_str(v) })
#define LOG_SLICE(k, v) \
    ((struct log_field){ .key = (k), .kind = LOG_KIND_TEXT, .value.text = (v) })
#define LOG_INT(k, v) \
    ((struct log_field){ .key = (k), .kind = LOG_KIND_INT, .value.i64 = (int64_t)(v) })
#define LOG_UINT(k, v) \
    ((struct log_field){ .key = (k), .kind = LOG_KIND_UINT, .value.u64 = (uint64_t)(v) })
#define LOG_ERRNO(k, v) \
    ((struct log_field){ .key = (k), .kind = LOG_KIND_ERRNO, .value.i64 = (int64_t)(v) })
#define LOG_UUID(k, v) \
    ((struct log_field){ .key = (k), .kind = LOG_KIND_UUID, .value.uuid = (v) })

/* Sets level, format and descriptor. The descriptor stays the caller's, is never closed, and its
 * flags are not changed. */
void log_init(enum log_level level, enum log_format format, int fd);

/* From now on each line says worker=NUMBER behind its msg. */
void log_set_worker(unsigned number);

/* Events below level are dropped before their fields are evaluated. */
void log_set_level(enum log_level level);
enum log_level log_get_level(void);

/* "debug", "info", "warning", "error"; static storage. */
const char *log_level_name(enum log_level level);

/* Reads such a word, or "warn". Returns 0, or -EINVAL with ret_level untouched. */
int log_level_parse(struct dm_slice text, enum log_level *ret_level);

/* Lines dropped or cut by the descriptor since the process began. */
uint64_t log_dropped(void);

/* Writes one line unconditionally; use log_event. errno is preserved. */
void log_write(enum log_level level, const char *msg, const struct log_field *fields,
               size_t count);

/* Formats the line that log_write would write, newline included, at the given time; returns its
 * length. For the tests and for other sinks. */
size_t log_format_line(enum log_format format, int64_t us, enum log_level level, const char *msg,
                       const struct log_field *fields, size_t count,
                       char ret_line[LOG_LINE_MAX]);

/* Logs msg (a literal) with any number of LOG_... fields. */
#define log_event(level, msg, ...) \
    do { \
        enum log_level level_ = (level); \
        if (level_ >= log_get_level()) \
            log_write(level_, (msg), \
                      (const struct log_field[]){ { .kind = LOG_KIND_NONE }, ##__VA_ARGS__ } + 1, \
                      sizeof((const struct log_field[]){ { .kind = LOG_KIND_NONE }, \
                                                         ##__VA_ARGS__ }) \
                              / sizeof(struct log_field) - 1); \
    } while (0)

#endif
