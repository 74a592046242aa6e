/* Transcripts: conversations with a server, written down to be played and compared. The format
 * is described in proto-docs/transcripts.md.
 *
 * A parsed transcript is a plain value that is only read while it is played; all it holds lives
 * in its arena. Nothing here does I/O: a player sends what `out` renders and compares what comes
 * with `in`. */
#ifndef DRAGOMAN_TRANSCRIPT_TRANSCRIPT_H
#define DRAGOMAN_TRANSCRIPT_TRANSCRIPT_H

#include <stddef.h>

#include "core/base/arena.h"
#include "core/base/slice.h"
#include "core/transcript/pattern.h"
#include "core/transcript/template.h"

enum frame_kind { FRAME_TEXT, FRAME_BINARY, FRAME_PING, FRAME_PONG };

enum step_kind {
    STEP_CONNECT,  /* path, headers */
    STEP_ACCEPTED, /* headers */
    STEP_REFUSED,  /* status, headers, in */
    STEP_SEND,     /* frame, out, cuts */
    STEP_EXPECT,   /* frame, in */
    STEP_CLOSED,   /* status: the code, or 0 for any; in: the reason, or NULL for any */
    STEP_CLOSE,    /* status: the code, or 0 for none; out: the reason, or NULL */
    STEP_DROP,
    STEP_SILENT,
    STEP_IGNORE,   /* frame and in; NULL for all */
    STEP_HEADERS,  /* headers */
    STEP_REQUEST,  /* method, path, headers, out */
    STEP_RESPONSE, /* status, headers, in */
    STEP_ANY_ORDER, /* steps: STEP_EXPECT and STEP_RESPONSE only */
    STEP_REPEAT,    /* count, steps */
};

enum step_flags {
    STEP_ANY_BODY = 1,  /* of a response: the body is not compared */
    STEP_JSON_BODY = 2, /* of a request: the body begins with { or [ */
};

/* A header to send (out; NULL: leave it out) or to compare (in; NULL: must be absent). */
struct header {
    struct header *next;
    struct dm_slice name;
    struct template *out;
    struct pattern *in;
};

/* A message cut into WebSocket frames: their lengths, in bytes; the last one holds the rest. */
#define CUTS_MAX 32
struct cuts {
    size_t lengths[CUTS_MAX];
    size_t count;
};

struct step {
    struct step *next;
    enum step_kind kind;
    unsigned flags;
    unsigned line;
    unsigned client; /* index into clients; not for blocks */
    unsigned status;
    size_t count;
    enum frame_kind frame;
    struct dm_slice source; /* the statement's first line */
    struct dm_slice method;
    struct template *path;
    struct header *headers;
    struct template *out;
    struct pattern *in;
    struct cuts cuts;
    struct step *steps;
};

/* One name=value. value is absent where none was written. */
struct setting {
    struct setting *next;
    struct dm_slice name;
    struct dm_slice value;
};

struct transcript_user {
    struct transcript_user *next;
    struct dm_slice name;
    struct setting *fields;
};

struct transcript {
    struct arena arena;
    struct dm_slice title; /* "" when there is none */
    struct transcript_user *users;
    struct setting *vars;
    struct setting *settings;
    struct dm_slice *clients; /* names; their indices are struct step's client */
    size_t client_count;
    struct step *steps;
};

struct transcript_error {
    unsigned line;
    char text[200];
};

/* Parses the text of one transcript, which is copied. Returns 0 and the transcript, owned by the
 * caller, or -1 with the first error. Texts above TRANSCRIPT_SIZE_MAX bytes are refused. */
#define TRANSCRIPT_SIZE_MAX ((size_t)16 << 20)
int transcript_parse(struct dm_slice text, struct transcript **ret_transcript,
                     struct transcript_error *ret_error);

/* Frees it; NULL does nothing. */
void transcript_free(struct transcript *transcript);

/* Gives a variable of the header a value, in place of its own. `assignment` is NAME=VALUE, and
 * outlives the transcript. Returns 1, or 0 when the header has no such variable. */
int transcript_give(struct transcript *transcript, const char *assignment);

/* The header's first variable that has no value; NULL when all have one. */
const struct setting *transcript_needed(const struct transcript *transcript);

/* Binds what the header gives: each `var` that has a value, and `$name.field` of each user field
 * that was written. What the player knows better it sets afterwards. */
void transcript_bind(const struct transcript *transcript, struct vars *vars);

#endif
