#include <criterion/criterion.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/adapter/builtin.h"
#include "tests/unit/adapter/rig.h"

#define THREAD "bb000000-0000-0000-0000-000000000000"
#define PERSON "00000000-0000-0000-0000-000000000003"

static struct rig rig;
static struct buf answer;
static const struct dm_result ok = { .status = DM_OK };

static void setup(void) {
    for (const struct dm_adapter *const *a = builtin_adapters; *a; a++)
        if (strcmp((*a)->name, "opcode") == 0)
            rig_init(&rig, *a, NULL, NULL, NULL);
}

static void teardown(void) {
    rig_fini(&rig);
    buf_fini(&answer);
}

TestSuite(opcode_rest, .init = setup, .fini = teardown);

/* Sends a request as a user, up to the command that it causes. */
static int ask(const char *line, const char *body) {
    struct buf request = BUF_INIT;
    int fd = rig_connect(&rig);

    buf_printf(&request, "%s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer t\r\n"
               "Content-Length: %zu\r\n\r\n%s", line, strlen(body), body);
    buf_append_char(&request, '\0');
    buf_reset(&answer);
    rig_talk(&rig, fd, request.data, &answer);
    buf_fini(&request);
    if (rig.answered < rig.command_count
        && rig_next(&rig)->command.kind == DM_CMD_AUTHENTICATE)
        rig_answer_login(&rig, rig_next(&rig), rig_user(0));
    return fd;
}

static const char *finish(int fd) {
    rig_read(&rig, fd, &answer);
    buf_append_char(&answer, '\0');
    close(fd);
    rig_settle(&rig);
    return answer.data;
}

static void expect(int fd, const char *status, const char *body) {
    const char *text = finish(fd);

    cr_expect_eq(strncmp(text, status, strlen(status)), 0, "%s is not %s", text, status);
    text = strstr(text, "\r\n\r\n");
    cr_assert_not_null(text);
    cr_expect_str_eq(text + 4, body);
}

static struct dm_message message;
static struct dm_thread thread;

static void fill(void) {
    message = (struct dm_message){ .uuid = { { 0xaa } }, .thread_uuid = { { 0xbb } },
                                   .author = rig_user(0), .text = DM_SLICE("hi"),
                                   .created_us = INT64_C(1763627361000001) };
    thread = (struct dm_thread){ .uuid = { { 0xbb } }, .peer = rig_user(2),
                                 .state = DM_THREAD_REQUESTED, .last_message = &message,
                                 .message_count = 4 };
}

#define MESSAGE_JSON \
    "{\"id\":\"aa000000-0000-0000-0000-000000000000\"," \
    "\"sender_id\":\"00000000-0000-0000-0000-000000000001\"," \
    "\"timestamp\":\"2025-11-20T08:29:21.000001\",\"message\":\"hi\",\"state\":\"s\"}"
#define THREAD_JSON(messages) \
    "{\"id\":\"" THREAD "\",\"recipient\":{\"id\":\"" PERSON "\",\"first_name\":\"user2\"," \
    "\"last_name\":\"\"},\"message_count\":4,\"messages\":[" messages "],\"state\":\"r\"}"

Test(opcode_rest, lists_threads) {
    const struct dm_thread *const threads[] = { &thread };
    const struct dm_result result = { .status = DM_OK, .threads = threads, .thread_count = 1 };
    int fd = ask("GET /opcode/thread/", "");

    fill();
    cr_expect_eq(rig_next(&rig)->command.kind, DM_CMD_THREAD_LIST);
    rig_answer(&rig, rig_next(&rig), &result);
    expect(fd, "HTTP/1.1 200", "[" THREAD_JSON(MESSAGE_JSON) "]");
    fd = ask("GET /opcode/thread", "");
    rig_answer(&rig, rig_next(&rig), &ok);
    expect(fd, "HTTP/1.1 200", "[]");
}

Test(opcode_rest, lists_any_number_of_threads_in_pieces) {
    const struct dm_thread *const threads[] = { &thread, &thread };
    const struct dm_result page = { .status = DM_OK, .threads = threads, .thread_count = 2,
                                    .next_cursor = 77 };
    const struct dm_result last = { .status = DM_OK, .threads = threads, .thread_count = 1 };
    const char *text;
    int threads_told = 0;
    int fd = ask("GET /opcode/thread", "");

    fill();
    cr_expect_eq(rig_next(&rig)->command.cursor, 0);
    for (int i = 0; i < 2; i++) {
        rig_answer(&rig, rig_next(&rig), &page);
        cr_expect_eq(rig_next(&rig)->command.kind, DM_CMD_THREAD_LIST);
        cr_expect_eq(rig_next(&rig)->command.cursor, 77);
    }
    rig_answer(&rig, rig_next(&rig), &last);
    text = finish(fd);
    cr_expect_not_null(strstr(text, "Transfer-Encoding: chunked"));
    cr_expect_not_null(strstr(text, "\r\n[{"));
    cr_expect_not_null(strstr(text, "}]\r\n0\r\n\r\n"));
    for (; (text = strstr(text, "\"recipient\"")); text++)
        threads_told++;
    cr_expect_eq(threads_told, 5);
}

