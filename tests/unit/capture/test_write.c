/* A record becomes a transcript that can be read, and that no secret stands in. */
#include <criterion/criterion.h>

#include "core/capture/record.h"
#include "core/transcript/transcript.h"

static struct record record;
static struct buf out;
static const char *own[] = { NULL };
static const struct masks masks = { own };

static void setup(void) {
    record_init(&record);
}

static void teardown(void) {
    record_fini(&record);
    buf_fini(&out);
}

TestSuite(write, .init = setup, .fini = teardown);

static void add(enum said_kind kind, enum said_by by, const char *body) {
    const struct said said = { .kind = kind, .by = by, .client = 1, .method = DM_SLICE("GET"),
                               .path = DM_SLICE("/ws"), .body = dm_slice_str(body) };
    record_add(&record, &said);
}

/* The transcript, after it has been read without a fault. */
static const char *written(void) {
    struct transcript *transcript;
    struct transcript_error error;
    record_write(&record, &masks, &out);
    cr_assert_eq(transcript_parse(buf_slice(&out), &transcript, &error), 0, "%u: %s\n%.*s",
                 error.line, error.text, DM_SLICE_FMT(buf_slice(&out)));
    transcript_free(transcript);
    buf_append_char(&out, '\0');
    return out.data;
}

static void has(const char *text, const char *part) {
    cr_expect_not_null(strstr(text, part), "%s is not in\n%s", part, text);
}

Test(write, messages_of_both_sides) {
    add(SAID_UPGRADE, BY_CLIENT, "");
    add(SAID_TEXT, BY_CLIENT, "{\"say\":\"hi\"}");
    add(SAID_TEXT, BY_SERVER, "{\"said\":\"hi\"}");
    add(SAID_CLOSE, BY_SERVER, "");
    has(written(), "c1 connect ws /ws\nc1 -> {\"say\":\"hi\"}\nc1 <- {\"said\":\"hi\"}\nc1 closed");
}

Test(write, secrets_are_variables_without_a_value) {
    const char *text;
    add(SAID_UPGRADE, BY_CLIENT, "");
    add(SAID_TEXT, BY_CLIENT, "{\"token\":\"open sesame\"}");
    add(SAID_TEXT, BY_SERVER, "{\"url\":\"http://old/f?k=open sesame\"}");
    text = written();
    has(text, "var token1\n");
    has(text, "{\"token\":\"$token1\"}");
    cr_expect_null(strstr(text, "sesame"), "%s", text);
}

Test(write, an_id_that_comes_again_is_captured) {
    const char *text;
    add(SAID_UPGRADE, BY_CLIENT, "");
    add(SAID_TEXT, BY_SERVER, "{\"message_id\":41,\"chat_id\":7}");
    add(SAID_TEXT, BY_CLIENT, "{\"read\":{\"message_id\":41}}");
    text = written();
    has(text, "c1 <- {\"message_id\":<int $message_id1>,\"chat_id\":<int>}");
    has(text, "c1 -> {\"read\":{\"message_id\":$message_id1}}");
}

Test(write, what_looks_like_a_pattern_stays_text) {
    const char *text;
    add(SAID_UPGRADE, BY_CLIENT, "");
    add(SAID_TEXT, BY_SERVER, "{\"text\":\"a <b> costs $5\"}");
    add(SAID_TEXT, BY_SERVER, "plain <b> $5 \"quoted\" \\");
    text = written();
    has(text, "a \\u003cb> costs $$5");
    has(text, "text \"plain \\x3cb> $$5 \\x22quoted\\x22 \\x5c\"");
}

Test(write, binary_is_written_by_its_bytes) {
    add(SAID_UPGRADE, BY_CLIENT, "");
    const struct said said = { .kind = SAID_BINARY, .by = BY_CLIENT, .client = 1,
                               .body = DM_SLICE("\x00\xffok") };
    record_add(&record, &said);
    has(written(), "c1 -> binary \"\\x00\\xffok\"");
}

Test(write, several_packets_of_one_body_are_told_apart) {
    add(SAID_UPGRADE, BY_CLIENT, "");
    add(SAID_TEXT, BY_SERVER, "42[\"a\",{\"id\":1}]\x1e" "2");
    has(written(), "42[\"a\",{\"id\":<int>}]<rs>2");
}

Test(write, what_was_left_out_is_said) {
    record.left_out = 3;
    has(written(), "# Not all was recorded: 3 frames");
}
