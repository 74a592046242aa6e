#include "core/transcript/template.h"

#include <string.h>

#include "core/transcript/matcher.h"

enum part_kind {
    PART_BYTES,
    PART_VAR,        /* the value as it is */
    PART_VAR_INSIDE, /* inside a JSON string: escaped */
    PART_VAR_JSON,   /* as a JSON value */
    PART_FILL,
};

struct part {
    struct part *next;
    enum part_kind kind;
    struct dm_slice text;
    size_t fill;
};

struct template {
    struct part *first;
    struct part **tail;
};

/* Where in a frame the parser is: before the JSON, in it, in a string of it, behind a \ there. */
enum place { PLACE_BEFORE, PLACE_JSON, PLACE_STRING, PLACE_ESCAPE };

struct builder {
    struct arena *arena;
    struct template *template;
    struct refs *refs;
    enum template_form form;
    enum place place;
};

static struct part *add_part(struct builder *b, enum part_kind kind, struct dm_slice text) {
    struct part *part = arena_zalloc(b->arena, sizeof(*part));
    part->kind = kind;
    part->text = arena_slice(b->arena, text);
    *b->template->tail = part;
    b->template->tail = &part->next;
    return part;
}

static void follow_bytes(struct builder *b, struct dm_slice text) {
    for (size_t i = 0; i < text.len && b->form == TEMPLATE_FRAME; i++) {
        char c = text.ptr[i];
        if (b->place == PLACE_BEFORE && (c == '{' || c == '['))
            b->place = PLACE_JSON;
        else if (b->place == PLACE_JSON && c == '"')
            b->place = PLACE_STRING;
        else if (b->place == PLACE_STRING && c == '"')
            b->place = PLACE_JSON;
        else if (b->place == PLACE_STRING && c == '\\')
            b->place = PLACE_ESCAPE;
        else if (b->place == PLACE_ESCAPE)
            b->place = PLACE_STRING;
    }
}

static enum part_kind var_part(const struct builder *b) {
    if (b->place == PLACE_BEFORE)
        return PART_VAR;
    return b->place == PLACE_JSON ? PART_VAR_JSON : PART_VAR_INSIDE;
}

static const char *add_angle(struct builder *b, const struct token *token) {
    struct matcher matcher;
    if (slice_is(token->text, "rs")) {
        add_part(b, PART_BYTES, DM_SLICE("\x1e"));
        b->place = PLACE_BEFORE;
        return NULL;
    }
    if (!slice_starts(token->text, "fill ")) {
        add_part(b, PART_BYTES, token->raw);
        return NULL;
    }
    const char *error = matcher_parse(token->text, NULL, &matcher);
    if (!error)
        add_part(b, PART_FILL, DM_SLICE(""))->fill = matcher.fill;
    return error;
}

static const char *add_text(struct builder *b, struct dm_slice src, enum scan_mode mode) {
    struct scanner scanner;
    struct token token;
    scanner_init(&scanner, src, mode);
    for (;;) {
        const char *error = scanner_next(&scanner, &token);
        if (!error && token.kind == TOKEN_END)
            return NULL;
        if (!error && token.kind == TOKEN_BYTES) {
            add_part(b, PART_BYTES, token.text);
            follow_bytes(b, token.text);
        } else if (!error && token.kind == TOKEN_VAR) {
            add_part(b, var_part(b), token.text);
            refs_add(b->refs, token.text, REF_READS);
        } else if (!error) {
            error = add_angle(b, &token);
        }
        if (error)
            return error;
    }
}

static const char *add_quoted(struct builder *b, struct dm_slice src) {
    struct dm_slice rest = slice_trim(src);
    do {
        struct dm_slice inside;
        size_t pos = 0;
        if (rest.len == 0 || rest.ptr[0] != '"')
            return "a quoted text is expected here";
        const char *error = scan_quoted(rest, &pos, &inside);
        if (!error)
            error = add_text(b, inside, SCAN_QUOTED);
        if (error)
            return error;
        rest = slice_trim(slice_sub(rest, pos, rest.len));
    } while (rest.len);
    return NULL;
}

const char *template_parse(struct arena *arena, struct dm_slice src, enum template_form form,
                           struct refs *refs, struct template **ret_template) {
    struct template *template = arena_zalloc(arena, sizeof(*template));
    struct builder b = { .arena = arena, .template = template, .refs = refs, .form = form };
    template->tail = &template->first;
    const char *error = form == TEMPLATE_QUOTED ? add_quoted(&b, src)
                                                : add_text(&b, src, SCAN_PLAIN);
    if (!error)
        *ret_template = template;
    return error;
}

/* The inside of a JSON string. Bytes that are no UTF-8 are kept. */
static void append_json_string(struct buf *out, struct dm_slice text) {
    static const char letters[] = "\"\\\b\f\n\r\t";
    static const char escapes[] = "\"\\bfnrt";
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        const char *at = c ? strchr(letters, c) : NULL;
        if (at) {
            buf_append_char(out, '\\');
            buf_append_char(out, escapes[at - letters]);
        } else if ((unsigned char)c < 0x20) {
            buf_printf(out, "\\u%04x", (unsigned)c);
        } else {
            buf_append_char(out, c);
        }
    }
}

static void render_var(const struct part *part, const struct var *var, struct buf *out) {
    if (part->kind == PART_VAR_INSIDE) {
        append_json_string(out, var->value);
    } else if (part->kind == PART_VAR_JSON && var->kind == VAR_TEXT) {
        buf_append_char(out, '"');
        append_json_string(out, var->value);
        buf_append_char(out, '"');
    } else {
        buf_append_slice(out, var->value);
    }
}

int template_render(const struct template *template, const struct vars *vars, struct buf *out,
                    struct dm_slice *ret_unbound) {
    for (const struct part *part = template->first; part; part = part->next) {
        if (part->kind == PART_BYTES) {
            buf_append_slice(out, part->text);
        } else if (part->kind == PART_FILL) {
            memset(buf_reserve(out, part->fill), 'x', part->fill);
            out->len += part->fill;
        } else {
            const struct var *var = vars_get(vars, part->text);
            if (!var) {
                *ret_unbound = part->text;
                return -1;
            }
            render_var(part, var, out);
        }
    }
    return 0;
}
