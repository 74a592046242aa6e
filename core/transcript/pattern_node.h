/* The parsed form of a pattern, shared by its parser and its matcher. Internal. */
#ifndef DRAGOMAN_TRANSCRIPT_PATTERN_NODE_H
#define DRAGOMAN_TRANSCRIPT_PATTERN_NODE_H

#include "core/transcript/matcher.h"
#include "core/transcript/pattern.h"

/* A string: bytes, variables and matchers one after the other. */
struct string_part {
    struct string_part *next;
    enum { STRING_BYTES, STRING_VAR, STRING_MATCHER } kind;
    struct dm_slice text; /* the bytes, or the variable's name */
    struct matcher matcher;
};

struct string_pattern {
    struct dm_slice source;
    struct string_part *first;
};

enum node_kind {
    NODE_NULL,
    NODE_TRUE,
    NODE_FALSE,
    NODE_INT,
    NODE_UINT, /* above INT64_MAX */
    NODE_REAL,
    NODE_STRING,
    NODE_VAR,
    NODE_MATCHER,
    NODE_OBJECT,
    NODE_ARRAY,
    NODE_SET,
    NODE_ONE_OF,
};

enum node_flags {
    NODE_OPEN = 1,     /* of an object, array or set: it ends with ... */
    NODE_OPTIONAL = 2, /* of a member: "key"?: */
};

struct node {
    struct node *next; /* in its object or array */
    enum node_kind kind;
    unsigned flags;
    struct dm_slice source;
    struct dm_slice key; /* of a member, decoded */
    union {
        int64_t integer;
        uint64_t uinteger;
        double real;
        struct string_pattern string;
        struct dm_slice var;
        struct matcher matcher;
        struct node *first;
    };
};

/* Text, then JSON (or none); several where <rs> separates them. */
struct segment {
    struct segment *next;
    struct string_pattern prefix;
    struct node *json;
};

struct pattern {
    struct dm_slice source;
    struct segment *first;
    size_t segments;
};

/* Parses a string's inside, escapes included in SCAN_QUOTED. Returns NULL or what is wrong. */
const char *string_parse(struct arena *arena, struct dm_slice src, enum scan_mode mode,
                         struct refs *refs, struct string_pattern *ret_string);

/* Whether text matches as a whole; binds variables (which stay bound only then). */
int string_match(const struct string_pattern *string, struct dm_slice text, struct vars *vars);

/* Parses the JSON pattern that begins at src[*pos]; *pos moves behind it. Returns NULL or what is
 * wrong, *pos then tells where. */
const char *node_parse(struct arena *arena, struct dm_slice src, struct refs *refs, size_t *pos,
                       struct node **ret_node);

#endif
