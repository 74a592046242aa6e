#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "core/replay/answer.h"

static struct answer_reader reader;
static struct answer *answer;
static size_t used;

static void setup(void) {
    answer_reader_init(&reader);
}

static void teardown(void) {
    answer_free(answer);
    answer = NULL;
    answer_reader_fini(&reader);
}

TestSuite(answer, .init = setup, .fini = teardown);

static enum answer_state feed_as(const char *text, int no_body) {
    answer_free(answer);
    answer = NULL;
    return answer_reader_feed(&reader, dm_slice_str(text), no_body, &used, &answer);
}

static enum answer_state feed(const char *text) {
    return feed_as(text, 0);
}

static int body_is(const char *text) {
    return dm_slice_eq(buf_slice(&answer->body), dm_slice_str(text));
}

Test(answer, one_response_after_the_other) {
    const char *both = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A:  b \r\n\r\nhi"
                       "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
    cr_assert(eq(int, feed(both), ANSWER_DONE));
    cr_assert(eq(u32, answer->status, 200));
    cr_assert(body_is("hi"));
    cr_assert(eq(int, dm_slice_eq(answer_field(answer, DM_SLICE("x-a"))->value, DM_SLICE("b")),
                 1));
    cr_assert(eq(ptr, (void *)answer_field(answer, DM_SLICE("x")), NULL));
    size_t first = used;
    cr_assert(eq(int, feed(both + first), ANSWER_DONE));
    cr_assert(eq(u32, answer->status, 404));
    cr_assert(eq(sz, first + used, strlen(both)));
}

Test(answer, byte_by_byte) {
    const char *text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    size_t len = strlen(text);
    for (size_t i = 0; i < len; i++) {
        enum answer_state state = answer_reader_feed(&reader, (struct dm_slice){ text + i, 1 }, 0,
                                                     &used, &answer);
        cr_assert(eq(int, state, i + 1 == len ? ANSWER_DONE : ANSWER_MORE));
    }
    cr_assert(body_is("abc"));
}

Test(answer, head_has_no_body) {
    cr_assert(eq(int, feed_as("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", 1), ANSWER_DONE));
    cr_assert(eq(int, feed("HTTP/1.1 204 No Content\r\n\r\n"), ANSWER_DONE));
    cr_assert(eq(u32, answer->status, 204));
}

Test(answer, informational_ones_are_skipped) {
    cr_assert(eq(int, feed("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\n"
                           "Content-Length: 0\r\n\r\n"), ANSWER_DONE));
    cr_assert(eq(u32, answer->status, 201));
}

Test(answer, an_upgrade_ends_http) {
    const char *text = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                       "Connection: Upgrade\r\n\r\n\x81\x02hi";
    cr_assert(eq(int, feed(text), ANSWER_UPGRADED));
    cr_assert(eq(str, (char *)text + used, (char *)"\x81\x02hi"));
}

Test(answer, the_end_completes_or_breaks) {
    cr_assert(eq(int, answer_reader_end(&reader, &answer), ANSWER_MORE));
    cr_assert(eq(int, feed("HTTP/1.1 200 OK\r\n\r\nuntil the end"), ANSWER_MORE));
    cr_assert(eq(int, answer_reader_end(&reader, &answer), ANSWER_DONE));
    cr_assert(body_is("until the end"));
}

Test(answer, a_cut_off_one_is_broken) {
    cr_assert(eq(int, feed("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab"), ANSWER_MORE));
    cr_assert(eq(int, answer_reader_end(&reader, &answer), ANSWER_BROKEN));
}

Test(answer, nonsense_is_broken) {
    cr_assert(eq(int, feed("SSH-2.0-x\r\n"), ANSWER_BROKEN));
    cr_assert(not(eq(ptr, (void *)answer_reader_error(&reader), NULL)));
}
