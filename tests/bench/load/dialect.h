/* What a dialect is to the load generator: a few frames to write and to understand. */
#ifndef DRAGOMAN_BENCH_DIALECT_H
#define DRAGOMAN_BENCH_DIALECT_H

#include <stddef.h>
#include <stdint.h>

struct user {
    char uuid[40];
    char *token;
};

enum heard {
    HEARD_NOTHING,
    HEARD_STEP,      /* the server wants an answer: dialect.answer */
    HEARD_READY,     /* logged in, messages may be sent */
    HEARD_CONFIRMED, /* a message of this socket is stored */
    HEARD_DELIVERED, /* a message for this socket's user has come */
    HEARD_ECHO,      /* both at once: this socket's own message has come back */
    HEARD_FAILURE,
};

#define NUMBER_NEXT UINT64_MAX /* the dialect confirms in the order of sending */

struct dialect {
    const char *name;
    const char *path;        /* of the socket; "%s" in it stands for the token */
    const char *subprotocol; /* of the handshake, or NULL */
    const char *follow;      /* a frame behind each message, or NULL */
    enum { GREETED, READY_WHEN_OPEN } greeting;
    enum { CONFIRMS, NEVER_CONFIRMS } confirming;

    /* Writes the frame that logs in into at most `size` bytes; returns its length, 0 for none.
     * May be NULL. */
    size_t (*login)(const struct user *user, char *ret_frame, size_t size);

    /* Likewise the answer to a frame that was heard as HEARD_STEP. */
    size_t (*answer)(const struct user *user, const char *frame, size_t len, char *ret_frame,
                     size_t size);

    /* Likewise a frame with a message to a user, or a chat, of that UUID. `number` is the sender's
     * own count of its messages and stands in the text, too. */
    size_t (*send)(const char *to, uint64_t number, const char *text, size_t text_len,
                   char *ret_frame, size_t size);

    /* Says what a frame of the server is. ret_number: of the message, for HEARD_CONFIRMED and
     * HEARD_DELIVERED. */
    enum heard (*read)(const char *frame, size_t len, uint64_t *ret_number);
};

/* NULL when there is none of that name. */
const struct dialect *dialect_find(const char *name);

/* What leads the number in a text: "m#17 ". */
#define TEXT_MARK "m#"

extern const struct dialect dialect_opcode, dialect_saletick; /* of the gateway */
extern const struct dialect dialect_node, dialect_socketio, dialect_xmpp; /* of its peers */
extern const struct dialect dialect_plain, dialect_echo;      /* the text alone */

/* The number behind `mark` in a frame; NUMBER_NEXT when it is not there. */
uint64_t dialect_number(const char *frame, size_t len, const char *mark);

/* Whether `word` stands in the frame. */
int dialect_has(const char *frame, size_t len, const char *word);

#endif
