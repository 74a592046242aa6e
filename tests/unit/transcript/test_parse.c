#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <string.h>

#include "core/transcript/transcript.h"

static struct transcript *transcript;
static struct transcript_error error;

static int parse(const char *text) {
    transcript_free(transcript);
    transcript = NULL;
    error = (struct transcript_error){ 0 };
    return transcript_parse(dm_slice_str(text), &transcript, &error);
}

static void parses(const char *text) {
    cr_assert(eq(int, parse(text), 0), "line %u: %s", error.line, error.text);
}

static void fails(const char *text, unsigned line, const char *why) {
    cr_expect(eq(int, parse(text), -1), "should be refused: %s", text);
    cr_expect(eq(u32, error.line, line), "%s: line %u (%s)", text, error.line, error.text);
    cr_expect(eq(int, strstr(error.text, why) != NULL, 1), "%s, not %s", error.text, why);
}

static void teardown(void) {
    transcript_free(transcript);
    transcript = NULL;
}

TestSuite(parse, .fini = teardown);

static const struct step *step_at(size_t index) {
    const struct step *step = transcript->steps;
    while (step && index--)
        step = step->next;
    cr_assert(not(eq(ptr, (void *)step, NULL)));
    return step;
}

static char *render(const struct template *template) {
    static char text[512];
    struct vars vars;
    struct buf out = BUF_INIT;
    struct dm_slice unbound;
    vars_init(&vars);
    transcript_bind(transcript, &vars);
    cr_assert(eq(int, template_render(template, &vars, &out, &unbound), 0));
    snprintf(text, sizeof(text), "%.*s", DM_SLICE_FMT(buf_slice(&out)));
    buf_fini(&out);
    vars_fini(&vars);
    return text;
}

Test(parse, the_header_is_kept) {
    parses("# a comment\ntranscript 1\ntitle Two friends\n"
           "user tutor role=TUTOR first_name=\"Ada M.\"\nuser bob\n"
           "var mount=/x\nvar needed\nsetting a.b=\"4 4\"\n");
    cr_assert(eq(int, dm_slice_eq(transcript->title, DM_SLICE("Two friends")), 1));
    cr_assert(eq(int, dm_slice_eq(transcript->users->fields->next->value, DM_SLICE("Ada M.")),
                 1));
    cr_assert(eq(int, dm_slice_eq(transcript->users->next->name, DM_SLICE("bob")), 1));
    cr_assert(eq(ptr, (void *)transcript->vars->next->value.ptr, NULL));
    cr_assert(eq(int, dm_slice_eq(transcript->settings->value, DM_SLICE("4 4")), 1));
}

Test(parse, a_user_has_no_other_fields) {
    parses("transcript 1\nuser u username=u email=e first_name=f last_name=l photo=p color=c\n"
           "user v role=r location=l password=p pin=1234\n");
    fails("transcript 1\nuser u pin=1\nuser ada role=TUTOR\n  pim=471199\n", 3, "no field pim");
}

Test(parse, a_variable_is_given_another_value) {
    parses("transcript 1\nvar m=/p\nvar n\na connect ws $m/$n\n");
    cr_assert(eq(int, dm_slice_eq(transcript_needed(transcript)->name, DM_SLICE("n")), 1));
    cr_assert(eq(int, transcript_give(transcript, "n=1=2"), 1));
    cr_assert(eq(int, transcript_give(transcript, "m="), 1));
    cr_assert(eq(int, transcript_give(transcript, "x=1"), 0));
    cr_assert(eq(int, transcript_give(transcript, "n"), 0));
    cr_assert(eq(ptr, (void *)transcript_needed(transcript), NULL));
    cr_assert(eq(str, render(step_at(0)->path), "/1=2"));
}

Test(parse, a_fill_has_a_limit) {
    parses("transcript 1\na -> {\"m\":\"<fill 67108864>\"}\n");
    fails("transcript 1\na -> {\"m\":\"<fill 67108865>\"}\n", 2, "67108864");
}

