/* Whether a JSON value matches a pattern, and where not. */
#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

#include "core/base/mem.h"
#include "core/base/utf8.h"
#include "core/transcript/pattern_node.h"

#define REPORTED_MAX 8
#define SHOWN_MAX 400

struct match {
    struct vars *vars;
    struct buf *report; /* NULL: nobody asks why */
    struct buf path;
    unsigned count;
};

static void match_value(struct match *m, const struct node *node, yyjson_val *value);

/* One line, shortened. */
static void append_shown(struct buf *out, struct dm_slice text) {
    struct dm_slice head = utf8_prefix(text, SHOWN_MAX);
    int blank = 0;
    for (size_t i = 0; i < head.len; i++) {
        unsigned char c = (unsigned char)head.ptr[i];
        if (c == '\n' || (blank && c == ' ')) {
            blank = 1;
            continue;
        }
        if (blank)
            buf_append_char(out, ' ');
        blank = 0;
        if (c < 0x20 || c == 0x7f)
            buf_printf(out, "\\x%02x", c);
        else
            buf_append_char(out, (char)c);
    }
    if (head.len < text.len)
        buf_printf(out, "... (%zu bytes)", text.len);
}

static void differ(struct match *m, struct dm_slice expected, struct dm_slice got) {
    m->count++;
    if (!m->report || m->count > REPORTED_MAX)
        return;
    buf_printf(m->report, "  $%.*s\n    expected ", DM_SLICE_FMT(buf_slice(&m->path)));
    append_shown(m->report, expected);
    buf_append_str(m->report, "\n    got      ");
    append_shown(m->report, got);
    buf_append_char(m->report, '\n');
}

static void differ_value(struct match *m, struct dm_slice expected, yyjson_val *value) {
    size_t len = 0;
    char *json = m->report && m->count < REPORTED_MAX ? yyjson_val_write(value, 0, &len) : NULL;
    differ(m, expected, (struct dm_slice){ json ? json : "", len });
    free(json);
}

static size_t enter_key(struct match *m, struct dm_slice key) {
    size_t before = m->path.len;
    buf_append_char(&m->path, '.');
    buf_append_slice(&m->path, key);
    return before;
}

static size_t enter_index(struct match *m, size_t index) {
    size_t before = m->path.len;
    buf_printf(&m->path, "[%zu]", index);
    return before;
}

/* Whether the value matches; what it captured stays bound only then. */
static int matches_quietly(struct match *m, const struct node *node, yyjson_val *value) {
    struct match quiet = { .vars = m->vars };
    size_t mark = vars_mark(m->vars);
    match_value(&quiet, node, value);
    buf_fini(&quiet.path);
    if (quiet.count)
        vars_rollback(m->vars, mark);
    return quiet.count == 0;
}

static void capture(struct match *m, struct dm_slice name, yyjson_val *value) {
    if (yyjson_is_str(value)) {
        vars_set(m->vars, name, VAR_TEXT,
                 (struct dm_slice){ yyjson_get_str(value), yyjson_get_len(value) });
        return;
    }
    size_t len = 0;
    char *json = yyjson_val_write(value, 0, &len);
    vars_set(m->vars, name, VAR_JSON, (struct dm_slice){ json ? json : "", len });
    free(json);
}

static int equals_var(const struct var *var, yyjson_val *value) {
    if (var->kind == VAR_TEXT)
        return yyjson_is_str(value) && dm_slice_eq(var->value, (struct dm_slice){
                   yyjson_get_str(value), yyjson_get_len(value) });
    yyjson_doc *doc = yyjson_read(var->value.ptr, var->value.len, 0);
    int equal = doc && yyjson_equals(yyjson_doc_get_root(doc), value);
    yyjson_doc_free(doc);
    return equal;
}

static void match_var(struct match *m, struct dm_slice name, const struct node *node,
                      yyjson_val *value) {
    const struct var *var = vars_get(m->vars, name);
    struct buf expected = BUF_INIT;
    if (!var) {
        capture(m, name, value);
    } else if (!equals_var(var, value)) {
        buf_printf(&expected, "%.*s, which is ", DM_SLICE_FMT(node->source));
        buf_append_slice(&expected, var->value);
        differ_value(m, buf_slice(&expected), value);
    }
    buf_fini(&expected);
}

