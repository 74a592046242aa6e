/* Reading HTTP responses. */
#ifndef DRAGOMAN_REPLAY_ANSWER_H
#define DRAGOMAN_REPLAY_ANSWER_H

#include <llhttp.h>

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/list.h"

struct answer_field {
    struct answer_field *next;
    struct dm_slice name;
    struct dm_slice value;
};

struct answer {
    struct list link; /* the owner's */
    struct arena arena;
    unsigned status;
    struct answer_field *fields;
    struct buf body;
};

void answer_free(struct answer *answer);

/* The first field of that name without regard to case, or NULL. */
const struct answer_field *answer_field(const struct answer *answer, struct dm_slice name);

enum answer_state {
    ANSWER_MORE,     /* the response is not complete */
    ANSWER_DONE,     /* it is; bytes behind it were not read */
    ANSWER_UPGRADED, /* it is, and what follows is another protocol */
    ANSWER_BROKEN,   /* it is no HTTP/1.1 response */
};

/* Reads one response after the other. Fields are the module's own. */
struct answer_reader {
    llhttp_t parser;
    llhttp_settings_t settings;
    struct answer *answer;
    struct buf field;
    struct buf value;
    enum { READER_BODY, READER_NO_BODY } body;
    enum answer_state state;
};

void answer_reader_init(struct answer_reader *reader);
void answer_reader_fini(struct answer_reader *reader);

/* Reads on. A response to HEAD has no body, whatever it says: no_body says so, and must be the
 * same until the response is complete. Responses below 200 but 101 are skipped. On ANSWER_DONE
 * and ANSWER_UPGRADED the answer is the caller's, and *ret_read bytes were used. */
enum answer_state answer_reader_feed(struct answer_reader *reader, struct dm_slice bytes,
                                     int no_body, size_t *ret_read, struct answer **ret_answer);

/* The connection ended: ANSWER_DONE when that completes the response, ANSWER_MORE when there was
 * none under way, else ANSWER_BROKEN. */
enum answer_state answer_reader_end(struct answer_reader *reader, struct answer **ret_answer);

/* What is wrong after ANSWER_BROKEN; static. */
const char *answer_reader_error(const struct answer_reader *reader);

#endif