Test(parse, statements_go_on_while_they_are_indented) {
    parses("transcript 1\nvar m=/p\na connect ws $m/ws?x=1\n  X-One: 1\n  X-Two: $m\n"
           "a <- {\n  \"o\":\n\n# between\n    10\n}\na -> {\"o\":\n\t1}\n");
    cr_assert(eq(sz, transcript->client_count, 1));
    cr_assert(eq(str, render(step_at(0)->path), "/p/ws?x=1"));
    cr_assert(eq(str, render(step_at(0)->headers->next->out), "/p"));
    cr_assert(eq(int, step_at(1)->kind, STEP_EXPECT));
    cr_assert(eq(u32, step_at(1)->line, 6));
    cr_assert(eq(u32, step_at(2)->line, 12));
    cr_assert(eq(str, render(step_at(2)->out), "{\"o\":\n\t1}"));
}

Test(parse, frames_have_kinds_and_cuts) {
    parses("transcript 1\na -> binary {\"o\":1}\na -> text \"{\\x00\"\na -> ping \"p\"\n"
           "a -> text fragments=1,0,* {}\na <- pong \"p\"\na <- binary \"\\x01\"\na -> textual\n");
    cr_assert(eq(int, step_at(0)->frame, FRAME_BINARY));
    cr_assert(eq(int, step_at(1)->frame, FRAME_TEXT));
    cr_assert(eq(int, step_at(2)->frame, FRAME_PING));
    cr_assert(eq(sz, step_at(3)->cuts.count, 2));
    cr_assert(eq(sz, step_at(3)->cuts.lengths[0], 1));
    cr_assert(eq(int, step_at(4)->frame, FRAME_PONG));
    cr_assert(eq(int, step_at(5)->frame, FRAME_BINARY));
    cr_assert(eq(str, render(step_at(6)->out), "textual"));
}

Test(parse, requests_have_headers_and_bodies) {
    parses("transcript 1\nr POST /a\n  X-A: b c\n  Content-Length: <none>\n  k=v&x=y:z\n"
           "r <- 200\n  X-B: <absent>\n  X-C: <digits>\n  {\"a\":1}\n"
           "r PUT /b [1]\nr <- 404 {\"m\":2}\nr HEAD /c\nr <- 200 ...\nr GET /d\nr <- 204\n"
           "r GET /e\n  text \"X: 1\"\nr <- 200\n");
    cr_assert(eq(int, step_at(0)->kind, STEP_REQUEST));
    cr_assert(eq(ptr, (void *)step_at(0)->headers->next->out, NULL));
    cr_assert(eq(str, render(step_at(0)->out), "k=v&x=y:z"));
    cr_assert(eq(int, step_at(1)->kind, STEP_RESPONSE));
    cr_assert(eq(ptr, (void *)step_at(1)->headers->in, NULL));
    cr_assert(not(eq(ptr, (void *)step_at(1)->headers->next->in, NULL)));
    cr_assert(not(eq(ptr, (void *)step_at(1)->in, NULL)));
    cr_assert(eq(u32, step_at(2)->flags, STEP_JSON_BODY));
    cr_assert(eq(u32, step_at(3)->status, 404));
    cr_assert(eq(u32, step_at(5)->flags, STEP_ANY_BODY));
    cr_assert(eq(ptr, (void *)step_at(7)->in, NULL));
    cr_assert(eq(str, render(step_at(8)->out), "X: 1"));
}

Test(parse, closing_has_codes_and_reasons) {
    parses("transcript 1\na closed\na closed 1005\na closed 1001 \"bye<any>\"\na close\n"
           "a close 4000 \"x\"\na drop\na silent\na ignore\na ignore {\"e\":1,...}\n"
           "a refused 403\na refused 401 {\"m\":1}\na accepted\n  X: y\na headers\n  B: c\n");
    cr_assert(eq(u32, step_at(0)->status, 0));
    cr_assert(eq(u32, step_at(1)->status, 1005));
    cr_assert(not(eq(ptr, (void *)step_at(2)->in, NULL)));
    cr_assert(eq(u32, step_at(4)->status, 4000));
    cr_assert(not(eq(ptr, (void *)step_at(8)->in, NULL)));
    cr_assert(eq(int, step_at(9)->kind, STEP_REFUSED));
    cr_assert(not(eq(ptr, (void *)step_at(11)->headers, NULL)));
}

Test(parse, blocks_hold_steps) {
    parses("transcript 1\nany order\n  a <- 1\n  b <- {\n    \"x\":2}\nrepeat 3\n  a -> $i\n"
           "  repeat 2\n    a <- $i\na -> end\n");
    cr_assert(eq(int, step_at(0)->kind, STEP_ANY_ORDER));
    cr_assert(eq(u32, step_at(0)->steps->next->line, 4));
    cr_assert(eq(sz, step_at(1)->count, 3));
    cr_assert(eq(int, step_at(1)->steps->next->kind, STEP_REPEAT));
    cr_assert(eq(int, step_at(2)->kind, STEP_SEND));
}

