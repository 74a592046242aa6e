#include <criterion/criterion.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/metrics.h"
#include "tests/unit/adapter/probe.h"
#include "tests/unit/adapter/rig.h"

static struct rig rig;
static struct buf answer;

static void begin(const struct dm_adapter *adapter, const struct host_config *config) {
    rig_init(&rig, adapter, NULL, NULL, config);
    (void)probe_log();
}

static void setup(void) {
    begin(&probe_adapter, NULL);
}

static void teardown(void) {
    rig_fini(&rig);
    buf_fini(&answer);
}

TestSuite(request, .init = setup, .fini = teardown);

/* One request on a connection of its own; the whole answer. */
static const char *talk(const char *request) {
    int fd = rig_connect(&rig);

    buf_reset(&answer);
    rig_talk(&rig, fd, request, &answer);
    buf_append_char(&answer, '\0');
    close(fd);
    rig_settle(&rig);
    return answer.data;
}

static void expect_parts(const char *text, const char *const *parts) {
    for (; *parts; parts++)
        cr_expect_not_null(strstr(text, *parts), "\"%s\" is not in %s", *parts, text);
}

#define expect(text, ...) expect_parts((text), (const char *const[]){ __VA_ARGS__, NULL })

Test(request, brings_the_adapter_what_was_asked) {
    expect(talk("GET /probe/thing?q=a%20b+c&q=2 HTTP/1.1\r\nHost: x\r\nUser-Agent: me\r\n\r\n"),
           "200 OK", "Content-Type: application/json", "X-Probe: 1",
           "{\"method\":\"GET\",\"path\":\"/thing\",\"param\":null,\"body\":null,\"type\":null,"
           "\"q\":\"a b c\",\"form\":null,\"agent\":\"me\"}");
    cr_expect_str_eq(probe_log(), "request 10 auth=unauthenticated\nclose user=0\n");
    expect(talk("POST /probe/thing/a%2Db HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n"
                "Content-Type: Application/X-WWW-form-urlencoded; charset=x\r\n\r\nf=%C3%A9&g=1"),
           "\"param\":\"a-b\"", "\"body\":\"f=%C3%A9&g=\"", "\"form\":\"\xc3\xa9\"",
           "\"type\":\"application/x-www-form-urlencoded\"");
}

Test(request, hides_what_is_no_text) {
    expect(talk("GET /probe/thing?q=%FF HTTP/1.1\r\nHost: x\r\n\r\n"), "\"q\":null");
    expect(talk("POST /probe/thing/a%FF HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"),
           "\"param\":\"a?\"");
}

Test(request, reads_forms) {
    expect(talk("POST /probe/thing/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n"
                "Content-Type: application/x-www-form-urlencoded\r\n\r\nf=a+b%26c&g"),
           "\"form\":\"a b&c\"");
}

Test(request, is_answered_404_and_405_in_the_dialects_words) {
    expect(talk("GET /probe/nothing HTTP/1.1\r\nHost: x\r\n\r\n"), "404 Not Found",
           "{\"fault\":404}");
    expect(talk("DELETE /probe/thing HTTP/1.1\r\nHost: x\r\n\r\n"), "405 Method Not Allowed",
           "Allow: GET, HEAD\r\n", "{\"fault\":405}");
    expect(talk("GET /elsewhere HTTP/1.1\r\nHost: x\r\n\r\n"), "404 Not Found");
    expect(talk("GET /probe/plain HTTP/1.1\r\nHost: x\r\n\r\n"), "404 Not Found", "text/plain");
    expect(talk("GET /probe/open HTTP/1.1\r\nHost: x\r\n\r\n"), "426 ");
}

Test(request, answers_head_without_a_body) {
    const char *text = talk("HEAD /probe/thing HTTP/1.1\r\nHost: x\r\n\r\n");

    expect(text, "200 OK", "Content-Length: ");
    cr_expect_null(strstr(text, "{"));
}

Test(request, limits_the_body) {
    expect(talk("POST /probe/thing/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 301\r\n\r\n"),
           "413 ", "{\"fault\":413}");
}

Test(request, without_credentials_is_refused_before_any_hook) {
    expect(talk("POST /probe/closed HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n12345"),
           "401 Unauthorized", "WWW-Authenticate: Bearer", "{\"fault\":401}");
    cr_expect_str_eq(probe_log(), "fault 401 auth=unauthenticated token=0\nclose user=0\n");
    expect(talk("POST /probe/closed HTTP/1.1\r\nHost: x\r\nAuthorization: Basic eDp5\r\n\r\n"),
           "401 ");
    cr_expect_str_eq(probe_log(), "fault 401 auth=unauthenticated token=0\nclose user=0\n");
    expect(talk("POST /probe/closed HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \r\n\r\n"),
           "401 ");
    cr_expect_str_eq(probe_log(), "fault 401 auth=unauthenticated token=1\nclose user=0\n");
    cr_expect_eq(rig.command_count, 0);
}

