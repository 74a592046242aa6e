/* What passes on a connection is recorded as a client and a server would tell it. */
#include <criterion/criterion.h>

#include "core/capture/tap.h"

static struct record record;
static struct tap *tap;

static void setup(void) {
    record_init(&record);
    tap = tap_new(&record);
}

static void teardown(void) {
    tap_free(tap);
    record_fini(&record);
}

TestSuite(tap, .init = setup, .fini = teardown);

static void client(const char *bytes) {
    tap_feed(tap, BY_CLIENT, dm_slice_str(bytes));
}

static void server(const char *bytes) {
    tap_feed(tap, BY_SERVER, dm_slice_str(bytes));
}

/* The next of what was recorded, from the first on; path NULL: it has none. */
static void recorded(struct list **at, enum said_kind kind, const char *path, const char *body) {
    *at = *at ? (*at)->next : record.said.next;
    cr_assert_neq(*at, &record.said, "nothing more was recorded");
    const struct said *said = container_of(*at, struct said, link);
    cr_assert_eq(said->kind, kind);
    cr_assert(dm_slice_eq(said->path, path ? dm_slice_str(path) : DM_SLICE_NONE));
    cr_assert(dm_slice_eq(said->body, dm_slice_str(body)), "%.*s is not %s",
              DM_SLICE_FMT(said->body), body);
}

static void ends(const struct list *at) {
    cr_assert_eq(at ? at->next : record.said.next, &record.said, "more was recorded");
}

#define POST "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n"
#define REFUSED "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno"

Test(tap, answers_follow_their_requests) {
    struct list *at = NULL;
    client(POST "bodyGET /b HTTP/1.1\r\nHost: x\r\n\r\n");
    server(REFUSED REFUSED);
    recorded(&at, SAID_REQUEST, "/a", "body");
    recorded(&at, SAID_REQUEST, "/b", "");
    recorded(&at, SAID_ANSWER, NULL, "no");
    recorded(&at, SAID_ANSWER, NULL, "no");
    ends(at);
}

Test(tap, an_answer_before_the_body) {
    struct list *at = NULL;
    client(POST "bo");
    server(REFUSED);
    ends(at);
    client("dyGET /b HTTP/1.1\r\nHost: x\r\n\r\n");
    server(REFUSED);
    recorded(&at, SAID_REQUEST, "/a", "body");
    recorded(&at, SAID_ANSWER, NULL, "no");
    recorded(&at, SAID_REQUEST, "/b", "");
    recorded(&at, SAID_ANSWER, NULL, "no");
    ends(at);
}

Test(tap, an_answer_and_the_end_before_the_body) {
    struct list *at = NULL;
    client(POST "bo");
    server("HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\nno");
    tap_end(tap, BY_SERVER);
    recorded(&at, SAID_REQUEST, "/a", "bo");
    recorded(&at, SAID_ANSWER, NULL, "no");
    ends(at);
    cr_assert_eq(record.left_out, 0);
}

Test(tap, an_answer_to_nothing_is_left_out) {
    server(REFUSED);
    ends(NULL);
    cr_assert_eq(record.left_out, 1);
    client(POST "body");
    ends(NULL);
}
