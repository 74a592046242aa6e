/* The named matchers: <uuid>, <int 1..9>, <iso $sent> and their kin. Internal. */
#ifndef DRAGOMAN_TRANSCRIPT_MATCHER_H
#define DRAGOMAN_TRANSCRIPT_MATCHER_H

#include <stdint.h>
#include <yyjson.h>

#include "core/transcript/scan.h"

enum matcher_kind {
    MATCH_NONE, /* the words are no matcher's */
    MATCH_ANY,
    MATCH_ABSENT,
    MATCH_BOOL,
    MATCH_OBJECT,
    MATCH_ARRAY,
    MATCH_NUMBER,
    MATCH_INT,
    MATCH_STRING, /* this and all below match strings, and may stand inside one */
    MATCH_TEXT,
    MATCH_UUID,
    MATCH_UUID_ANY_CASE,
    MATCH_DIGITS,
    MATCH_ISO,
    MATCH_ISO_Z,
    MATCH_ISO_OFFSET,
    MATCH_TIME,
    MATCH_JWT,
    MATCH_URL,
    MATCH_FILL,
};

struct matcher {
    enum matcher_kind kind;
    int64_t min; /* MATCH_INT */
    int64_t max;
    size_t fill;         /* MATCH_FILL: how many letters */
    struct dm_slice var; /* captures into this variable; absent: none */
};

/* Parses what stands between < and >. Words that are no matcher's give MATCH_NONE and no error.
 * A captured variable is noted in refs (NULL: none may be captured). ret_matcher->var borrows
 * from words. Returns NULL, or what is wrong (static). */
const char *matcher_parse(struct dm_slice words, struct refs *refs, struct matcher *ret_matcher);

/* Whether the matcher may stand inside a string. MATCH_ANY and MATCH_INT may, too. */
int matcher_fits_text(const struct matcher *matcher);

/* Whether the matcher, which fits text, accepts this text as a whole. */
int matcher_accepts_text(const struct matcher *matcher, struct dm_slice text);

/* Whether the matcher accepts this value. MATCH_ABSENT accepts none. Captures are not looked at. */
int matcher_accepts(const struct matcher *matcher, yyjson_val *value);

#endif
