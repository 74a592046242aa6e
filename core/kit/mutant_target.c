/* What is wrong with a frame as a whole, and with a request's path and query. */
#include <ctype.h>

#include "core/kit/mutant.h"

#define LONG 4000 /* within the head of a request */

/* ---- kinds of messages ---- */

static void add_kind(struct arena *arena, const char *name, struct dm_slice bytes,
                     struct mutants *mutants) {
    struct buf what = BUF_INIT, copy = BUF_INIT;
    buf_append_str(&what, name);
    buf_append_slice(&copy, bytes);
    mutants_add(arena, mutants, MUTANT_OTHER_KIND, &what, &copy);
    buf_fini(&what);
    buf_fini(&copy);
}

void mutants_add_kinds(struct arena *arena, struct dm_slice frame, struct mutants *mutants) {
    add_kind(arena, "as a message of the other kind", frame, mutants);
    add_kind(arena, "an empty message of the other kind", DM_SLICE(""), mutants);
    add_kind(arena, "invalid UTF-8 as a message of the other kind",
             (struct dm_slice){ "{\"\xff\xfe\0\xc0\":1}", 10 }, mutants);
}

/* ---- targets ---- */

static const struct {
    const char *name;
    const char *text; /* NULL: made at need */
} values[] = {
    { "empty", "" },
    { "= a word", "x" },
    { "= 0", "0" },
    { "= -1", "-1" },
    { "= 1.5", "1.5" },
    { "= an int over 2^53", "9007199254740993" },
    { "= a number over 2^64", "18446744073709551616" },
    { "= a cut percent escape", "%4" },
    { "= a wrong percent escape", "%zz" },
    { "= invalid UTF-8", "%ff%fe" },
    { "= U+0000", "a%00b" },
    { "= {}", "%7B%7D" },
    { "too long", NULL },
};

/* The target with the bytes from..to replaced. */
static void add_target(struct arena *arena, struct dm_slice target, size_t from, size_t to,
                       struct dm_slice text, const char *how, struct mutants *mutants) {
    struct buf what = BUF_INIT, bytes = BUF_INIT;
    buf_append(&bytes, target.ptr, from);
    buf_append_slice(&bytes, text);
    buf_append(&bytes, target.ptr + to, target.len - to);
    buf_printf(&what, "\"%.*s\" of the target %s", (int)(to - from), target.ptr + from, how);
    mutants_add(arena, mutants, MUTANT_TARGET, &what, &bytes);
    buf_fini(&what);
    buf_fini(&bytes);
}

static void add_values(struct arena *arena, struct dm_slice target, size_t from, size_t to,
                       struct mutants *mutants) {
    static char large[LONG];
    memset(large, 'x', sizeof(large));
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        struct dm_slice text = values[i].text ? dm_slice_str(values[i].text)
                                              : (struct dm_slice){ large, sizeof(large) };
        add_target(arena, target, from, to, text, values[i].name, mutants);
    }
}

static size_t end_of(struct dm_slice target, size_t at, const char *stops) {
    while (at < target.len && !strchr(stops, target.ptr[at]))
        at++;
    return at;
}

/* NAME=VALUE of the query: left out, there twice, without its value, and with wrong ones. */
static void add_parameter(struct arena *arena, struct dm_slice target, size_t from, size_t to,
                          struct mutants *mutants) {
    struct buf twice = BUF_INIT;
    size_t equals = end_of((struct dm_slice){ target.ptr, to }, from, "=");
    buf_printf(&twice, "%.*s&%.*s", (int)(to - from), target.ptr + from, (int)(to - from),
               target.ptr + from);
    add_target(arena, target, from, to, DM_SLICE(""), "missing", mutants);
    add_target(arena, target, from, to, buf_slice(&twice), "twice", mutants);
    if (equals < to) {
        add_target(arena, target, equals, to, DM_SLICE(""), "missing", mutants);
        add_values(arena, target, equals + 1, to, mutants);
    }
    buf_fini(&twice);
}

void mutants_add_targets(struct arena *arena, struct dm_slice target, struct mutants *mutants) {
    size_t query = end_of(target, 0, "?");
    for (size_t at = 1, end; at < query; at = end + 1) {
        end = end_of((struct dm_slice){ target.ptr, query }, at, "/");
        if (end > at)
            add_values(arena, target, at, end, mutants);
    }
    for (size_t at = query + 1, end; at < target.len; at = end + 1) {
        end = end_of(target, at, "&");
        if (end > at)
            add_parameter(arena, target, at, end, mutants);
    }
}

/* ---- shapes ---- */

static size_t after_variable(struct dm_slice path, size_t at) {
    while (at < path.len && (isalnum((unsigned char)path.ptr[at]) || strchr("_.", path.ptr[at])))
        at++;
    return at;
}

void mutant_target_shape(struct dm_slice path, struct buf *ret_shape) {
    size_t query = end_of(path, 0, "?");
    for (size_t at = 0; at < path.len; at++) {
        char c = path.ptr[at];
        if (!isdigit((unsigned char)c))
            buf_append_char(ret_shape, c);
        if (c == '$')
            at = after_variable(path, at + 1) - 1;
        else if (c == '=' && at > query)
            at = end_of(path, at, "&") - 1;
    }
    buf_append_char(ret_shape, ' ');
}