Test(opcode_rest, breaks_off_a_list_that_cannot_be_finished) {
    const struct dm_result page = { .status = DM_OK, .next_cursor = 77 };
    int fd = ask("GET /opcode/thread", "");

    rig_answer(&rig, rig_next(&rig), &page);
    rig_answer_status(&rig, DM_UNAVAILABLE);
    cr_expect_null(strstr(finish(fd), "\r\n0\r\n"));
}

static void expect_page(const char *query, uint32_t limit, uint64_t offset) {
    const struct dm_message *const messages[] = { &message, &message };
    const struct dm_result result = { .status = DM_OK, .thread = &thread, .messages = messages,
                                      .message_count = 2 };
    char line[128];
    int fd;

    (void)snprintf(line, sizeof(line), "GET /opcode/thread/%s%s", THREAD, query);
    fd = ask(line, "");
    cr_expect_eq(rig_next(&rig)->command.kind, DM_CMD_HISTORY);
    cr_expect_eq(rig_next(&rig)->command.flags, DM_CMD_MARK_READ);
    cr_expect_eq(rig_next(&rig)->command.thread.uuid.bytes[0], 0xbb);
    cr_expect_eq(rig_next(&rig)->command.limit, limit, "%s", query);
    cr_expect_eq(rig_next(&rig)->command.offset, offset, "%s", query);
    rig_answer(&rig, rig_next(&rig), &result);
    expect(fd, "HTTP/1.1 200", THREAD_JSON(MESSAGE_JSON "," MESSAGE_JSON));
}

Test(opcode_rest, pages_a_thread) {
    fill();
    expect_page("", 10, 0);
    expect_page("?page=2", 10, 20);
    expect_page("?page_size=3&page=1", 3, 3);
    expect_page("?page_size=101", 100, 0);
    expect_page("?page_size=0", 1, 0);
    expect_page("?page_size=-1&page=x", 10, 0);
    expect_page("?page=99999999999999999999999", 10, UINT64_C(1000000000));
}

Test(opcode_rest, sends_and_shows_the_thread_afterwards) {
    const struct dm_result held = { .status = DM_HELD, .thread = &thread, .message = &message };
    const struct dm_result shown = { .status = DM_OK, .thread = &thread };
    int fd = ask("POST /opcode/thread", "{\"to\":\"" PERSON "\",\"message\":\"hi\"}");

    fill();
    cr_expect_eq(rig_next(&rig)->command.kind, DM_CMD_SEND);
    cr_expect_eq(rig_next(&rig)->command.flags, DM_CMD_USER_OR_CHAT);
    cr_expect_str_eq(rig_next(&rig)->text, "hi");
    rig_answer(&rig, rig_next(&rig), &held);
    cr_expect_eq(rig_next(&rig)->command.kind, DM_CMD_THREAD_GET);
    cr_expect_eq(rig_next(&rig)->command.thread.uuid.bytes[0], 0xbb);
    rig_answer(&rig, rig_next(&rig), &shown);
    expect(fd, "HTTP/1.1 200", THREAD_JSON(MESSAGE_JSON));
    fd = ask("POST /opcode/thread/" THREAD, "{\"message\":\"hi\"}");
    cr_expect_eq(rig_next(&rig)->command.thread.uuid.bytes[0], 0xbb);
    cr_expect_eq(rig_next(&rig)->command.user.kind, DM_REF_NONE);
    rig_answer_status(&rig, DM_NO_THREAD);
    expect(fd, "HTTP/1.1 404", "{\"message\":\"Not Found\"}");
}

