/* What is sent and expected in steps: frames and header lines. */
#include <ctype.h>
#include <string.h>

#include "core/transcript/lines.h"

static int fail_at(struct parse *parse, const struct statement *st, const char *at,
                   const char *error) {
    return parse_fail(parse, statement_line(st, at), "%s", error);
}

/* Takes the word that says the kind of a frame off the text. Returns whether it was there. */
static int take_kind(struct dm_slice *text, enum frame_kind *ret_kind) {
    static const char *const words[] = { "text", "binary", "ping", "pong" };
    struct dm_slice rest = *text;
    struct dm_slice word = slice_word(&rest);
    for (size_t i = 0; i < 4; i++) {
        if (slice_is(word, words[i])) {
            *ret_kind = (enum frame_kind)i;
            *text = rest;
            return 1;
        }
    }
    *ret_kind = FRAME_TEXT;
    return 0;
}

static int parse_cuts(struct parse *parse, const struct statement *st, struct dm_slice list,
                      struct cuts *ret_cuts) {
    while (list.len) {
        const char *comma = memchr(list.ptr, ',', list.len);
        size_t len = comma ? (size_t)(comma - list.ptr) : list.len;
        struct dm_slice item = slice_sub(list, 0, len);
        if (!comma && slice_is(item, "*") && ret_cuts->count)
            return 0;
        if (!comma || ret_cuts->count == CUTS_MAX ||
            slice_number(item, 1u << 30, &ret_cuts->lengths[ret_cuts->count++]) < 0)
            break;
        list = slice_sub(list, len + 1, list.len);
    }
    return parse_fail(parse, st->line, "fragments= takes up to %d lengths, the last is *",
                      CUTS_MAX);
}

int parse_out(struct parse *parse, const struct statement *st, struct dm_slice text,
              struct step *step) {
    struct dm_slice rest = text;
    int explicit = take_kind(&rest, &step->frame);
    if (explicit && slice_starts(rest, "fragments=")) {
        struct dm_slice word = slice_word(&rest);
        if (parse_cuts(parse, st, slice_sub(word, strlen("fragments="), word.len),
                       &step->cuts) < 0)
            return -1;
    }
    int quoted = explicit && rest.len && rest.ptr[0] == '"';
    if (rest.len && (rest.ptr[0] == '{' || rest.ptr[0] == '['))
        step->flags |= STEP_JSON_BODY;
    const char *error = template_parse(parse->arena, rest,
                                       quoted ? TEMPLATE_QUOTED : TEMPLATE_FRAME, &parse->refs,
                                       &step->out);
    return error ? fail_at(parse, st, rest.ptr, error) : 0;
}

int parse_in(struct parse *parse, const struct statement *st, struct dm_slice text,
             struct step *step) {
    struct pattern_error error;
    struct dm_slice rest = text;
    int explicit = take_kind(&rest, &step->frame);
    int quoted = explicit && rest.len && rest.ptr[0] == '"';
    if (pattern_parse(parse->arena, rest, quoted ? PATTERN_QUOTED : PATTERN_FRAME, &parse->refs,
                      &step->in, &error) < 0)
        return fail_at(parse, st, rest.ptr + error.pos, error.text);
    return 0;
}

/* The length of the header name that the line begins with, the colon not counted; 0: none. */
static size_t header_name(struct dm_slice line) {
    size_t len = 0;
    while (len < line.len && (isalnum((unsigned char)line.ptr[len]) ||
                              (line.ptr[len] && strchr("!#$%&'*+-.^_`|~", line.ptr[len]))))
        len++;
    return len < line.len && line.ptr[len] == ':' ? len : 0;
}

static int parse_header_line(struct parse *parse, const struct statement *st,
                             struct dm_slice line, enum header_use use, struct header *header) {
    size_t len = header_name(line);
    struct dm_slice value = slice_trim(slice_sub(line, len + 1, line.len));
    struct pattern_error wrong = { NULL, 0 };
    header->name = arena_slice(parse->arena, slice_sub(line, 0, len));
    if (use == HEADERS_SENT && !slice_is(value, "<none>"))
        wrong.text = template_parse(parse->arena, value, TEMPLATE_RAW, &parse->refs,
                                    &header->out);
    if (use == HEADERS_COMPARED && !slice_is(value, "<absent>"))
        pattern_parse(parse->arena, value, PATTERN_RAW, &parse->refs, &header->in, &wrong);
    return wrong.text ? fail_at(parse, st, line.ptr, wrong.text) : 0;
}

int parse_header_lines(struct parse *parse, const struct statement *st, struct dm_slice text,
                       enum header_use use, struct header **ret_headers,
                       struct dm_slice *ret_rest) {
    struct dm_slice rest = slice_trim(text);
    struct header **tail = ret_headers;
    while (header_name(rest)) {
        const char *end = memchr(rest.ptr, '\n', rest.len);
        size_t len = end ? (size_t)(end - rest.ptr) : rest.len;
        struct header *header = arena_zalloc(parse->arena, sizeof(*header));
        if (parse_header_line(parse, st, slice_sub(rest, 0, len), use, header) < 0)
            return -1;
        *tail = header;
        tail = &header->next;
        rest = slice_trim(slice_sub(rest, len, rest.len));
    }
    *ret_rest = rest;
    return 0;
}
