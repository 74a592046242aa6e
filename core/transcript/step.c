/* Statements behind the header: one step each, or a block. */
#include <ctype.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/transcript/lines.h"

#define CLIENTS_MAX 1000
#define DEPTH_MAX 8
#define REPEAT_MAX 1000000

static int client_index(struct parse *parse, const struct statement *st, struct dm_slice name,
                        unsigned *ret_index) {
    struct transcript *t = parse->transcript;
    size_t i = 0;
    while (i < t->client_count && !dm_slice_eq(t->clients[i], name))
        i++;
    if (i == CLIENTS_MAX)
        return parse_fail(parse, st->line, "there are more than %d clients", CLIENTS_MAX);
    if (i == t->client_count) {
        if (!t->clients) {
            t->clients = arena_alloc(parse->arena, CLIENTS_MAX * sizeof(*t->clients));
            parse->states = arena_zalloc(parse->arena, CLIENTS_MAX * sizeof(*parse->states));
        }
        t->clients[t->client_count++] = arena_slice(parse->arena, name);
    }
    *ret_index = (unsigned)i;
    return 0;
}

static struct step *add_step(struct parse *parse, const struct statement *st,
                             enum step_kind kind) {
    struct step *step = arena_zalloc(parse->arena, sizeof(*step));
    step->kind = kind;
    step->line = st->line;
    step->source = st->head;
    *parse->tail = step;
    parse->tail = &step->next;
    return step;
}

/* Header lines and nothing behind them. */
static int only_headers(struct parse *parse, const struct statement *st, struct step *step,
                        struct dm_slice text, enum header_use use) {
    struct dm_slice rest;
    if (parse_header_lines(parse, st, text, use, &step->headers, &rest) < 0)
        return -1;
    if (rest.len)
        return parse_fail(parse, statement_line(st, rest.ptr), "a header is expected here");
    return 0;
}

static int parse_connect(struct parse *parse, const struct statement *st, struct step *step,
                         struct dm_slice rest) {
    struct dm_slice line = cut_line(&rest);
    struct dm_slice transport = slice_word(&line);
    struct dm_slice path = slice_word(&line);
    if (!slice_is(transport, "ws") || path.len == 0 || line.len)
        return parse_fail(parse, st->line, "connect ws PATH is expected here");
    const char *error = template_parse(parse->arena, path, TEMPLATE_RAW, &parse->refs,
                                       &step->path);
    if (error)
        return parse_fail(parse, st->line, "%s", error);
    return only_headers(parse, st, step, rest, HEADERS_SENT);
}

static int parse_accepted(struct parse *parse, const struct statement *st, struct step *step,
                          struct dm_slice rest) {
    return only_headers(parse, st, step, rest, HEADERS_COMPARED);
}

static int parse_refused(struct parse *parse, const struct statement *st, struct step *step,
                         struct dm_slice rest) {
    return parse_http_answer(parse, st, step, rest);
}

static int parse_code(struct parse *parse, const struct statement *st, struct step *step,
                      struct dm_slice *rest) {
    struct dm_slice word = slice_word(rest);
    size_t code = 0;
    if (word.len && (slice_number(word, 4999, &code) < 0 || code < 1000))
        return parse_fail(parse, st->line, "a close code lies between 1000 and 4999");
    step->status = (unsigned)code;
    return 0;
}

static int parse_closed(struct parse *parse, const struct statement *st, struct step *step,
                        struct dm_slice rest) {
    struct pattern_error error;
    if (parse_code(parse, st, step, &rest) < 0)
        return -1;
    if (rest.len && pattern_parse(parse->arena, rest, PATTERN_QUOTED, &parse->refs, &step->in,
                                  &error) < 0)
        return parse_fail(parse, st->line, "%s", error.text);
    return 0;
}

static int parse_close(struct parse *parse, const struct statement *st, struct step *step,
                       struct dm_slice rest) {
    const char *error = NULL;
    if (parse_code(parse, st, step, &rest) < 0)
        return -1;
    if (rest.len)
        error = template_parse(parse->arena, rest, TEMPLATE_QUOTED, &parse->refs, &step->out);
    return error ? parse_fail(parse, st->line, "%s", error) : 0;
}

static int parse_bare(struct parse *parse, const struct statement *st, struct step *step,
                      struct dm_slice rest) {
    return rest.len ? parse_fail(parse, st->line, "nothing may follow here") : 0;
}

static int parse_ignore(struct parse *parse, const struct statement *st, struct step *step,
                        struct dm_slice rest) {
    return rest.len ? parse_in(parse, st, rest, step) : 0;
}

static int parse_headers(struct parse *parse, const struct statement *st, struct step *step,
                         struct dm_slice rest) {
    return only_headers(parse, st, step, rest, HEADERS_SENT);
}