static int ask_closed(void) {
    static const char request[] = "POST /probe/closed HTTP/1.1\r\nHost: x\r\n"
                                  "authorization: bEARER  tok.en\r\nContent-Length: 2\r\n\r\nhi";
    int fd = rig_connect(&rig);

    buf_reset(&answer);
    rig_talk(&rig, fd, request, &answer);
    cr_expect_eq(answer.len, 0);
    cr_expect_eq(rig_next(&rig)->command.kind, DM_CMD_AUTHENTICATE);
    cr_expect_str_eq(rig_next(&rig)->token, "tok.en");
    return fd;
}

static const char *read_answer(int fd) {
    rig_read(&rig, fd, &answer);
    buf_append_char(&answer, '\0');
    close(fd);
    rig_settle(&rig);
    return answer.data;
}

Test(request, waits_for_authentication_and_for_the_result) {
    const struct dm_result ok = { .status = DM_OK };
    int fd = ask_closed();

    cr_expect_eq(rig.last_flags, ENGINE_SESSION_LOOKUP);
    rig_answer_login(&rig, rig_next(&rig), rig_user(1));
    cr_expect_str_eq(probe_log(), "request 13 auth=ok\n");
    cr_expect_eq(rig_next(&rig)->command.kind, DM_CMD_USER_GET);
    cr_expect_eq(rig_next(&rig)->command.flags,
                 DM_CMD_ANSWER_APPROVES | DM_CMD_DIRECT_ONLY);
    rig_answer(&rig, rig_next(&rig), &ok);
    expect(read_answer(fd), "200 OK");
    cr_expect_str_eq(probe_log(), "result user_get ok c\nclose user=1\n");
}

Test(request, tells_the_adapter_why_authentication_failed) {
    int fd = ask_closed();

    rig_answer_status(&rig, DM_TOKEN_EXPIRED);
    expect(read_answer(fd), "401 ");
    cr_expect_str_eq(probe_log(), "fault 401 auth=token_expired token=1\nclose user=0\n");
}

Test(request, is_answered_503_and_429_when_the_core_cannot_serve) {
    const struct dm_result away = { .status = DM_UNAVAILABLE, .retry_after = 7 };
    int fd = ask_closed();

    rig_answer(&rig, rig_next(&rig), &away);
    expect(read_answer(fd), "503 ", "Retry-After: 7", "{\"fault\":503}");
    fd = ask_closed();
    rig_answer_status(&rig, DM_LIMITED);
    expect(read_answer(fd), "429 ", "Retry-After: 1");
}

Test(request, whose_client_is_gone_gets_no_result) {
    const struct dm_result ok = { .status = DM_OK };
    int fd = ask_closed();

    rig_answer_login(&rig, rig_next(&rig), rig_user(1));
    (void)probe_log();
    close(fd);
    rig_settle(&rig);
    (void)rig_event;
    rig_answer(&rig, rig_next(&rig), &ok);
    cr_expect_null(strstr(probe_log(), "request"));
}

Test(request, left_unanswered_is_answered_500) {
    expect(talk("GET /probe/never HTTP/1.1\r\nHost: x\r\n\r\n"), "500 ");
}

Test(request, with_an_impossible_response_is_answered_500) {
    expect(talk("GET /probe/bad HTTP/1.1\r\nHost: x\r\n\r\n"), "500 ");
}

Test(request, goes_on_on_the_same_connection) {
    const char *text = talk("GET /probe/thing?q=1 HTTP/1.1\r\nHost: x\r\n\r\n"
                            "GET /probe/thing?q=2 HTTP/1.1\r\nHost: x\r\n\r\n");
    const char *first = strstr(text, "\"q\":\"1\""), *second = strstr(text, "\"q\":\"2\"");

    cr_expect(first && second && first < second, "%s", text);
}

Test(request, is_refused_while_draining) {
    host_drain(rig.host, 0, NULL, NULL);
    expect(talk("GET /probe/thing HTTP/1.1\r\nHost: x\r\n\r\n"), "503 ", "Retry-After");
}

Test(request, over_the_users_rate_is_answered_429) {
    struct adapter_values *values = adapter_values_new(&probe_adapter);
    struct adapter_error error;
    const struct dm_result ok = { .status = DM_OK };
    int fd;

    rig_fini(&rig);
    cr_assert_eq(adapter_values_set(values, "rate", DM_SLICE("1"), &error), 0);
    cr_assert_eq(adapter_values_set(values, "burst", DM_SLICE("1"), &error), 0);
    rig_init(&rig, &probe_adapter, NULL, values, NULL);
    adapter_values_free(values);
    fd = ask_closed();
    rig_answer_login(&rig, rig_next(&rig), rig_user(1));
    rig_answer(&rig, rig_next(&rig), &ok);
    expect(read_answer(fd), "200 ");
    fd = ask_closed();
    rig_answer_login(&rig, rig_next(&rig), rig_user(1));
    expect(read_answer(fd), "429 ");
}

