#include "core/replay/answer.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/mem.h"

static struct answer *answer_new(void) {
    struct answer *answer = mem_zalloc(sizeof(*answer));
    list_init(&answer->link);
    arena_init(&answer->arena, 4096);
    return answer;
}

void answer_free(struct answer *answer) {
    if (!answer)
        return;
    arena_fini(&answer->arena);
    buf_fini(&answer->body);
    free(answer);
}

const struct answer_field *answer_field(const struct answer *answer, struct dm_slice name) {
    const struct answer_field *field = answer->fields;
    while (field && (field->name.len != name.len ||
                     strncasecmp(field->name.ptr, name.ptr, name.len) != 0))
        field = field->next;
    return field;
}

static int on_begin(llhttp_t *parser) {
    struct answer_reader *reader = parser->data;
    answer_free(reader->answer);
    reader->answer = answer_new();
    buf_reset(&reader->field);
    buf_reset(&reader->value);
    return 0;
}

static int on_field(llhttp_t *parser, const char *at, size_t len) {
    struct answer_reader *reader = parser->data;
    buf_append(&reader->field, at, len);
    return 0;
}

static int on_value(llhttp_t *parser, const char *at, size_t len) {
    struct answer_reader *reader = parser->data;
    buf_append(&reader->value, at, len);
    return 0;
}

static int on_value_complete(llhttp_t *parser) {
    struct answer_reader *reader = parser->data;
    struct answer *answer = reader->answer;
    struct answer_field **tail = &answer->fields;
    struct buf *value = &reader->value;
    while (value->len && strchr(" \t", value->data[value->len - 1]))
        value->len--;
    while (*tail)
        tail = &(*tail)->next;
    *tail = arena_zalloc(&answer->arena, sizeof(**tail));
    (*tail)->name = arena_slice(&answer->arena, buf_slice(&reader->field));
    (*tail)->value = arena_slice(&answer->arena, buf_slice(&reader->value));
    buf_reset(&reader->field);
    buf_reset(&reader->value);
    return 0;
}

static int on_headers(llhttp_t *parser) {
    struct answer_reader *reader = parser->data;
    reader->answer->status = (unsigned)parser->status_code;
    return reader->body == READER_NO_BODY;
}

static int on_body(llhttp_t *parser, const char *at, size_t len) {
    struct answer_reader *reader = parser->data;
    buf_append(&reader->answer->body, at, len);
    return 0;
}

static int on_complete(llhttp_t *parser) {
    struct answer_reader *reader = parser->data;
    if (reader->answer->status < 200 && reader->answer->status != 101)
        return 0;
    reader->state = ANSWER_DONE;
    return HPE_PAUSED;
}

void answer_reader_init(struct answer_reader *reader) {
    *reader = (struct answer_reader){ .answer = NULL };
    llhttp_settings_init(&reader->settings);
    reader->settings.on_message_begin = on_begin;
    reader->settings.on_header_field = on_field;
    reader->settings.on_header_value = on_value;
    reader->settings.on_header_value_complete = on_value_complete;
    reader->settings.on_headers_complete = on_headers;
    reader->settings.on_body = on_body;
    reader->settings.on_message_complete = on_complete;
    llhttp_init(&reader->parser, HTTP_RESPONSE, &reader->settings);
    reader->parser.data = reader;
}

void answer_reader_fini(struct answer_reader *reader) {
    answer_free(reader->answer);
    reader->answer = NULL;
    buf_fini(&reader->field);
    buf_fini(&reader->value);
}

static enum answer_state take(struct answer_reader *reader, struct answer **ret_answer) {
    *ret_answer = reader->answer;
    reader->answer = NULL;
    reader->state = ANSWER_MORE;
    return (*ret_answer)->status == 101 ? ANSWER_UPGRADED : ANSWER_DONE;
}

enum answer_state answer_reader_feed(struct answer_reader *reader, struct dm_slice bytes,
                                     int no_body, size_t *ret_read, struct answer **ret_answer) {
    reader->body = no_body ? READER_NO_BODY : READER_BODY;
    llhttp_errno_t error = llhttp_execute(&reader->parser, bytes.ptr, bytes.len);
    *ret_read = bytes.len;
    if (error == HPE_OK)
        return ANSWER_MORE;
    if (error != HPE_PAUSED && error != HPE_PAUSED_UPGRADE)
        return ANSWER_BROKEN;
    *ret_read = (size_t)(llhttp_get_error_pos(&reader->parser) - bytes.ptr);
    if (error == HPE_PAUSED)
        llhttp_resume(&reader->parser);
    else
        llhttp_resume_after_upgrade(&reader->parser);
    return take(reader, ret_answer);
}

enum answer_state answer_reader_end(struct answer_reader *reader, struct answer **ret_answer) {
    llhttp_errno_t error = llhttp_finish(&reader->parser);
    if (reader->state == ANSWER_DONE)
        return take(reader, ret_answer);
    return error == HPE_OK && !reader->answer ? ANSWER_MORE : ANSWER_BROKEN;
}

const char *answer_reader_error(const struct answer_reader *reader) {
    const char *reason = llhttp_get_error_reason(&reader->parser);
    return reason && *reason ? reason : "it ended too early";
}