Test(opcode_rest, says_why_it_cannot_send) {
    static const struct {
        enum dm_status status;
        const char *line, *body;
    } cases[] = {
        { DM_NO_USER, "HTTP/1.1 400", "{\"message\":\"Recipient not found\"}" },
        { DM_NO_THREAD, "HTTP/1.1 400", "{\"message\":\"Recipient not found\"}" },
        { DM_SELF, "HTTP/1.1 400", "{\"message\":\"Recipient is the sender\"}" },
        { DM_BLOCKED, "HTTP/1.1 400", "{\"message\":\"Thread is blocked\"}" },
        { DM_INVALID, "HTTP/1.1 400", "{\"message\":\"Message is empty or no text\"}" },
        { DM_UNAVAILABLE, "HTTP/1.1 503", "{\"message\":\"Service Unavailable\"}" },
        { DM_LIMITED, "HTTP/1.1 429", "{\"message\":\"Too Many Requests\"}" },
        { DM_INTERNAL, "HTTP/1.1 500", "{\"message\":\"Internal Server Error\"}" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int fd = ask("POST /opcode/thread", "{\"to\":\"" PERSON "\",\"message\":\"hi\"}");

        rig_answer_status(&rig, cases[i].status);
        expect(fd, cases[i].line, cases[i].body);
    }
}

Test(opcode_rest, refuses_bad_bodies_and_ids) {
    static const char *const bodies[] = { "", "x", "[]", "{}", "{\"to\":\"" PERSON "\"}",
                                          "{\"message\":\"x\"}", "{\"to\":1,\"message\":\"x\"}",
                                          "{\"to\":\"x\",\"message\":\"x\"}" };

    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
        expect(ask("POST /opcode/thread", bodies[i]), "HTTP/1.1 400",
               "{\"message\":\"Bad Request\"}");
    expect(ask("GET /opcode/thread/x", ""), "HTTP/1.1 404", "{\"message\":\"Not Found\"}");
    expect(ask("POST /opcode/thread/x/block", ""), "HTTP/1.1 404", "{\"message\":\"Not Found\"}");
    expect(ask("POST /opcode/thread/" THREAD "/deny", ""), "HTTP/1.1 404",
           "{\"message\":\"Not Found\"}");
    expect(ask("PUT /opcode/thread", ""), "HTTP/1.1 405",
           "{\"message\":\"Method Not Allowed\"}");
    cr_expect_eq(rig.command_count, rig.answered);
}

Test(opcode_rest, changes_the_state_of_a_thread) {
    int fd = ask("POST /opcode/thread/" THREAD "/approve/", "");

    cr_expect_eq(rig_next(&rig)->command.kind, DM_CMD_APPROVE);
    rig_answer(&rig, rig_next(&rig), &ok);
    expect(fd, "HTTP/1.1 204", "");
    fd = ask("POST /opcode/thread/" THREAD "/block", "");
    cr_expect_eq(rig_next(&rig)->command.kind, DM_CMD_BLOCK);
    rig_answer_status(&rig, DM_FORBIDDEN);
    expect(fd, "HTTP/1.1 403", "{\"message\":\"Forbidden\"}");
    fd = ask("POST /opcode/thread/" THREAD "/block", "");
    rig_answer_status(&rig, DM_NO_THREAD);
    expect(fd, "HTTP/1.1 404", "{\"message\":\"Not Found\"}");
}

Test(opcode_rest, tells_bad_tokens_from_expired_ones) {
    static const char request[] = "GET /opcode/profile HTTP/1.1\r\nHost: x\r\n%s\r\n";
    static const struct {
        enum dm_status status;
        const char *body;
    } cases[] = {
        { DM_UNAUTHENTICATED, "{\"message\":\"invalid_token\"}" },
        { DM_TOKEN_EXPIRED, "{\"message\":\"token_expired\"}" },
    };

    for (size_t i = 0; i < 2; i++) {
        char text[256];
        int fd = rig_connect(&rig);

        (void)snprintf(text, sizeof(text), request, "Authorization: Bearer t\r\n");
        buf_reset(&answer);
        rig_talk(&rig, fd, text, &answer);
        rig_answer_status(&rig, cases[i].status);
        expect(fd, "HTTP/1.1 401", cases[i].body);
    }
}

static int ask_token(const char *type, const char *body) {
    struct buf request = BUF_INIT;
    int fd = rig_connect(&rig);

    buf_printf(&request, "POST /opcode/oauth/token HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\n"
               "Content-Length: %zu\r\n\r\n%s", type, strlen(body), body);
    buf_append_char(&request, '\0');
    buf_reset(&answer);
    rig_talk(&rig, fd, request.data, &answer);
    buf_fini(&request);
    return fd;
}

static void expect_login(int fd) {
    const struct dm_result tokens = { .status = DM_OK, .access_token = DM_SLICE("A"),
                                      .refresh_token = DM_SLICE("R"), .expires_in = 60 };

    cr_expect_eq(rig.last_flags, ENGINE_SESSION_HANDSHAKE);
    cr_expect_eq(rig_next(&rig)->command.kind, DM_CMD_LOGIN);
    cr_expect_eq(rig_next(&rig)->command.secret_kind, DM_SECRET_PASSWORD);
    cr_expect_eq(rig_next(&rig)->command.flags & DM_CMD_WITH_TOKENS, DM_CMD_WITH_TOKENS);
    rig_answer(&rig, rig_next(&rig), &tokens);
    cr_expect_not_null(strstr(answer.len ? answer.data : "x", "x"));
    expect(fd, "HTTP/1.1 200", "{\"access_token\":\"A\",\"expires_in\":60,\"token_type\":"
           "\"Bearer\",\"scope\":\"*\",\"refresh_token\":\"R\"}");
    cr_expect_not_null(strstr(answer.data, "Cache-Control: no-store"));
}

Test(opcode_rest, gives_tokens_for_json_and_forms) {
    expect_login(ask_token("application/json", "{\"username\":\"u\",\"password\":\"p\","
                           "\"client_id\":1,\"grant_type\":\"password\"}"));
    expect_login(ask_token("application/x-www-form-urlencoded; charset=utf-8",
                           "username=u&password=p&grant_type=password"));
}

Test(opcode_rest, refuses_tokens_in_the_words_of_oauth) {
    int fd = ask_token("application/json", "{\"grant_type\":\"refresh_token\","
                       "\"refresh_token\":\"r\"}");

    cr_expect_eq(rig_next(&rig)->command.kind, DM_CMD_REFRESH);
    rig_answer_status(&rig, DM_TOKEN_EXPIRED);
    expect(fd, "HTTP/1.1 400", "{\"error\":\"invalid_grant\",\"error_description\":"
           "\"bad or expired refresh_token\"}");
    fd = ask_token("application/json", "{\"grant_type\":\"password\",\"username\":\"u\","
                   "\"password\":\"p\"}");
    rig_answer_status(&rig, DM_UNAUTHENTICATED);
    expect(fd, "HTTP/1.1 400", "{\"error\":\"invalid_grant\",\"error_description\":"
           "\"wrong username or password\"}");
    cr_expect_not_null(strstr(finish(ask_token("application/json", "{")), "invalid_request"));
    cr_expect_not_null(strstr(finish(ask_token("application/json",
                                               "{\"grant_type\":\"password\"}")),
                              "invalid_request"));
    cr_expect_not_null(strstr(finish(ask_token("text/plain", "{\"grant_type\":\"x\"}")),
                              "unsupported_grant_type"));
}

static int ask_register(const char *body) {
    struct buf request = BUF_INIT;
    int fd = rig_connect(&rig);

    buf_printf(&request, "POST /opcode/register HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n"
               "\r\n%s", strlen(body), body);
    buf_append_char(&request, '\0');
    buf_reset(&answer);
    rig_talk(&rig, fd, request.data, &answer);
    buf_fini(&request);
    return fd;
}

Test(opcode_rest, registers) {
    const struct dm_result made = { .status = DM_OK, .user = rig_user(1) };
    int fd = ask_register("{\"email\":\"a@b\",\"password\":\"p\",\"role\":\"t\","
                          "\"first_name\":null,\"last_name\":\"\"}");

    cr_expect_eq(rig_next(&rig)->command.kind, DM_CMD_REGISTER);
    cr_expect_eq(rig_next(&rig)->command.flags & DM_CMD_LOGIN_AFTER, 0);
    cr_expect_null(rig_next(&rig)->command.profile.first_name.ptr);
    cr_expect_null(rig_next(&rig)->command.profile.last_name.ptr);
    rig_answer(&rig, rig_next(&rig), &made);
    expect(fd, "HTTP/1.1 201", "{\"id\":\"00000000-0000-0000-0000-000000000002\","
           "\"first_name\":\"user1\",\"last_name\":\"\",\"email\":null,\"username\":\"user1\","
           "\"location\":null,\"role\":\"s\"}");
    fd = ask_register("{\"email\":\"a@b\",\"password\":\"p\",\"role\":\"s\"}");
    rig_answer_status(&rig, DM_EXISTS);
    expect(fd, "HTTP/1.1 409", "{\"message\":\"Conflict\"}");
    expect(ask_register("{\"email\":\"a@b\",\"password\":\"p\",\"role\":\"a\"}"),
           "HTTP/1.1 403", "{\"message\":\"Forbidden\"}");
    expect(ask_register("{\"email\":\"ab\",\"password\":\"p\",\"role\":\"s\"}"),
           "HTTP/1.1 400", "{\"message\":\"Bad Request\"}");
    expect(ask_register("{\"email\":\"a@b\",\"password\":\"\",\"role\":\"s\"}"),
           "HTTP/1.1 400", "{\"message\":\"Bad Request\"}");
}