Test(parse, an_error_names_its_line) {
    fails("", 1, "begins with");
    fails("title x\n", 1, "begins with");
    fails("transcript 2\n", 1, "begins with");
    fails("transcript 1\na jump\n", 2, "does not know \"jump\"");
    fails("transcript 1\n-> {}\n", 2, "no statement");
    fails("transcript 1\na <- {\"a\":1,\n  \"b\":<uiud>\n}\n", 3, "no such matcher");
    fails("transcript 1\na <- {\"a\":1,\n\n  # c\n  \"b\" 1}\n", 5, "colon");
    fails("transcript 1\na connect /ws\n", 2, "connect ws PATH");
    fails("transcript 1\na connect\n  X: y\n", 2, "connect ws PATH");
    fails("transcript 1\na closed 17\n", 2, "close code");
    fails("transcript 1\na drop it\n", 2, "nothing may follow");
    fails("transcript 1\na -> text \"x\n", 2, "does not end");
    fails("transcript 1\na -> text fragments=1 x\n", 2, "fragments=");
    fails("transcript 1\na headers\n  nonsense\n", 3, "a header is expected");
    fails("transcript 1\nr GET nowhere\n", 2, "a path");
    fails("transcript 1\nr GET /\nr <- {}\n", 3, "three digits");
    fails("transcript 1\nr GET /\n", 0, "has no answer");
    fails("transcript 1\na -> x\nuser b\n", 3, "does not know \"b\"");
    fails("transcript 1\nuser b\nuser b\n", 3, "two users");
    fails("transcript 1\nuser b x = 1\n", 2, "name=value");
    fails("transcript 1\nsetting x\n", 2, "KEY=VALUE");
    fails("transcript 1\nany order\na <- 1\n", 2, "empty");
    fails("transcript 1\nany order\n  a <- 1\n  a -> 1\n", 4, "only expectations");
    fails("transcript 1\nrepeat 9999999\n  a -> x\n", 2, "repeat takes");
}

Test(parse, variables_are_checked_before_the_play) {
    fails("transcript 1\na -> $x\n", 2, "before anything");
    fails("transcript 1\na <- {\"i\":\"$x\"}\n", 2, "never used again");
    fails("transcript 1\na <- {\"i\":\"$thread\"}\na -> $thraed\n", 2, "never used again");
    fails("transcript 1\nuser tutor\na -> $totur.id\n", 3, "no such user");
    fails("transcript 1\na <- {\"i\":<int $n>}\n", 2, "never used again");
    parses("transcript 1\nvar v\na <- {\"i\":\"$x\",\"j\":\"$x\",\"k\":\"$_once\"}\na -> $v\n");
    parses("transcript 1\nuser tutor\na <- {\"i\":\"$tutor.uuid\"}\n");
}

Test(parse, bad_bytes_are_refused) {
    struct dm_slice nul = { "transcript 1\n\0", 14 };
    fails("transcript 1\n\xff\n", 0, "UTF-8");
    cr_assert(eq(int, transcript_parse(nul, &transcript, &error), -1));
}

Test(parse, every_prefix_of_a_transcript_is_survived) {
    static const char text[] =
        "transcript 1\ntitle t\nuser u first_name=\"b c\"\nvar v=1\na connect ws /x\n  H: $v\n"
        "a <- 0{\"a\":<set>[1,<int 1..2 $n>],\"b\"?:\"x$n<uuid>\\u0041\",...}<rs>4[]\n"
        "any order\n  a <- text \"\\x41\"\nr POST /p\n  A: b\n  {\"c\":$n}\nr <- 200\n  C: <none>\n"
        "  [1,...]\nrepeat 2\n  a -> text fragments=1,* \"$i\"\na closed 1000 \"r\"\n";
    char prefix[sizeof(text)];
    parses(text);
    for (size_t len = 0; len < sizeof(text); len++) {
        memcpy(prefix, text, len);
        prefix[len] = '\0';
        int result = parse(prefix);
        cr_expect(eq(int, result < 0, error.text[0] != '\0'));
    }
}
