#include "tests/unit/adapter/polling.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <unistd.h>

char polling_answer[65536];
static struct rig *rig;

void polling_use(struct rig *used) {
    rig = used;
}

int polling_ask(int fd, const char *method, const char *query, const char *body) {
    struct buf request = BUF_INIT, got = BUF_INIT;
    const char *head_end;
    int status = 0;

    buf_printf(&request, "%s /echo/io/?%s HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n%s",
               method, query, strlen(body), body);
    buf_append_char(&request, '\0');
    rig_talk(rig, fd, request.data, &got);
    buf_append_char(&got, '\0');
    polling_answer[0] = '\0';
    if (got.len > 1) {
        cr_assert_eq(sscanf(got.data, "HTTP/1.1 %d", &status), 1);
        head_end = strstr(got.data, "\r\n\r\n");
        (void)snprintf(polling_answer, sizeof(polling_answer), "%s", head_end ? head_end + 4 : "");
    }
    buf_fini(&request);
    buf_fini(&got);
    return status;
}

int polling_ask_once(const char *method, const char *query, const char *body) {
    int fd = rig_connect(rig);
    int status = polling_ask(fd, method, query, body);

    close(fd);
    rig_settle(rig);
    return status;
}

void polling_expect_refused(const char *method, const char *query, const char *body, int code) {
    char wanted[32];

    (void)snprintf(wanted, sizeof(wanted), "{\"code\":%d,\"message\":", code);
    cr_expect_eq(polling_ask_once(method, query, body), 400, "%s", query);
    cr_expect_eq(strncmp(polling_answer, wanted, strlen(wanted)), 0, "%s: %s", query,
                 polling_answer);
}

const char *polling_open(void) {
    static char query[96];
    const char *sid;

    cr_assert_eq(polling_ask_once("GET", "EIO=4&transport=polling", ""), 200);
    sid = strstr(polling_answer, "\"sid\":\"");
    cr_assert_not_null(sid);
    cr_expect_not_null(strstr(polling_answer, "\"upgrades\":[\"websocket\"],"
                                              "\"pingInterval\":30000,\"pingTimeout\":20000,"
                                              "\"maxPayload\":1048576}"));
    (void)snprintf(query, sizeof(query), "EIO=4&transport=polling&sid=%.22s", sid + 7);
    return query;
}

void polling_expect_body(const char *wanted) {
    cr_expect_str_eq(polling_answer, wanted);
}
