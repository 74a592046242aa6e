#include "core/transcript/pattern.h"

#include <string.h>

#include "core/transcript/pattern_node.h"

struct frame_parser {
    struct arena *arena;
    struct refs *refs;
    struct dm_slice src;
    size_t pos;
};

static int begins_json(struct dm_slice rest) {
    return rest.ptr[0] == '{' || rest.ptr[0] == '[' || slice_starts(rest, "<set>[") ||
           slice_starts(rest, "<one-of>[");
}

/* Where the text before the JSON ends: at the first bracket, at <rs>, or at the end. */
static size_t prefix_end(struct dm_slice src, size_t pos) {
    while (pos < src.len && !begins_json(slice_sub(src, pos, src.len)) &&
           !slice_starts(slice_sub(src, pos, src.len), "<rs>"))
        pos++;
    return pos;
}

static size_t skip_blank(struct dm_slice src, size_t pos) {
    while (pos < src.len && strchr(" \t\r\n", src.ptr[pos]))
        pos++;
    return pos;
}

static const char *parse_segment(struct frame_parser *p, struct segment *segment) {
    size_t end = prefix_end(p->src, p->pos);
    const char *error = string_parse(p->arena, slice_sub(p->src, p->pos, end), SCAN_PLAIN,
                                     p->refs, &segment->prefix);
    if (error)
        return error;
    p->pos = end;
    if (end < p->src.len && !slice_starts(slice_sub(p->src, end, p->src.len), "<rs>"))
        error = node_parse(p->arena, p->src, p->refs, &p->pos, &segment->json);
    if (!error && segment->json)
        p->pos = skip_blank(p->src, p->pos);
    return error;
}

static const char *parse_frame(struct frame_parser *p, struct pattern *pattern) {
    struct segment **tail = &pattern->first;
    for (;;) {
        struct segment *segment = arena_zalloc(p->arena, sizeof(*segment));
        const char *error = parse_segment(p, segment);
        if (error)
            return error;
        *tail = segment;
        tail = &segment->next;
        pattern->segments++;
        if (p->pos >= p->src.len)
            return NULL;
        if (!slice_starts(slice_sub(p->src, p->pos, p->src.len), "<rs>"))
            return "something follows the JSON; text with brackets is written in quotes";
        p->pos += 4;
    }
}

static const char *parse_text(struct frame_parser *p, enum scan_mode mode,
                              struct pattern *pattern) {
    struct dm_slice inside = p->src;
    const char *error = NULL;
    if (mode == SCAN_QUOTED) {
        inside = slice_trim(p->src);
        if (inside.len == 0 || inside.ptr[0] != '"')
            return "a quoted text is expected here";
        error = scan_quoted(inside, &p->pos, &inside);
        if (!error && p->pos < slice_trim(p->src).len)
            error = "something follows the quoted text";
    }
    if (error)
        return error;
    pattern->segments = 1;
    pattern->first = arena_zalloc(p->arena, sizeof(*pattern->first));
    return string_parse(p->arena, inside, mode, p->refs, &pattern->first->prefix);
}

int pattern_parse(struct arena *arena, struct dm_slice src, enum pattern_form form,
                  struct refs *refs, struct pattern **ret_pattern,
                  struct pattern_error *ret_error) {
    struct pattern *pattern = arena_zalloc(arena, sizeof(*pattern));
    struct frame_parser p = { .arena = arena, .refs = refs, .src = slice_trim(src) };
    size_t lead = (size_t)(p.src.ptr - src.ptr);
    const char *error = form == PATTERN_FRAME
                            ? parse_frame(&p, pattern)
                            : parse_text(&p, form == PATTERN_RAW ? SCAN_PLAIN : SCAN_QUOTED,
                                         pattern);
    pattern->source = p.src;
    *ret_pattern = pattern;
    *ret_error = (struct pattern_error){ error, lead + p.pos };
    return error ? -1 : 0;
}

struct dm_slice pattern_source(const struct pattern *pattern) {
    return pattern->source;
}