static void match_matcher(struct match *m, const struct node *node, yyjson_val *value) {
    if (!matcher_accepts(&node->matcher, value))
        differ_value(m, node->source, value);
    else if (node->matcher.var.ptr)
        match_var(m, node->matcher.var, node, value);
}

static void match_string(struct match *m, const struct node *node, yyjson_val *value) {
    struct dm_slice text = { yyjson_get_str(value), yyjson_get_len(value) };
    if (!yyjson_is_str(value) || !string_match(&node->string, text, m->vars))
        differ_value(m, node->source, value);
}

static const struct node *member_of(const struct node *object, struct dm_slice key) {
    for (const struct node *member = object->first; member; member = member->next)
        if (dm_slice_eq(member->key, key))
            return member;
    return NULL;
}

static void match_member(struct match *m, const struct node *member, yyjson_val *object) {
    yyjson_val *value = yyjson_obj_getn(object, member->key.ptr, member->key.len);
    size_t before = enter_key(m, member->key);
    int absent = member->kind == NODE_MATCHER && member->matcher.kind == MATCH_ABSENT;
    if (!value && !absent && !(member->flags & NODE_OPTIONAL))
        differ(m, member->source, DM_SLICE("(absent)"));
    else if (value)
        match_value(m, member, value);
    m->path.len = before;
}

/* Keys that are not in the pattern, and keys that come twice. */
static void match_strangers(struct match *m, const struct node *node, yyjson_val *object) {
    size_t index, max;
    yyjson_val *name, *value;
    yyjson_obj_foreach(object, index, max, name, value) {
        struct dm_slice key = { yyjson_get_str(name), yyjson_get_len(name) };
        size_t before = enter_key(m, key);
        if (yyjson_obj_getn(object, key.ptr, key.len) != value)
            differ(m, DM_SLICE("(each key once)"), DM_SLICE("(this key twice)"));
        else if (!(node->flags & NODE_OPEN) && !member_of(node, key))
            differ_value(m, DM_SLICE("(absent)"), value);
        m->path.len = before;
    }
}

static void match_object(struct match *m, const struct node *node, yyjson_val *value) {
    if (!yyjson_is_obj(value)) {
        differ_value(m, node->source, value);
        return;
    }
    for (const struct node *member = node->first; member; member = member->next)
        match_member(m, member, value);
    match_strangers(m, node, value);
}

static void match_array(struct match *m, const struct node *node, yyjson_val *value) {
    const struct node *element = node->first;
    size_t index, max;
    yyjson_val *item;
    if (!yyjson_is_arr(value)) {
        differ_value(m, node->source, value);
        return;
    }
    yyjson_arr_foreach(value, index, max, item) {
        size_t before = enter_index(m, index);
        if (element)
            match_value(m, element, item);
        else if (!(node->flags & NODE_OPEN))
            differ_value(m, DM_SLICE("(no further element)"), item);
        element = element ? element->next : NULL;
        m->path.len = before;
    }
    for (size_t i = yyjson_arr_size(value); element; element = element->next, i++) {
        size_t before = enter_index(m, i);
        differ(m, element->source, DM_SLICE("(absent)"));
        m->path.len = before;
    }
}

static int take_from_set(struct match *m, const struct node *element, yyjson_val *array,
                         char *taken) {
    size_t index, max;
    yyjson_val *item;
    yyjson_arr_foreach(array, index, max, item) {
        if (!taken[index] && matches_quietly(m, element, item)) {
            taken[index] = 1;
            return 1;
        }
    }
    return 0;
}

static void match_set(struct match *m, const struct node *node, yyjson_val *value) {
    size_t index, max;
    yyjson_val *item;
    if (!yyjson_is_arr(value)) {
        differ_value(m, node->source, value);
        return;
    }
    char *taken = mem_zalloc(yyjson_arr_size(value) + 1);
    for (const struct node *element = node->first; element; element = element->next)
        if (!take_from_set(m, element, value, taken))
            differ(m, element->source, DM_SLICE("(no such element)"));
    yyjson_arr_foreach(value, index, max, item) {
        size_t before = enter_index(m, index);
        if (!taken[index] && !(node->flags & NODE_OPEN))
            differ_value(m, DM_SLICE("(no further element)"), item);
        m->path.len = before;
    }
    free(taken);
}

