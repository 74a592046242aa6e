/* Patterns as they are written: JSON with matchers and variables in it. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/transcript/pattern_node.h"

#define DEPTH_MAX 64

struct parser {
    struct arena *arena;
    struct refs *refs;
    struct dm_slice src;
    size_t pos;
    unsigned depth;
};

static const char *parse_value(struct parser *p, struct node *node);

static void skip_blank(struct parser *p) {
    while (p->pos < p->src.len && strchr(" \t\r\n", p->src.ptr[p->pos]))
        p->pos++;
}

static int at(const struct parser *p, const char *word) {
    return slice_starts(slice_sub(p->src, p->pos, p->src.len), word);
}

static int take(struct parser *p, const char *word) {
    skip_blank(p);
    if (!at(p, word))
        return 0;
    p->pos += strlen(word);
    return 1;
}

static struct node *new_node(struct parser *p) {
    return arena_zalloc(p->arena, sizeof(struct node));
}

static const char *parse_number(struct parser *p, struct node *node) {
    size_t start = p->pos;
    int real = 0;
    while (p->pos < p->src.len && (isdigit((unsigned char)p->src.ptr[p->pos]) ||
                                   strchr("+-.eE", p->src.ptr[p->pos]))) {
        real |= strchr(".eE", p->src.ptr[p->pos]) != NULL;
        p->pos++;
    }
    char *text = arena_dup(p->arena, p->src.ptr + start, p->pos - start);
    char *end = text;
    errno = 0;
    if (real) {
        node->kind = NODE_REAL;
        node->real = strtod(text, &end);
    } else {
        node->kind = NODE_INT;
        node->integer = strtoll(text, &end, 10);
        if (errno == ERANGE && text[0] != '-') {
            errno = 0;
            node->kind = NODE_UINT;
            node->uinteger = strtoull(text, &end, 10);
        }
    }
    return errno || end == text || *end ? "this is no number" : NULL;
}

static const char *parse_string(struct parser *p, struct node *node) {
    struct dm_slice inside;
    const char *error = scan_quoted(p->src, &p->pos, &inside);
    node->kind = NODE_STRING;
    return error ? error
                 : string_parse(p->arena, inside, SCAN_QUOTED, p->refs, &node->string);
}

/* A member's key: literal, so no variables and no matchers in it. */
static const char *parse_key(struct parser *p, struct node *node) {
    struct dm_slice inside;
    struct scanner scanner;
    struct token token;
    struct buf key = BUF_INIT;
    const char *error = at(p, "\"") ? scan_quoted(p->src, &p->pos, &inside)
                                    : "a key in quotes is expected here";
    if (error)
        return error;
    scanner_init(&scanner, inside, SCAN_QUOTED);
    while (!(error = scanner_next(&scanner, &token)) && token.kind == TOKEN_BYTES)
        buf_append_slice(&key, token.text);
    if (!error && token.kind != TOKEN_END)
        error = "a key holds no variables or matchers";
    node->key = arena_slice(p->arena, buf_slice(&key));
    buf_fini(&key);
    if (!error && take(p, "?"))
        node->flags |= NODE_OPTIONAL;
    if (!error && !take(p, ":"))
        error = "a colon is expected here";
    return error;
}

static const struct node *member_named(const struct node *object, struct dm_slice key) {
    for (const struct node *m = object->first; m; m = m->next)
        if (dm_slice_eq(m->key, key))
            return m;
    return NULL;
}

/* The elements up to the closing bracket; the opening one is taken. */
static const char *parse_elements(struct parser *p, struct node *node, const char *close) {
    struct node **tail = &node->first;
    if (take(p, close))
        return NULL;
    for (;;) {
        struct node *element = new_node(p);
        const char *error = NULL;
        if (take(p, "...")) {
            node->flags |= NODE_OPEN;
            return take(p, close) ? NULL : "nothing may follow ... here";
        }
        if (*close == '}')
            error = parse_key(p, element);
        if (!error && *close == '}' && member_named(node, element->key))
            error = "this key stands here twice";
        if (!error)
            error = parse_value(p, element);
        if (error)
            return error;
        *tail = element;
        tail = &element->next;
        if (take(p, close))
            return NULL;
        if (!take(p, ","))
            return "a comma or the closing bracket is expected here";
    }
}

