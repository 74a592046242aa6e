#include <criterion/criterion.h>
#include <signal.h>

#include "core/kit/judge.h"

static struct outcome outcome;
static struct buf reason;

static void setup(void) {
    outcome = (struct outcome){ .note = "" };
}

static void teardown(void) {
    buf_fini(&outcome.told);
    buf_fini(&outcome.log);
    buf_fini(&reason);
}

TestSuite(judge, .init = setup, .fini = teardown);

static void tell(enum trial_end end, const char *why, struct dm_slice secrets) {
    buf_append_char(&outcome.told, (char)end);
    buf_append_str(&outcome.told, why);
    buf_append_char(&outcome.told, '\0');
    buf_append_slice(&outcome.told, secrets);
}

static const char *judged(enum trial_end expected) {
    cr_expect_eq(judge_outcome(&outcome, &reason), expected);
    buf_append_char(&reason, '\0');
    return reason.data;
}

Test(judge, repeats_what_the_trial_says) {
    tell(TRIAL_SKIPPED, "nothing to try", DM_SLICE(""));
    buf_append_str(&outcome.log, "ts=1 msg=fine\n");
    cr_expect_str_eq(judged(TRIAL_SKIPPED), "nothing to try");
    cr_expect_eq(judge_told(&outcome), TRIAL_SKIPPED);
}

Test(judge, fails_what_the_host_complains_of) {
    tell(TRIAL_PASSED, "12 frames", DM_SLICE(""));
    buf_append_str(&outcome.log, "ts=1 msg=fine\nts=2 msg=\"adapter broke the contract\" what=x\n"
                                 "ts=3 msg=fine\n");
    cr_expect_str_eq(judged(TRIAL_FAILED), "the host complains: "
                                           "ts=2 msg=\"adapter broke the contract\" what=x");
    cr_expect_eq(judge_told(&outcome), TRIAL_PASSED);
}

Test(judge, tells_a_complaint_below_the_reason_of_a_failure) {
    tell(TRIAL_FAILED, "the frame differs", DM_SLICE(""));
    buf_append_str(&outcome.log, "ts=1 msg=fine\nts=2 msg=\"adapter left a frame unfinished\"");
    cr_expect_str_eq(judged(TRIAL_FAILED), "the frame differs\nthe host complains: "
                                           "ts=2 msg=\"adapter left a frame unfinished\"");
}

Test(judge, tells_what_the_adapter_warned_of) {
    tell(TRIAL_FAILED, "no frame\n", DM_SLICE(""));
    buf_append_str(&outcome.log, "ts=1 level=info msg=\"adapter says\" text=fine\n"
                                 "ts=2 level=warning msg=\"adapter says\" text=hm\n"
                                 "ts=3 level=error msg=\"adapter says\" text=oh\n"
                                 "ts=4 level=error msg=other\n");
    cr_expect_str_eq(judged(TRIAL_FAILED),
                     "no frame\n"
                     "the adapter says: ts=2 level=warning msg=\"adapter says\" text=hm\n"
                     "the adapter says: ts=3 level=error msg=\"adapter says\" text=oh");
}

Test(judge, takes_no_warning_of_the_adapter_for_a_failure) {
    tell(TRIAL_PASSED, "fine", DM_SLICE(""));
    buf_append_str(&outcome.log, "ts=1 level=error msg=\"adapter says\" text=oh\n");
    cr_expect_str_eq(judged(TRIAL_PASSED), "fine");
}

Test(judge, tells_each_complaint_once_and_a_few_of_them) {
    tell(TRIAL_FAILED, "no", DM_SLICE(""));
    for (int i = 0; i < 40; i++)
        buf_printf(&outcome.log, "ts=%d msg=\"adapter broke the contract\" what=%c\n", i,
                   'a' + i / 4);
    cr_expect_str_eq(judged(TRIAL_FAILED), "no\n"
        "the host complains: ts=0 msg=\"adapter broke the contract\" what=a\n"
        "the host complains: ts=4 msg=\"adapter broke the contract\" what=b\n"
        "the host complains: ts=8 msg=\"adapter broke the contract\" what=c\n"
        "the host complains: ts=12 msg=\"adapter broke the contract\" what=d\n"
        "the host complains: ts=16 msg=\"adapter broke the contract\" what=e");
}

Test(judge, tells_a_complaint_long_before_a_crash) {
    outcome.status = SIGSEGV;
    buf_append_str(&outcome.log, "ts=0 msg=\"adapter broke the contract\" what=x\n");
    for (int i = 0; i < 100; i++)
        buf_append_str(&outcome.log, "ts=1 msg=\"something came\"\n");
    cr_expect(strstr(judged(TRIAL_FAILED), "\nthe host complains: "
                                           "ts=0 msg=\"adapter broke the contract\" what=x"));
}

