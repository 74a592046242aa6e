#include <stdio.h>
#include <string.h>

#include "core/base/base64.h"
#include "tests/bench/load/dialect.h"

static int starts(const char *frame, size_t len, const char *word) {
    size_t n = strlen(word);
    return len >= n && !memcmp(frame, word, n);
}

static size_t put(char *ret_frame, size_t size, const char *text) {
    size_t n = strlen(text);
    if (n > size)
        return 0;
    memcpy(ret_frame, text, n);
    return n;
}

/* ---- node: its own few words ---- */

static size_t node_send(const char *to, uint64_t number, const char *text, size_t text_len,
                        char *ret_frame, size_t size) {
    int n = snprintf(ret_frame, size,
                     "{\"type\":\"send\",\"ref\":%llu,\"to\":\"%s\",\"text\":\"%.*s\"}",
                     (unsigned long long)number, to, (int)text_len, text);
    return (size_t)n < size ? (size_t)n : 0;
}

static enum heard node_read(const char *frame, size_t len, uint64_t *ret_number) {
    if (dialect_has(frame, len, "\"type\":\"sent\"")) {
        *ret_number = dialect_number(frame, len, "\"ref\":");
        return HEARD_CONFIRMED;
    }
    if (dialect_has(frame, len, "\"type\":\"message\"")) {
        *ret_number = dialect_number(frame, len, TEXT_MARK);
        return HEARD_DELIVERED;
    }
    return dialect_has(frame, len, "\"type\":\"ready\"") ? HEARD_READY : HEARD_FAILURE;
}

const struct dialect dialect_node = {
    .name = "node",
    .path = "/?token=%s",
    .send = node_send,
    .read = node_read,
};

/* ---- Socket.IO: Engine.IO 4 packets on a WebSocket; the message's number is its ack's ---- */

static size_t socketio_answer(const struct user *user, const char *frame, size_t len,
                              char *ret_frame, size_t size) {
    if (starts(frame, len, "2"))
        return put(ret_frame, size, "3");
    int n = snprintf(ret_frame, size, "40{\"token\":\"%s\"}", user->token);
    return (size_t)n < size ? (size_t)n : 0;
}

static size_t socketio_send(const char *to, uint64_t number, const char *text, size_t text_len,
                            char *ret_frame, size_t size) {
    int n = snprintf(ret_frame, size,
                     "42%llu[\"send\",{\"to\":\"%s\",\"text\":\"%.*s\"}]",
                     (unsigned long long)number, to, (int)text_len, text);
    return (size_t)n < size ? (size_t)n : 0;
}

static enum heard socketio_read(const char *frame, size_t len, uint64_t *ret_number) {
    if (starts(frame, len, "43")) {
        *ret_number = dialect_number(frame, len, "43");
        return HEARD_CONFIRMED;
    }
    if (starts(frame, len, "42[\"message\"")) {
        *ret_number = dialect_number(frame, len, TEXT_MARK);
        return HEARD_DELIVERED;
    }
    if (starts(frame, len, "40"))
        return HEARD_READY;
    return starts(frame, len, "0") || starts(frame, len, "2") ? HEARD_STEP : HEARD_FAILURE;
}

const struct dialect dialect_socketio = {
    .name = "socketio",
    .path = "/socket.io/?EIO=4&transport=websocket",
    .answer = socketio_answer,
    .send = socketio_send,
    .read = socketio_read,
};

/* ---- XMPP over WebSocket (RFC 7395). A message is confirmed by stream management (XEP-0198):
 * the server acknowledges it when it has archived and routed it. ---- */

#define OPEN "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='localhost' version='1.0'/>"

static size_t xmpp_login(const struct user *user, char *ret_frame, size_t size) {
    return put(ret_frame, size, OPEN);
}

static size_t xmpp_auth(const struct user *user, char *ret_frame, size_t size) {
    char plain[4096], text[6000];
    size_t uuid_len = strlen(user->uuid), token_len = strlen(user->token);
    if (uuid_len + token_len + 2 > sizeof(plain))
        return 0;
    plain[0] = plain[uuid_len + 1] = '\0';
    memcpy(plain + 1, user->uuid, uuid_len);
    memcpy(plain + uuid_len + 2, user->token, token_len);
    text[base64_encode(BASE64_STD, plain, uuid_len + token_len + 2, text)] = '\0';
    int n = snprintf(ret_frame, size,
                     "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>%s</auth>",
                     text);
    return (size_t)n < size ? (size_t)n : 0;
}

static size_t xmpp_answer(const struct user *user, const char *frame, size_t len,
                          char *ret_frame, size_t size) {
    if (dialect_has(frame, len, "<mechanisms"))
        return xmpp_auth(user, ret_frame, size);
    if (dialect_has(frame, len, "<success"))
        return put(ret_frame, size, OPEN);
    if (dialect_has(frame, len, "id='bound'"))
        return put(ret_frame, size, "<presence/>");
    if (starts(frame, len, "<presence"))
        return put(ret_frame, size, "<enable xmlns='urn:xmpp:sm:3'/>");
    return put(ret_frame, size,
               "<iq type='set' id='bound'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
               "<resource>bench</resource></bind></iq>");
}

static size_t xmpp_send(const char *to, uint64_t number, const char *text, size_t text_len,
                        char *ret_frame, size_t size) {
    int n = snprintf(ret_frame, size,
                     "<message to='%s@localhost' type='chat' id='%llu'><body>%.*s</body></message>",
                     to, (unsigned long long)number, (int)text_len, text);
    return (size_t)n < size ? (size_t)n : 0;
}

static enum heard xmpp_read(const char *frame, size_t len, uint64_t *ret_number) {
    if (starts(frame, len, "<a ")) {
        *ret_number = NUMBER_NEXT;
        return HEARD_CONFIRMED;
    }
    if (starts(frame, len, "<message")) {
        *ret_number = dialect_number(frame, len, TEXT_MARK);
        return *ret_number == NUMBER_NEXT ? HEARD_FAILURE : HEARD_DELIVERED;
    }
    if (starts(frame, len, "<enabled"))
        return HEARD_READY;
    if (dialect_has(frame, len, "<mechanisms") || dialect_has(frame, len, "<success") ||
        dialect_has(frame, len, "<bind") || starts(frame, len, "<presence"))
        return HEARD_STEP;
    return dialect_has(frame, len, "<failure") ? HEARD_FAILURE : HEARD_NOTHING;
}

const struct dialect dialect_xmpp = {
    .name = "xmpp",
    .path = "/ws",
    .subprotocol = "xmpp",
    .follow = "<r xmlns='urn:xmpp:sm:3'/>",
    .login = xmpp_login,
    .answer = xmpp_answer,
    .send = xmpp_send,
    .read = xmpp_read,
};
