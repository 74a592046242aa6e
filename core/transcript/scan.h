/* The small words inside the texts of a transcript: $variables, <words>, escapes. Internal. */
#ifndef DRAGOMAN_TRANSCRIPT_SCAN_H
#define DRAGOMAN_TRANSCRIPT_SCAN_H

#include <stddef.h>

#include "core/base/arena.h"
#include "core/base/slice.h"

enum scan_mode {
    SCAN_PLAIN,  /* no escapes */
    SCAN_QUOTED, /* the inside of a quoted text: JSON's escapes and \xNN */
};

enum token_kind {
    TOKEN_END,
    TOKEN_BYTES, /* text: bytes that stand for themselves */
    TOKEN_VAR,   /* text: the variable's name */
    TOKEN_ANGLE, /* text: what stands between < and >; raw: with them */
};

struct token {
    enum token_kind kind;
    struct dm_slice text;
    struct dm_slice raw;
};

struct scanner {
    struct dm_slice src;
    size_t pos;
    enum scan_mode mode;
    char decoded[8];
};

enum ref_kind { REF_READS, REF_BINDS };

/* Where variables are used, so that a transcript can be checked before it is played. */
struct ref {
    struct ref *next;
    struct dm_slice name;
    unsigned line;
    enum ref_kind kind;
};

struct refs {
    struct arena *arena;
    struct ref *first;
    struct ref **tail;
    unsigned line; /* given to new references */
};

void refs_init(struct refs *refs, struct arena *arena);
void refs_add(struct refs *refs, struct dm_slice name, enum ref_kind kind);

/* Begins to scan src, which is borrowed. */
void scanner_init(struct scanner *scanner, struct dm_slice src, enum scan_mode mode);

/* The next token; its slices point into src or into the scanner and last until the next call.
 * Returns NULL, or what is wrong with the text (static). */
const char *scanner_next(struct scanner *scanner, struct token *ret_token);

/* The inside of the quoted text that begins at src[*pos] == '"'; *pos moves behind the closing
 * quote. Returns NULL, or what is wrong (static). */
const char *scan_quoted(struct dm_slice src, size_t *pos, struct dm_slice *ret_inside);

/* Small helpers over slices. */
struct dm_slice slice_sub(struct dm_slice text, size_t from, size_t to);
struct dm_slice slice_trim(struct dm_slice text);
int slice_is(struct dm_slice text, const char *word);
int slice_starts(struct dm_slice text, const char *word);

/* Cuts the first word (run of non-blank characters) off *rest; what remains is trimmed on the
 * left. Empty at the end. */
struct dm_slice slice_word(struct dm_slice *rest);

/* Reads a decimal number of at most max, the whole slice; returns 0, or -1. */
int slice_number(struct dm_slice text, size_t max, size_t *ret_value);

#endif
