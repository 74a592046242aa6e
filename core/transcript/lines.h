/* Statements of a transcript and the words in them. Internal to the parser. */
#ifndef DRAGOMAN_TRANSCRIPT_LINES_H
#define DRAGOMAN_TRANSCRIPT_LINES_H

#include "core/transcript/transcript.h"

/* One statement: its first line, and the lines that continue it (comments blanked out). */
struct statement {
    struct dm_slice head; /* the first line, trimmed */
    struct dm_slice body; /* all lines behind it that are indented deeper, as they stand */
    struct dm_slice all;  /* both together, trimmed */
    unsigned line;
};

/* Walks over the statements at one level. */
struct lines {
    struct dm_slice text;
    size_t pos;
    unsigned line; /* number of the line at pos */
};

struct client_state {
    unsigned open_requests;
};

/* What one parse carries along. */
struct parse {
    struct transcript *transcript;
    struct arena *arena;
    struct refs refs;
    struct client_state *states; /* one for each client */
    struct step **tail;
    struct transcript_error *error;
    unsigned depth;
};

/* Cuts the rest of its line off *rest; returns it trimmed. */
struct dm_slice cut_line(struct dm_slice *rest);

/* Overwrites comment lines with blanks, so that no one else meets them. */
void lines_blank_comments(char *text, size_t len);

void lines_init(struct lines *lines, struct dm_slice text, unsigned first_line);

/* The next statement: 1, or 0 at the end. */
int lines_next(struct lines *lines, struct statement *ret_statement);

/* Notes an error, the text in printf's form; returns -1. */
int parse_fail(struct parse *parse, unsigned line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The header statement, whose first word is `word`: 1 when it was one, 0 when not, -1 on error. */
int parse_header(struct parse *parse, const struct statement *st, struct dm_slice word,
                 struct dm_slice rest);

/* One step, blocks included, appended at parse->tail. */
int parse_step(struct parse *parse, const struct statement *st);

/* What follows a client's name and the verb, which begins with `rest`. `step` is made already. */
int parse_http_request(struct parse *parse, const struct statement *st, struct step *step,
                       struct dm_slice method, struct dm_slice rest);
int parse_http_answer(struct parse *parse, const struct statement *st, struct step *step,
                      struct dm_slice rest);

enum header_use { HEADERS_SENT, HEADERS_COMPARED };

/* Header lines at the start of text; *ret_rest is what lies behind them. */
int parse_header_lines(struct parse *parse, const struct statement *st, struct dm_slice text,
                       enum header_use use, struct header **ret_headers,
                       struct dm_slice *ret_rest);

/* A frame or body: `text "…"`, `binary …`, or the text itself. */
int parse_out(struct parse *parse, const struct statement *st, struct dm_slice text,
              struct step *step);
int parse_in(struct parse *parse, const struct statement *st, struct dm_slice text,
             struct step *step);

/* The number of the line on which `at`, a place inside the statement, lies. */
unsigned statement_line(const struct statement *st, const char *at);

int is_name(struct dm_slice text);
int is_client_name(struct dm_slice text);

#endif
