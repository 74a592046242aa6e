#include "core/base/log.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/utf8.h"

static _Atomic int current_level = LOG_LEVEL_INFO;
static _Atomic int current_format = LOG_FORMAT_LOGFMT;
static _Atomic int current_fd = STDERR_FILENO;
static _Atomic int current_worker = -1; /* none */
static _Atomic uint64_t dropped;

static const char *const level_names[] = {
    [LOG_LEVEL_DEBUG] = "debug",
    [LOG_LEVEL_INFO] = "info",
    [LOG_LEVEL_WARNING] = "warning",
    [LOG_LEVEL_ERROR] = "error",
};

#define LEVEL_COUNT (sizeof(level_names) / sizeof(level_names[0]))

void log_init(enum log_level level, enum log_format format, int fd) {
    current_format = (int)format;
    current_fd = fd;
    log_set_level(level);
}

void log_set_worker(unsigned number) {
    current_worker = (int)number;
}

void log_set_level(enum log_level level) {
    atomic_store_explicit(&current_level, (int)level, memory_order_relaxed);
}

enum log_level log_get_level(void) {
    return (enum log_level)atomic_load_explicit(&current_level, memory_order_relaxed);
}

const char *log_level_name(enum log_level level) {
    return (size_t)level < LEVEL_COUNT ? level_names[level] : "unknown";
}

int log_level_parse(struct dm_slice text, enum log_level *ret_level) {
    if (dm_slice_eq(text, DM_SLICE("warn")))
        text = DM_SLICE("warning");
    for (size_t i = 0; i < LEVEL_COUNT; i++) {
        if (dm_slice_eq(text, dm_slice_str(level_names[i]))) {
            *ret_level = (enum log_level)i;
            return 0;
        }
    }
    return -EINVAL;
}

uint64_t log_dropped(void) {
    return dropped;
}

/* What is written up to the last complete field, and whether the current one still fits. */
struct line {
    enum log_format format;
    char *pos;
    char *end;
    int overflow;
};

static void put(struct line *line, const char *ptr, size_t len) {
    if (line->overflow || (size_t)(line->end - line->pos) < len) {
        line->overflow = 1;
        return;
    }
    memcpy(line->pos, ptr, len);
    line->pos += len;
}

static void put_str(struct line *line, const char *str) {
    put(line, str, strlen(str));
}

static void put_format(struct line *line, const char *format, unsigned long long value) {
    char text[32];
    int len = snprintf(text, sizeof(text), format, value);
    put(line, text, (size_t)len);
}

static void put_control(struct line *line, unsigned c) {
    switch (c) {
    case '\n':
        put_str(line, "\\n");
        break;
    case '\r':
        put_str(line, "\\r");
        break;
    case '\t':
        put_str(line, "\\t");
        break;
    default:
        put_format(line, "\\u%04llx", c);
    }
}

static void put_invalid(struct line *line, unsigned char c) {
    if (line->format == LOG_FORMAT_JSON)
        put_str(line, "\\ufffd");
    else
        put_format(line, "\\x%02llx", c);
}

/* The control characters of C0, DEL and C1 (two bytes in UTF-8), which steer terminals. */
static int is_control(const unsigned char *p, size_t len) {
    return (len == 1 && (p[0] < 0x20 || p[0] == 0x7f)) ||
           (len == 2 && p[0] == 0xc2 && p[1] < 0xa0);
}

static void put_escaped(struct line *line, struct dm_slice text) {
    while (text.len > 0 && !line->overflow) {
        const unsigned char *p = (const unsigned char *)text.ptr;
        size_t len = utf8_sequence(text);
        if (len == 0) {
            put_invalid(line, *p);
            len = 1;
        } else if (is_control(p, len)) {
            put_control(line, p[len - 1]);
        } else {
            if (*p == '"' || *p == '\\')
                put_str(line, "\\");
            put(line, text.ptr, len);
        }
        text.ptr += len;
        text.len -= len;
    }
}

static int is_bare(struct dm_slice text) {
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c <= ' ' || c >= 0x7f || c == '"' || c == '\\' || c == '=')
            return 0;
    }
    return text.len > 0;
}

