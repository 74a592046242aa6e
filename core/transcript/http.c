/* Steps of HTTP: requests, and answers that are expected. */
#include <string.h>

#include "core/transcript/lines.h"

static int parse_path(struct parse *parse, const struct statement *st, struct step *step,
                      struct dm_slice path) {
    if (path.len == 0 || (path.ptr[0] != '/' && path.ptr[0] != '*' && path.ptr[0] != '$'))
        return parse_fail(parse, st->line, "a path is expected here");
    const char *error = template_parse(parse->arena, path, TEMPLATE_RAW, &parse->refs,
                                       &step->path);
    return error ? parse_fail(parse, st->line, "%s", error) : 0;
}

int parse_http_request(struct parse *parse, const struct statement *st, struct step *step,
                       struct dm_slice method, struct dm_slice rest) {
    struct dm_slice below = rest;
    struct dm_slice inline_body = cut_line(&below);
    struct dm_slice path = slice_word(&inline_body);
    struct dm_slice body = DM_SLICE_NONE;
    step->kind = STEP_REQUEST;
    step->method = arena_slice(parse->arena, method);
    if (parse_path(parse, st, step, path) < 0)
        return -1;
    if (inline_body.len)
        body = slice_sub(rest, (size_t)(inline_body.ptr - rest.ptr), rest.len);
    else if (parse_header_lines(parse, st, below, HEADERS_SENT, &step->headers, &body) < 0)
        return -1;
    parse->states[step->client].open_requests++;
    return body.len ? parse_out(parse, st, body, step) : 0;
}

int parse_http_answer(struct parse *parse, const struct statement *st, struct step *step,
                      struct dm_slice rest) {
    struct dm_slice below = rest;
    struct dm_slice inline_body = cut_line(&below);
    struct dm_slice status = slice_word(&inline_body);
    struct dm_slice body = DM_SLICE_NONE;
    size_t number;
    if (slice_number(status, 999, &number) < 0 || number < 100)
        return parse_fail(parse, st->line, "a status of three digits is expected here");
    step->status = (unsigned)number;
    if (inline_body.len)
        body = slice_sub(rest, (size_t)(inline_body.ptr - rest.ptr), rest.len);
    else if (parse_header_lines(parse, st, below, HEADERS_COMPARED, &step->headers, &body) < 0)
        return -1;
    if (slice_is(slice_trim(body), "...")) {
        step->flags |= STEP_ANY_BODY;
        return 0;
    }
    return body.len ? parse_in(parse, st, body, step) : 0;
}