Test(judge, finds_each_secret_in_the_log) {
    tell(TRIAL_PASSED, "", DM_SLICE("not there\0hidden!!\0"));
    buf_append_str(&outcome.log, "ts=1 msg=\"a hidden!! thing\"\n");
    cr_expect_str_eq(judged(TRIAL_FAILED), "a secret stands in the log, one of 8 bytes");
}

Test(judge, finds_a_pin_that_the_adapter_says) {
    tell(TRIAL_PASSED, "", DM_SLICE("4711\0"));
    buf_append_str(&outcome.log, "ts=1 msg=fine session=4711\n"
                                 "ts=2 msg=\"adapter says\" adapter=x text=\"pin 4711!\"\n");
    cr_expect_str_eq(judged(TRIAL_FAILED), "a secret stands in the log, one of 4 bytes");
}

Test(judge, takes_no_number_for_a_pin) {
    tell(TRIAL_PASSED, "fine", DM_SLICE("4711\0" "12\0"));
    buf_append_str(&outcome.log, "ts=4711 msg=fine session=4711\n"
                                 "ts=2 msg=\"adapter says\" adapter=x text=\"147112 is 12\"\n"
                                 "ts=3 msg=fine text=4711\n");
    cr_expect_str_eq(judged(TRIAL_PASSED), "fine");
}

Test(judge, takes_no_empty_secret_for_one) {
    tell(TRIAL_PASSED, "fine", DM_SLICE("\0\0"));
    buf_append_str(&outcome.log, "ts=1\n");
    cr_expect_str_eq(judged(TRIAL_PASSED), "fine");
}

Test(judge, tells_a_crash_with_what_was_done_and_the_log) {
    outcome.status = SIGSEGV;
    outcome.note = "happy-path:3";
    buf_append_str(&outcome.log, "ts=1 msg=one\nts=2 msg=two");
    cr_expect_str_eq(judged(TRIAL_FAILED), "crashed: Segmentation fault\nat: happy-path:3\n"
                                           "log: ts=1 msg=one\nlog: ts=2 msg=two");
    cr_expect_eq(judge_told(&outcome), TRIAL_FAILED);
}

Test(judge, tells_what_has_no_end) {
    outcome.status = SIGALRM;
    cr_expect_str_eq(judged(TRIAL_FAILED), "it does not come to an end");
}

Test(judge, tells_a_leak_of_a_trial_that_passed) {
    tell(TRIAL_PASSED, "fine", DM_SLICE(""));
    outcome.status = 99 << 8;
    cr_expect_str_eq(judged(TRIAL_FAILED), "exit status 99 after the trial: memory leaked");
    cr_expect_eq(judge_told(&outcome), TRIAL_PASSED);
}

/* ---- the log's tail ---- */

static const char *tail_of(const char *log) {
    judge_log_tail(dm_slice_str(log), &reason);
    buf_append_char(&reason, '\0');
    return reason.data;
}

Test(judge, shows_the_log_from_a_lines_start) {
    struct buf log = BUF_INIT;
    const char *shown;
    for (int i = 0; i < 100; i++)
        buf_printf(&log, "ts=%03d msg=\"something came\"\n", i);
    buf_append_char(&log, '\0');
    shown = tail_of(log.data);
    cr_expect_eq(strncmp(shown, "\nlog: ts=0", 10), 0, "%s", shown);
    cr_expect_str_eq(strrchr(shown, '\n'), "\nlog: ts=099 msg=\"something came\"");
    cr_expect_lt(strlen(shown), 2000);
    buf_fini(&log);
}

Test(judge, shows_a_line_longer_than_the_tail_whole) {
    static char log[4001];
    memset(log, 'x', sizeof(log) - 1);
    log[10] = log[sizeof(log) - 2] = '\n';
    cr_expect_eq(strlen(tail_of(log)), sizeof(log) - 2 - 11 + strlen("\nlog: "));
}

Test(judge, shows_the_beginning_of_a_report_rather_than_its_end) {
    struct buf log = BUF_INIT;
    const char *shown;
    buf_append_str(&log, "ts=1 msg=fine\n==7==ERROR: AddressSanitizer: heap-use-after-free\n");
    for (int i = 0; i < 100; i++)
        buf_append_str(&log, "  and a legend of all that there is\n");
    buf_append_char(&log, '\0');
    shown = tail_of(log.data);
    cr_expect_eq(strncmp(shown, "\nlog: ==7==ERROR: AddressSanitizer", 34), 0, "%s", shown);
    cr_expect_lt(strlen(shown), 2000);
    buf_fini(&log);
}

Test(judge, shows_nothing_of_an_empty_log) {
    cr_expect_str_eq(tail_of(""), "");
}
