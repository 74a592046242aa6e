/* Patterns inside a string: literal parts, matchers and variables. */
#include <string.h>

#include "core/transcript/pattern_node.h"

/* Steps a single comparison may take: a hostile pair of text and pattern ends as a difference. */
#define STEPS_MAX 2000000u

static const char *part_of(struct arena *arena, const struct token *token, struct refs *refs,
                           struct string_part *part) {
    part->kind = STRING_BYTES;
    part->text = arena_slice(arena, token->text);
    if (token->kind == TOKEN_VAR) {
        part->kind = STRING_VAR;
        refs_add(refs, token->text, REF_BINDS);
    } else if (token->kind == TOKEN_ANGLE) {
        const char *error = matcher_parse(part->text, refs, &part->matcher);
        if (error)
            return error;
        if (part->matcher.kind != MATCH_NONE && !matcher_fits_text(&part->matcher))
            return "this matcher cannot stand inside a text";
        if (part->matcher.kind == MATCH_NONE)
            part->text = arena_slice(arena, token->raw);
        else
            part->kind = STRING_MATCHER;
    }
    return NULL;
}

const char *string_parse(struct arena *arena, struct dm_slice src, enum scan_mode mode,
                         struct refs *refs, struct string_pattern *ret_string) {
    struct scanner scanner;
    struct token token;
    struct string_part **tail = &ret_string->first;
    *ret_string = (struct string_pattern){ .source = src };
    scanner_init(&scanner, src, mode);
    for (;;) {
        const char *error = scanner_next(&scanner, &token);
        if (error || token.kind == TOKEN_END)
            return error;
        struct string_part *part = arena_zalloc(arena, sizeof(*part));
        error = part_of(arena, &token, refs, part);
        if (error)
            return error;
        *tail = part;
        tail = &part->next;
    }
}

struct run {
    struct vars *vars;
    unsigned steps;
};

static int match_from(struct run *run, const struct string_part *part, struct dm_slice text);

static int match_bytes(struct run *run, const struct string_part *part, struct dm_slice bytes,
                       struct dm_slice text) {
    return text.len >= bytes.len && memcmp(text.ptr, bytes.ptr, bytes.len) == 0 &&
           match_from(run, part->next, slice_sub(text, bytes.len, text.len));
}

static struct dm_slice part_var(const struct string_part *part) {
    return part->kind == STRING_VAR ? part->text : part->matcher.var;
}

/* Tries the part with the first len bytes of text, then the rest of the parts with the rest. */
static int match_piece(struct run *run, const struct string_part *part, struct dm_slice text,
                       size_t len) {
    size_t mark = vars_mark(run->vars);
    struct dm_slice piece = slice_sub(text, 0, len);
    struct dm_slice name = part_var(part);
    if (part->kind == STRING_MATCHER && !matcher_accepts_text(&part->matcher, piece))
        return 0;
    const struct var *var = name.ptr ? vars_get(run->vars, name) : NULL;
    if (var && !dm_slice_eq(var->value, piece))
        return 0;
    if (name.ptr && !var)
        vars_set(run->vars, name, VAR_TEXT, piece);
    if (match_from(run, part->next, slice_sub(text, len, text.len)))
        return 1;
    vars_rollback(run->vars, mark);
    return 0;
}

static int match_from(struct run *run, const struct string_part *part, struct dm_slice text) {
    if (!part)
        return text.len == 0;
    if (part->kind == STRING_BYTES)
        return match_bytes(run, part, part->text, text);
    if (part->kind == STRING_VAR) {
        const struct var *var = vars_get(run->vars, part->text);
        if (var)
            return match_bytes(run, part, var->value, text);
    }
    if (!part->next)
        return match_piece(run, part, text, text.len);
    for (size_t len = 0; len <= text.len && run->steps < STEPS_MAX; len++) {
        run->steps++;
        if (match_piece(run, part, text, len))
            return 1;
    }
    return 0;
}

int string_match(const struct string_pattern *string, struct dm_slice text, struct vars *vars) {
    struct run run = { .vars = vars };
    return match_from(&run, string->first, text);
}