static void match_one_of(struct match *m, const struct node *node, yyjson_val *value) {
    for (const struct node *choice = node->first; choice; choice = choice->next)
        if (matches_quietly(m, choice, value))
            return;
    differ_value(m, node->source, value);
}

static int same_scalar(const struct node *node, yyjson_val *value) {
    switch (node->kind) {
    case NODE_NULL: return yyjson_is_null(value);
    case NODE_TRUE: return yyjson_is_true(value);
    case NODE_FALSE: return yyjson_is_false(value);
    case NODE_UINT: return yyjson_is_uint(value) && yyjson_get_uint(value) == node->uinteger;
    case NODE_REAL: return yyjson_is_real(value) && yyjson_get_real(value) == node->real;
    default: break;
    }
    if (yyjson_is_uint(value) && yyjson_get_uint(value) > INT64_MAX)
        return 0;
    return yyjson_is_int(value) && yyjson_get_sint(value) == node->integer;
}

static void match_value(struct match *m, const struct node *node, yyjson_val *value) {
    switch (node->kind) {
    case NODE_STRING: match_string(m, node, value); break;
    case NODE_VAR: match_var(m, node->var, node, value); break;
    case NODE_MATCHER: match_matcher(m, node, value); break;
    case NODE_OBJECT: match_object(m, node, value); break;
    case NODE_ARRAY: match_array(m, node, value); break;
    case NODE_SET: match_set(m, node, value); break;
    case NODE_ONE_OF: match_one_of(m, node, value); break;
    default:
        if (!same_scalar(node, value))
            differ_value(m, node->source, value);
    }
}

static size_t first_bracket(struct dm_slice text) {
    size_t pos = 0;
    while (pos < text.len && text.ptr[pos] != '{' && text.ptr[pos] != '[')
        pos++;
    return pos;
}

static void match_prefix(struct match *m, const struct segment *segment, struct dm_slice prefix) {
    struct dm_slice text = segment->json && !segment->prefix.first ? slice_trim(prefix) : prefix;
    if (!string_match(&segment->prefix, text, m->vars))
        differ(m, segment->prefix.source, prefix);
}

static void match_segment(struct match *m, const struct segment *segment, struct dm_slice text) {
    size_t split = segment->json ? first_bracket(text) : text.len;
    struct dm_slice json = slice_sub(text, split, text.len);
    yyjson_doc *doc = segment->json ? yyjson_read(json.ptr, json.len, 0) : NULL;
    if (segment->json && !doc) {
        differ(m, DM_SLICE("valid JSON"), text);
        return;
    }
    match_prefix(m, segment, slice_sub(text, 0, split));
    if (doc)
        match_value(m, segment->json, yyjson_doc_get_root(doc));
    yyjson_doc_free(doc);
}

/* The text up to the next record separator, cut off *rest. */
static struct dm_slice cut_packet(struct dm_slice *rest) {
    const char *end = rest->len ? memchr(rest->ptr, 0x1e, rest->len) : NULL;
    size_t len = end ? (size_t)(end - rest->ptr) : rest->len;
    struct dm_slice packet = slice_sub(*rest, 0, len);
    *rest = end ? slice_sub(*rest, len + 1, rest->len) : DM_SLICE_NONE;
    return packet;
}

static void match_segments(struct match *m, const struct pattern *pattern, struct dm_slice text) {
    struct dm_slice rest = text;
    if (pattern->segments == 1) {
        match_segment(m, pattern->first, text);
        return;
    }
    for (const struct segment *segment = pattern->first; segment; segment = segment->next) {
        if (!rest.ptr)
            differ(m, DM_SLICE("(another packet)"), DM_SLICE("(absent)"));
        else
            match_segment(m, segment, cut_packet(&rest));
    }
    if (rest.ptr)
        differ(m, DM_SLICE("(no further packet)"), rest);
}

unsigned pattern_match(const struct pattern *pattern, struct dm_slice text, struct vars *vars,
                       struct buf *report) {
    struct match m = { .vars = vars, .report = report };
    size_t mark = vars_mark(vars);
    struct dm_slice present = { text.ptr ? text.ptr : "", text.len };
    match_segments(&m, pattern, present);
    buf_fini(&m.path);
    if (m.count)
        vars_rollback(vars, mark);
    if (m.count > REPORTED_MAX && report)
        buf_printf(report, "  and %u more\n", m.count - REPORTED_MAX);
    return m.count;
}