static const char *parse_angle(struct parser *p, struct node *node) {
    struct scanner scanner;
    struct token token;
    if (at(p, "<set>") || at(p, "<one-of>")) {
        node->kind = at(p, "<set>") ? NODE_SET : NODE_ONE_OF;
        p->pos += strlen(at(p, "<set>") ? "<set>" : "<one-of>");
        return take(p, "[") ? parse_elements(p, node, "]") : "an array is expected here";
    }
    scanner_init(&scanner, slice_sub(p->src, p->pos, p->src.len), SCAN_PLAIN);
    if (scanner_next(&scanner, &token) || token.kind != TOKEN_ANGLE)
        return "a < begins no matcher here";
    node->kind = NODE_MATCHER;
    const char *error = matcher_parse(arena_slice(p->arena, token.text), p->refs, &node->matcher);
    if (!error && node->matcher.kind == MATCH_NONE)
        error = "there is no such matcher";
    if (!error)
        p->pos += scanner.pos;
    return error;
}

static const char *parse_var(struct parser *p, struct node *node) {
    struct scanner scanner;
    struct token token;
    scanner_init(&scanner, slice_sub(p->src, p->pos, p->src.len), SCAN_PLAIN);
    const char *error = scanner_next(&scanner, &token);
    if (error || token.kind != TOKEN_VAR)
        return error ? error : "a $ begins no name here";
    node->kind = NODE_VAR;
    node->var = arena_slice(p->arena, token.text);
    refs_add(p->refs, node->var, REF_BINDS);
    p->pos += scanner.pos;
    return NULL;
}

static const char *parse_word(struct parser *p, struct node *node) {
    static const struct {
        const char *word;
        enum node_kind kind;
    } words[] = { { "null", NODE_NULL }, { "true", NODE_TRUE }, { "false", NODE_FALSE } };
    for (size_t i = 0; i < 3; i++) {
        if (at(p, words[i].word)) {
            p->pos += strlen(words[i].word);
            node->kind = words[i].kind;
            return NULL;
        }
    }
    return "a JSON value is expected here";
}

static const char *parse_any(struct parser *p, struct node *node) {
    char c = p->pos < p->src.len ? p->src.ptr[p->pos] : '\0';
    if (c == '{' || c == '[') {
        p->pos++;
        node->kind = c == '{' ? NODE_OBJECT : NODE_ARRAY;
        return parse_elements(p, node, c == '{' ? "}" : "]");
    }
    if (c == '"')
        return parse_string(p, node);
    if (c == '<')
        return parse_angle(p, node);
    if (c == '$')
        return parse_var(p, node);
    if (c == '-' || isdigit((unsigned char)c))
        return parse_number(p, node);
    return parse_word(p, node);
}

static const char *parse_value(struct parser *p, struct node *node) {
    skip_blank(p);
    size_t start = p->pos;
    if (p->depth == DEPTH_MAX)
        return "the pattern is nested too deeply";
    p->depth++;
    const char *error = parse_any(p, node);
    p->depth--;
    node->source = slice_sub(p->src, start, p->pos);
    return error;
}

const char *node_parse(struct arena *arena, struct dm_slice src, struct refs *refs, size_t *pos,
                       struct node **ret_node) {
    struct parser p = { .arena = arena, .refs = refs, .src = src, .pos = *pos };
    struct node *node = new_node(&p);
    const char *error = parse_value(&p, node);
    *pos = p.pos;
    *ret_node = node;
    return error;
}
