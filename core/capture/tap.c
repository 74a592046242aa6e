#include "core/capture/tap.h"

#include <llhttp.h>
#include <stdlib.h>
#include <strings.h>
#include <wslay/wslay.h>

#include "core/base/mem.h"
#include "core/replay/answer.h"

#define MESSAGE_MAX ((uint64_t)4 << 20)
#define OPEN_MAX 64

/* HTTP ──101──▶ WEBSOCKET;  either ──what nobody can read──▶ BLIND */
enum tap_state { TAP_HTTP, TAP_WEBSOCKET, TAP_BLIND };

/* One direction of a WebSocket. */
struct flow {
    struct tap *tap;
    enum said_by by;
    wslay_event_context_ptr wslay;
    struct dm_slice input;
};

struct tap {
    struct record *record;
    enum tap_state state;
    unsigned client;
    llhttp_t parser;
    llhttp_settings_t settings;
    struct answer_reader answers;
    struct buf url, field, value, head, type, body;
    enum { TAP_PLAIN, TAP_UPGRADES } wish; /* of the request under way */
    unsigned long long heads; /* a bit for each open request, the oldest lowest: HEAD */
    unsigned open;            /* requests without an answer yet */
    int is_asking;            /* a request's head has come, and its end has not */
    struct answer *early;     /* what it was answered meanwhile */
    int has_said;
    int has_closed;           /* a Close was recorded */
    struct flow flows[2];
};

/* ---- requests ---- */

static struct tap *tap_of(llhttp_t *parser) {
    return parser->data;
}

static int on_url(llhttp_t *parser, const char *at, size_t len) {
    buf_append(&tap_of(parser)->url, at, len);
    return 0;
}

static int on_field(llhttp_t *parser, const char *at, size_t len) {
    buf_append(&tap_of(parser)->field, at, len);
    return 0;
}

static int on_value(llhttp_t *parser, const char *at, size_t len) {
    buf_append(&tap_of(parser)->value, at, len);
    return 0;
}

static int is_name(const struct buf *field, const char *name) {
    return field->len == strlen(name) && strncasecmp(field->data, name, field->len) == 0;
}

/* Which headers say something to the server that a replay would not say by itself. */
static int is_kept(const struct buf *field) {
    return is_name(field, "authorization") || is_name(field, "cookie") ||
           is_name(field, "sec-websocket-protocol") || is_name(field, "content-type") ||
           (field->len > 2 && strncasecmp(field->data, "x-", 2) == 0);
}

static int on_value_complete(llhttp_t *parser) {
    struct tap *tap = tap_of(parser);
    if (is_name(&tap->field, "content-type"))
        buf_append_slice(&tap->type, buf_slice(&tap->value));
    if (is_name(&tap->field, "sec-websocket-key"))
        tap->wish = TAP_UPGRADES;
    if (is_kept(&tap->field)) {
        buf_append_slice(&tap->head, buf_slice(&tap->field));
        buf_append_str(&tap->head, ": ");
        buf_append_slice(&tap->head, buf_slice(&tap->value));
        buf_append_char(&tap->head, '\n');
    }
    buf_reset(&tap->field);
    buf_reset(&tap->value);
    return 0;
}

static int on_body(llhttp_t *parser, const char *at, size_t len) {
    struct tap *tap = tap_of(parser);
    if (tap->body.len + len <= MESSAGE_MAX)
        buf_append(&tap->body, at, len);
    return 0;
}

static int on_begin(llhttp_t *parser) {
    struct tap *tap = tap_of(parser);
    struct buf *const bufs[] = { &tap->url, &tap->field, &tap->value, &tap->head, &tap->type,
                                 &tap->body };
    for (size_t i = 0; i < sizeof(bufs) / sizeof(bufs[0]); i++)
        buf_reset(bufs[i]);
    tap->wish = TAP_PLAIN;
    return 0;
}

/* Clients are numbered as they begin to talk. */
static void add(struct tap *tap, struct said *said) {
    if (!tap->has_said)
        tap->client = ++tap->record->clients;
    tap->has_said = 1;
    said->client = tap->client;
    record_add(tap->record, said);
}

