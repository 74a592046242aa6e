#include "tests/bench/load/dialect.h"

#include <stdio.h>
#include <string.h>

/* Whole parsers would take the server's share of the machine: frames are looked through for what
 * only these servers write there. */
int dialect_has(const char *frame, size_t len, const char *word) {
    return memmem(frame, len, word, strlen(word)) != NULL;
}

uint64_t dialect_number(const char *frame, size_t len, const char *mark) {
    const char *end = frame + len;
    const char *at = memmem(frame, len, mark, strlen(mark));
    if (!at)
        return NUMBER_NEXT;
    uint64_t number = 0;
    for (at += strlen(mark); at < end && *at >= '0' && *at <= '9'; at++)
        number = number * 10 + (uint64_t)(*at - '0');
    return number;
}

/* ---- opcode ---- */

static size_t opcode_login(const struct user *user, char *ret_frame, size_t size) {
    int n = snprintf(ret_frame, size,
                     "{\"o\":2,\"d\":{\"token\":\"%s\",\"properties\":{\"os\":\"linux\","
                     "\"device\":\"bench\"}}}", user->token);
    return (size_t)n < size ? (size_t)n : 0;
}

static size_t opcode_send(const char *to, uint64_t number, const char *text,
                          size_t text_len, char *ret_frame, size_t size) {
    int n = snprintf(ret_frame, size,
                     "{\"o\":0,\"e\":\"SEND_MESSAGE\",\"d\":{\"to\":\"%s\",\"message\":\"%.*s\"}}",
                     to, (int)text_len, text);
    return (size_t)n < size ? (size_t)n : 0;
}

static enum heard opcode_read(const char *frame, size_t len, uint64_t *ret_number) {
    static const char event_key[] = "\"e\":\"";
    const char *event = memmem(frame, len, event_key, sizeof(event_key) - 1);
    if (!event)
        return dialect_has(frame, len, "\"o\":10") ? HEARD_NOTHING : HEARD_FAILURE;
    event += sizeof(event_key) - 1;
    size_t left = (size_t)(frame + len - event);
    if (left > 13 && !memcmp(event, "MESSAGE_SENT\"", 13)) {
        *ret_number = NUMBER_NEXT;
        return HEARD_CONFIRMED;
    }
    if (left > 8 && !memcmp(event, "MESSAGE\"", 8)) {
        *ret_number = dialect_number(frame, len, TEXT_MARK);
        return HEARD_DELIVERED;
    }
    return left > 6 && !memcmp(event, "READY\"", 6) ? HEARD_READY : HEARD_NOTHING;
}

const struct dialect dialect_opcode = {
    .name = "opcode",
    .path = "/opcode/ws",
    .login = opcode_login,
    .send = opcode_send,
    .read = opcode_read,
};

/* ---- saletick ---- */

static size_t saletick_send(const char *to, uint64_t number, const char *text, size_t text_len,
                            char *ret_frame, size_t size) {
    int n = snprintf(ret_frame, size,
                     "{\"action\":\"chat_message\",\"message_body\":\"%.*s\","
                     "\"receiver_id\":\"%s\"}", (int)text_len, text, to);
    return (size_t)n < size ? (size_t)n : 0;
}

static enum heard saletick_read(const char *frame, size_t len, uint64_t *ret_number) {
    *ret_number = dialect_number(frame, len, TEXT_MARK);
    if (dialect_has(frame, len, "\"conf_message\""))
        return HEARD_CONFIRMED;
    return dialect_has(frame, len, "\"re_message\"") ? HEARD_DELIVERED : HEARD_FAILURE;
}

const struct dialect dialect_saletick = {
    .name = "saletick",
    .path = "/saletick/ws/chat/room/?token=%s",
    .greeting = READY_WHEN_OPEN,
    .send = saletick_send,
    .read = saletick_read,
};

/* ---- the text alone ---- */

static size_t plain_send(const char *to, uint64_t number, const char *text, size_t text_len,
                         char *ret_frame, size_t size) {
    memcpy(ret_frame, text, text_len);
    return text_len;
}

static enum heard plain_read(const char *frame, size_t len, uint64_t *ret_number) {
    *ret_number = dialect_number(frame, len, TEXT_MARK);
    return HEARD_DELIVERED;
}

static enum heard echo_read(const char *frame, size_t len, uint64_t *ret_number) {
    *ret_number = dialect_number(frame, len, TEXT_MARK);
    return HEARD_ECHO;
}

const struct dialect dialect_plain = {
    .name = "plain",
    .path = "/",
    .greeting = READY_WHEN_OPEN,
    .confirming = NEVER_CONFIRMS,
    .send = plain_send,
    .read = plain_read,
};

const struct dialect dialect_echo = {
    .name = "echo",
    .path = "/",
    .greeting = READY_WHEN_OPEN,
    .send = plain_send,
    .read = echo_read,
};

const struct dialect *dialect_find(const char *name) {
    static const struct dialect *const all[] = {
        &dialect_opcode, &dialect_saletick, &dialect_node, &dialect_socketio, &dialect_xmpp,
        &dialect_plain,  &dialect_echo,
    };
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (!strcmp(all[i]->name, name))
            return all[i];
    return NULL;
}