Test(request, over_the_number_under_way_is_answered_429) {
    const struct host_config config = { .user_requests_max = 1 };
    const struct dm_result ok = { .status = DM_OK };
    int first, second;

    rig_fini(&rig);
    begin(&probe_adapter, &config);
    first = ask_closed();
    second = ask_closed();
    rig_answer_login(&rig, rig_next(&rig), rig_user(1));
    rig_answer_login(&rig, rig_next(&rig), rig_user(1));
    expect(read_answer(second), "429 ", "{\"fault\":429}");
    buf_reset(&answer);
    rig_answer(&rig, rig_next(&rig), &ok);
    expect(read_answer(first), "200 ");
    first = ask_closed();
    rig_answer_login(&rig, rig_next(&rig), rig_user(1));
    rig_answer(&rig, rig_next(&rig), &ok);
    expect(read_answer(first), "200 ");
}

/* Two at once from an address, one of them without credentials; none come back in time. */
static struct address_limit *begin_limited(uint32_t all, uint32_t anonymous) {
    const struct address_limit_config config = {
        .rates = { [ADDRESS_LIMIT_ALL] = { 1, all }, [ADDRESS_LIMIT_ANONYMOUS] = { 1, anonymous } },
    };
    struct address_limit *limit = address_limit_new(&config);
    const struct host_config host = { .addresses = limit };

    rig_fini(&rig);
    begin(&probe_adapter, &host);
    return limit;
}

#define FROM(address) " HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: " address "\r\n"

Test(request, over_the_addresss_rate_is_answered_429) {
    struct address_limit *limit = begin_limited(2, 9);

    expect(talk("GET /probe/thing" FROM("198.51.100.7") "\r\n"), "200 OK");
    expect(talk("GET /probe/nowhere" FROM("198.51.100.7") "\r\n"), "404 Not Found");
    expect(talk("GET /probe/thing" FROM("198.51.100.7") "\r\n"), "429 ", "Retry-After: 1",
           "\"fault\":429");
    expect(talk("GET /probe/nowhere" FROM("198.51.100.7") "\r\n"), "429 ");
    expect(talk("GET /probe/open" FROM("198.51.100.7") "Connection: Upgrade\r\n"
                "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"), "429 ");
    expect(talk("GET /probe/thing" FROM("198.51.100.8") "\r\n"), "200 OK");
    rig_fini(&rig);
    address_limit_free(limit);
    begin(&probe_adapter, NULL);
}

Test(request, strangers_have_a_tighter_rate) {
    struct address_limit *limit = begin_limited(9, 1);
    int fd = rig_connect(&rig);

    expect(talk("POST /probe/closed" FROM("2001:db8::1") "Content-Length: 0\r\n\r\n"), "401 ");
    expect(talk("POST /probe/closed" FROM("2001:db8::2") "Content-Length: 0\r\n\r\n"), "429 ");
    expect(talk("GET /probe/thing" FROM("2001:db8::3") "\r\n"), "429 ");
    buf_reset(&answer);
    rig_talk(&rig, fd, "POST /probe/closed" FROM("2001:db8::4") "Authorization: Bearer t\r\n"
             "Content-Length: 0\r\n\r\n", &answer);
    rig_answer_login(&rig, rig_next(&rig), rig_user(1));
    rig_answer_status(&rig, DM_OK);
    rig_read(&rig, fd, &answer);
    buf_append_char(&answer, '\0');
    expect(answer.data, "200 OK");
    close(fd);
    rig_fini(&rig);
    address_limit_free(limit);
    begin(&probe_adapter, NULL);
}

Test(request, frames_of_strangers_count_for_their_address) {
    struct address_limit *limit = begin_limited(9, 3);
    int fd = rig_socket(&rig, "/probe/open", "X-Forwarded-For: 198.51.100.7\r\n");

    rig_send(&rig, fd, "say 1");
    rig_send(&rig, fd, "say 2");
    (void)probe_log();
    rig_send(&rig, fd, "say 3");
    cr_expect_str_eq(probe_log(), "notice 1 frame=1\n");
    close(fd);
    rig_fini(&rig);
    address_limit_free(limit);
    begin(&probe_adapter, NULL);
}

Test(request, is_counted_by_route_and_status) {
    struct metric_counter *counter = metrics_counter(
        rig.metrics, "dragoman_http_requests_total", "",
        METRIC_LABELS("adapter", "probe", "route", "/thing", "method", "GET", "status", "200"));

    (void)talk("GET /probe/thing HTTP/1.1\r\nHost: x\r\n\r\n");
    cr_expect_eq(counter->value, 1);
}