static int on_head_complete(llhttp_t *parser) {
    tap_of(parser)->is_asking = 1;
    return 0;
}

static void keep_request(struct tap *tap) {
    struct said said = {
        .kind = tap->wish == TAP_UPGRADES ? SAID_UPGRADE : SAID_REQUEST, .by = BY_CLIENT,
        .method = dm_slice_str(llhttp_method_name((llhttp_method_t)tap->parser.method)),
        .path = buf_slice(&tap->url), .head = buf_slice(&tap->head),
        .type = tap->type.len ? buf_slice(&tap->type) : DM_SLICE_NONE,
        .body = buf_slice(&tap->body),
    };
    tap->is_asking = 0;
    add(tap, &said);
}

static void keep_answer(struct tap *tap, struct answer *answer) {
    struct said said = { .kind = tap->wish == TAP_UPGRADES ? SAID_REFUSED : SAID_ANSWER,
                         .by = BY_SERVER, .status = answer->status,
                         .body = buf_slice(&answer->body) };
    add(tap, &said);
    answer_free(answer);
}

/* A server may refuse a request before all of it has come: the request comes first all the same,
 * with what has come of its body. */
static void keep_early(struct tap *tap) {
    struct answer *early = tap->early;
    tap->early = NULL;
    keep_request(tap);
    keep_answer(tap, early);
}

static int on_complete(llhttp_t *parser) {
    struct tap *tap = tap_of(parser);
    if (tap->early) {
        keep_early(tap);
        return 0;
    }
    if (tap->open == OPEN_MAX)
        return -1;
    if (parser->method == HTTP_HEAD)
        tap->heads |= 1ull << tap->open;
    tap->open++;
    keep_request(tap);
    return 0;
}

/* ---- WebSocket ---- */

static ssize_t on_recv(wslay_event_context_ptr ctx, uint8_t *data, size_t len, int flags,
                       void *user) {
    struct flow *flow = user;
    size_t count = flow->input.len < len ? flow->input.len : len;
    if (count == 0) {
        wslay_event_set_error(ctx, WSLAY_ERR_WOULDBLOCK);
        return -1;
    }
    memcpy(data, flow->input.ptr, count);
    flow->input.ptr += count;
    flow->input.len -= count;
    return (ssize_t)count;
}

static void on_message(wslay_event_context_ptr ctx,
                       const struct wslay_event_on_msg_recv_arg *arg, void *user) {
    struct flow *flow = user;
    struct said said = { .by = flow->by,
                         .body = { arg->msg ? (const char *)arg->msg : "", arg->msg_length } };
    if (arg->opcode == WSLAY_TEXT_FRAME) {
        said.kind = SAID_TEXT;
    } else if (arg->opcode == WSLAY_BINARY_FRAME) {
        said.kind = SAID_BINARY;
    } else if (arg->opcode == WSLAY_CONNECTION_CLOSE && !flow->tap->has_closed) {
        said.kind = SAID_CLOSE;
        said.status = arg->status_code;
        said.body = DM_SLICE("");
        flow->tap->has_closed = 1;
    } else {
        return;
    }
    add(flow->tap, &said);
}

static void open_flow(struct tap *tap, enum said_by by) {
    static const struct wslay_event_callbacks callbacks = {
        .recv_callback = on_recv, .on_msg_recv_callback = on_message,
    };
    struct flow *flow = &tap->flows[by];
    flow->tap = tap;
    flow->by = by;
    int r = by == BY_CLIENT
                ? wslay_event_context_server_init(&flow->wslay, &callbacks, flow)
                : wslay_event_context_client_init(&flow->wslay, &callbacks, flow);
    if (r != 0)
        abort();
    wslay_event_config_set_max_recv_msg_length(flow->wslay, MESSAGE_MAX);
}

static void go_blind(struct tap *tap) {
    tap->state = TAP_BLIND;
    tap->record->left_out++;
}

static void feed_flow(struct tap *tap, enum said_by by, struct dm_slice bytes) {
    struct flow *flow = &tap->flows[by];
    flow->input = bytes;
    if (wslay_event_recv(flow->wslay) != 0 ||
        (!wslay_event_get_read_enabled(flow->wslay) &&
         !wslay_event_get_close_received(flow->wslay)))
        go_blind(tap);
}