static int parse_send(struct parse *parse, const struct statement *st, struct step *step,
                      struct dm_slice rest) {
    return parse_out(parse, st, rest, step);
}

static int parse_expect(struct parse *parse, const struct statement *st, struct step *step,
                        struct dm_slice rest) {
    struct client_state *state = &parse->states[step->client];
    if (state->open_requests) {
        state->open_requests--;
        step->kind = STEP_RESPONSE;
        return parse_http_answer(parse, st, step, rest);
    }
    return parse_in(parse, st, rest, step);
}

static const struct verb {
    const char *word;
    enum step_kind kind;
    int (*parse)(struct parse *, const struct statement *, struct step *, struct dm_slice);
} verbs[] = {
    { "connect", STEP_CONNECT, parse_connect }, { "accepted", STEP_ACCEPTED, parse_accepted },
    { "refused", STEP_REFUSED, parse_refused }, { "->", STEP_SEND, parse_send },
    { "<-", STEP_EXPECT, parse_expect },        { "closed", STEP_CLOSED, parse_closed },
    { "close", STEP_CLOSE, parse_close },       { "drop", STEP_DROP, parse_bare },
    { "silent", STEP_SILENT, parse_bare },      { "ignore", STEP_IGNORE, parse_ignore },
    { "headers", STEP_HEADERS, parse_headers },
};

static int is_method(struct dm_slice word) {
    for (size_t i = 0; i < word.len; i++)
        if (!isupper((unsigned char)word.ptr[i]))
            return 0;
    return word.len > 0;
}

static int parse_client_step(struct parse *parse, const struct statement *st,
                             struct dm_slice name) {
    struct dm_slice rest = slice_sub(st->all, name.len, st->all.len);
    struct dm_slice word = slice_word(&rest);
    unsigned client = 0;
    if (!is_client_name(name))
        return parse_fail(parse, st->line, "no statement and no client begins like this");
    if (client_index(parse, st, name, &client) < 0)
        return -1;
    struct step *step = add_step(parse, st, STEP_SEND);
    step->client = client;
    for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++) {
        if (slice_is(word, verbs[i].word)) {
            step->kind = verbs[i].kind;
            return verbs[i].parse(parse, st, step, rest);
        }
    }
    if (is_method(word))
        return parse_http_request(parse, st, step, word, rest);
    return parse_fail(parse, st->line, "a client does not know \"%.*s\"", DM_SLICE_FMT(word));
}

/* The statements of a block become the steps of `block`. */
static int parse_block(struct parse *parse, const struct statement *st, struct step *block) {
    struct lines lines;
    struct statement inner;
    struct step **tail = parse->tail;
    int result = 0;
    if (parse->depth++ == DEPTH_MAX)
        return parse_fail(parse, st->line, "blocks are nested too deeply");
    parse->tail = &block->steps;
    lines_init(&lines, st->body, st->line + 1);
    while (result == 0 && lines_next(&lines, &inner))
        result = parse_step(parse, &inner);
    parse->tail = tail;
    parse->depth--;
    if (result == 0 && !block->steps)
        return parse_fail(parse, st->line, "the block is empty; its steps are indented");
    return result;
}

static int parse_any_order(struct parse *parse, const struct statement *st) {
    struct step *block = add_step(parse, st, STEP_ANY_ORDER);
    if (parse_block(parse, st, block) < 0)
        return -1;
    for (const struct step *step = block->steps; step; step = step->next)
        if (step->kind != STEP_EXPECT && step->kind != STEP_RESPONSE)
            return parse_fail(parse, step->line, "only expectations stand in any order");
    return 0;
}

static int parse_repeat(struct parse *parse, const struct statement *st, struct dm_slice count) {
    struct step *block = add_step(parse, st, STEP_REPEAT);
    if (slice_number(count, REPEAT_MAX, &block->count) < 0)
        return parse_fail(parse, st->line, "repeat takes a number up to %d", REPEAT_MAX);
    refs_add(&parse->refs, DM_SLICE("i"), REF_BINDS);
    refs_add(&parse->refs, DM_SLICE("i"), REF_BINDS);
    return parse_block(parse, st, block);
}

int parse_step(struct parse *parse, const struct statement *st) {
    struct dm_slice rest = st->head;
    struct dm_slice word = slice_word(&rest);
    parse->refs.line = st->line;
    if (slice_is(st->head, "any order"))
        return parse_any_order(parse, st);
    if (slice_is(word, "repeat") && rest.len && isdigit((unsigned char)rest.ptr[0]))
        return parse_repeat(parse, st, rest);
    return parse_client_step(parse, st, word);
}