static void put_text(struct line *line, struct dm_slice text) {
    struct dm_slice shown = utf8_prefix(text, LOG_VALUE_MAX);
    if (!text.ptr) {
        put_str(line, line->format == LOG_FORMAT_JSON ? "null" : "");
        return;
    }
    if (line->format == LOG_FORMAT_LOGFMT && shown.len == text.len && is_bare(text)) {
        put(line, text.ptr, text.len);
        return;
    }
    put_str(line, "\"");
    put_escaped(line, shown);
    put_str(line, shown.len < text.len ? "...\"" : "\"");
}

static void put_int(struct line *line, int64_t value) {
    if (value < 0)
        put_str(line, "-");
    put_format(line, "%llu", value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

static void put_errno(struct line *line, int64_t value) {
    uint64_t number = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    const char *name = number <= INT32_MAX ? strerrorname_np((int)number) : NULL;
    if (name)
        put_text(line, dm_slice_str(name));
    else
        put_int(line, value);
}

static void put_uuid(struct line *line, const struct dm_uuid *uuid) {
    char text[DM_UUID_TEXT_LEN + 1];
    if (uuid)
        dm_uuid_format(uuid, text);
    put_text(line, dm_slice_str(uuid ? text : NULL));
}

static void put_value(struct line *line, const struct log_field *field) {
    switch (field->kind) {
    case LOG_KIND_TEXT:
        put_text(line, field->value.text);
        break;
    case LOG_KIND_INT:
        put_int(line, field->value.i64);
        break;
    case LOG_KIND_UINT:
        put_format(line, "%llu", field->value.u64);
        break;
    case LOG_KIND_ERRNO:
        put_errno(line, field->value.i64);
        break;
    case LOG_KIND_UUID:
        put_uuid(line, field->value.uuid);
        break;
    case LOG_KIND_NONE:
        put_text(line, DM_SLICE_NONE);
        break;
    }
}

static void put_key(struct line *line, const char *key) {
    for (; *key; key++) {
        char c = *key;
        int word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        put(line, word ? key : "_", 1);
    }
}

/* Writes the whole field, or nothing when it does not fit; returns whether it did. */
static int put_field(struct line *line, const char *separator, const struct log_field *field) {
    int json = line->format == LOG_FORMAT_JSON;
    char *start = line->pos;
    put_str(line, separator);
    put_str(line, json ? "\"" : "");
    put_key(line, field->key);
    put_str(line, json ? "\":" : "=");
    put_value(line, field);
    if (!line->overflow)
        return 1;
    line->pos = start;
    line->overflow = 0;
    return 0;
}

size_t log_format_line(enum log_format format, int64_t us, enum log_level level, const char *msg,
                       const struct log_field *fields, size_t count,
                       char ret_line[LOG_LINE_MAX]) {
    static const char *const separators[] = { " ", "," };
    static const char *const truncations[] = { " truncated=true\n", ",\"truncated\":true}\n" };
    static const char *const ends[] = { "\n", "}\n" };
    int json = format == LOG_FORMAT_JSON;
    struct line line = { .format = format, .pos = ret_line };
    line.end = ret_line + LOG_LINE_MAX - strlen(truncations[json]);
    char time[TIME_ISO_SIZE];
    time_format_iso(us, TIME_Z, time);
    put_field(&line, json ? "{" : "", &LOG_STR("ts", time));
    put_field(&line, separators[json], &LOG_STR("level", log_level_name(level)));
    int complete = put_field(&line, separators[json], &LOG_STR("msg", msg));
    if (current_worker >= 0)
        complete &= put_field(&line, separators[json], &LOG_INT("worker", current_worker));
    for (size_t i = 0; i < count; i++)
        complete &= put_field(&line, separators[json], &fields[i]);
    const char *end = complete ? ends[json] : truncations[json];
    line.end = ret_line + LOG_LINE_MAX;
    put_str(&line, end);
    return (size_t)(line.pos - ret_line);
}

void log_write(enum log_level level, const char *msg, const struct log_field *fields,
               size_t count) {
    int saved_errno = errno;
    char text[LOG_LINE_MAX];
    size_t len = log_format_line((enum log_format)current_format, clock_real_us(), level, msg,
                                 fields, count, text);
    ssize_t written;
    do
        written = write(current_fd, text, len);
    while (written < 0 && errno == EINTR);
    if (written != (ssize_t)len)
        dropped++;
    errno = saved_errno;
}