/* ---- answers ---- */

/* Takes over the answer. */
static void take_answer(struct tap *tap, struct answer *answer) {
    if (tap->open) {
        tap->open--;
        tap->heads >>= 1;
        keep_answer(tap, answer);
    } else if (tap->is_asking && !tap->early) {
        tap->early = answer;
    } else {
        answer_free(answer);
        go_blind(tap);
    }
}

static void begin_websocket(struct tap *tap) {
    tap->state = TAP_WEBSOCKET;
    open_flow(tap, BY_CLIENT);
    open_flow(tap, BY_SERVER);
}

static void feed_answers(struct tap *tap, struct dm_slice bytes) {
    while (bytes.len && tap->state == TAP_HTTP) {
        struct answer *answer = NULL;
        size_t read = 0;
        enum answer_state state = answer_reader_feed(&tap->answers, bytes, tap->heads & 1, &read,
                                                     &answer);
        if (state == ANSWER_MORE)
            return;
        if (state == ANSWER_BROKEN) {
            go_blind(tap);
            return;
        }
        bytes.ptr += read;
        bytes.len -= read;
        if (state == ANSWER_UPGRADED) {
            answer_free(answer);
            begin_websocket(tap);
        } else {
            take_answer(tap, answer);
        }
    }
    if (bytes.len && tap->state == TAP_WEBSOCKET)
        feed_flow(tap, BY_SERVER, bytes);
}

/* ---- both ---- */

struct tap *tap_new(struct record *record) {
    struct tap *tap = mem_zalloc(sizeof(*tap));
    tap->record = record;
    llhttp_settings_init(&tap->settings);
    tap->settings.on_message_begin = on_begin;
    tap->settings.on_url = on_url;
    tap->settings.on_header_field = on_field;
    tap->settings.on_header_value = on_value;
    tap->settings.on_header_value_complete = on_value_complete;
    tap->settings.on_headers_complete = on_head_complete;
    tap->settings.on_body = on_body;
    tap->settings.on_message_complete = on_complete;
    llhttp_init(&tap->parser, HTTP_REQUEST, &tap->settings);
    tap->parser.data = tap;
    answer_reader_init(&tap->answers);
    return tap;
}

void tap_free(struct tap *tap) {
    struct buf *const bufs[] = { &tap->url, &tap->field, &tap->value, &tap->head, &tap->type,
                                 &tap->body };
    for (size_t i = 0; i < sizeof(bufs) / sizeof(bufs[0]); i++)
        buf_fini(bufs[i]);
    for (int by = 0; by < 2; by++)
        if (tap->flows[by].wslay)
            wslay_event_context_free(tap->flows[by].wslay);
    answer_free(tap->early);
    answer_reader_fini(&tap->answers);
    free(tap);
}

static void feed_request(struct tap *tap, struct dm_slice bytes) {
    enum llhttp_errno error = llhttp_execute(&tap->parser, bytes.ptr, bytes.len);
    /* A client that speaks WebSocket before it was let in has nothing to be read yet. */
    if (error != HPE_OK && error != HPE_PAUSED_UPGRADE)
        go_blind(tap);
}

void tap_feed(struct tap *tap, enum said_by by, struct dm_slice bytes) {
    if (tap->state == TAP_WEBSOCKET)
        feed_flow(tap, by, bytes);
    else if (tap->state == TAP_HTTP && by == BY_SERVER)
        feed_answers(tap, bytes);
    else if (tap->state == TAP_HTTP)
        feed_request(tap, bytes);
}

void tap_end(struct tap *tap, enum said_by by) {
    struct said said = { .kind = SAID_DROP, .by = by };
    struct answer *answer = NULL;
    if (tap->state == TAP_WEBSOCKET && !tap->has_closed)
        add(tap, &said);
    if (tap->state == TAP_HTTP && answer_reader_end(&tap->answers, &answer) == ANSWER_DONE)
        take_answer(tap, answer);
    if (tap->state == TAP_HTTP && tap->early)
        keep_early(tap);
    tap->state = TAP_BLIND;
}
