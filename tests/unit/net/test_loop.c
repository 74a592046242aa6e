#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "core/net/loop.h"
#include "tests/unit/check.h"

static struct loop *loop_open(void) {
    struct loop *loop;
    cr_assert(eq(int, loop_new(&loop), 0));
    return loop;
}

Test(loop, sigpipe_is_ignored) {
    struct loop *loop = loop_open();
    raise(SIGPIPE);
    loop_free(loop);
}

Test(loop, ends_when_nothing_is_left) {
    struct loop *loop = loop_open();
    loop_run(loop);
    check_true(loop_now(loop) > 0);
    cr_assert(eq(int, loop_run_once(loop), 0));
    loop_free(loop);
    loop_free(NULL);
}

/* ---- hooks ---- */

struct mark {
    struct loop_hook hook;
    struct loop *loop;
    struct mark *next;
    enum loop_phase next_phase;
    char name;
    int left;
};

static char trace[256];
static size_t trace_len;

static void on_mark(struct loop_hook *hook) {
    struct mark *mark = container_of(hook, struct mark, hook);
    if (trace_len < sizeof(trace) - 1)
        trace[trace_len++] = mark->name;
    if (mark->next && mark->left-- > 0)
        loop_hook_mark(mark->loop, &mark->next->hook, mark->next_phase);
}

static void mark_init(struct mark *mark, struct loop *loop, char name) {
    *mark = (struct mark){ .loop = loop, .name = name };
    loop_hook_init(&mark->hook, on_mark);
}

Test(loop, deferred_calls_run_before_flushes_and_each_once) {
    struct loop *loop = loop_open();
    struct mark a, b, c;
    mark_init(&a, loop, 'a');
    mark_init(&b, loop, 'b');
    mark_init(&c, loop, 'c');
    loop_hook_mark(loop, &a.hook, LOOP_FLUSH);
    loop_hook_mark(loop, &b.hook, LOOP_DEFER);
    loop_hook_mark(loop, &c.hook, LOOP_FLUSH);
    loop_hook_mark(loop, &a.hook, LOOP_FLUSH);
    cr_assert(eq(sz, trace_len, 0));
    loop_run(loop);
    cr_assert(eq(str, trace, "bac"));
    loop_run(loop);
    cr_assert(eq(str, trace, "bac"));
    loop_free(loop);
}

Test(loop, marked_by_a_hook_runs_in_the_same_turn) {
    struct loop *loop = loop_open();
    struct mark a, b;
    mark_init(&a, loop, 'a');
    mark_init(&b, loop, 'b');
    a.next = &b;
    a.left = 1;
    a.next_phase = LOOP_DEFER;
    loop_hook_mark(loop, &a.hook, LOOP_FLUSH);
    loop_run_once(loop);
    cr_assert(eq(str, trace, "ab"));
    loop_free(loop);
}

Test(loop, endless_marking_does_not_stop_the_loop) {
    struct loop *loop = loop_open();
    struct mark a, b;
    mark_init(&a, loop, 'a');
    mark_init(&b, loop, 'b');
    a.next = &a;
    a.left = 100;
    loop_hook_mark(loop, &a.hook, LOOP_DEFER);
    loop_hook_mark(loop, &b.hook, LOOP_FLUSH);
    loop_run_once(loop);
    check_true(trace_len > 0 && trace_len < 101);
    /* What leaves is not starved either. */
    check_true(strchr(trace, 'b'));
    loop_run(loop);
    cr_assert(eq(sz, trace_len, 102));
    loop_free(loop);
}

Test(loop, cancelled_hook_does_not_run) {
    struct loop *loop = loop_open();
    struct mark a, b;
    mark_init(&a, loop, 'a');
    mark_init(&b, loop, 'b');
    loop_hook_cancel(&a.hook);
    loop_hook_mark(loop, &a.hook, LOOP_FLUSH);
    loop_hook_mark(loop, &b.hook, LOOP_FLUSH);
    loop_hook_cancel(&a.hook);
    loop_run(loop);
    cr_assert(eq(str, trace, "b"));
    loop_free(loop);
}

/* ---- timers ---- */

struct alarm {
    struct loop_timer timer;
    struct loop *loop;
    uint64_t due;
    int rung;
    int again;
};

static int alarms_rung;
static uint64_t last_due;
static int order_broken;

static void on_alarm(struct loop_timer *timer) {
    struct alarm *alarm = container_of(timer, struct alarm, timer);
    alarms_rung++;
    alarm->rung++;
    if (alarm->due < last_due || loop_now(alarm->loop) < alarm->due)
        order_broken = 1;
    last_due = alarm->due;
    if (alarm->again-- > 0)
        loop_timer_arm(alarm->loop, timer, 0);
}

static void alarm_set(struct alarm *alarm, uint64_t ms) {
    alarm->due = loop_now(alarm->loop) + ms;
    loop_timer_arm(alarm->loop, &alarm->timer, ms);
}

static void alarm_init(struct alarm *alarm, struct loop *loop) {
    *alarm = (struct alarm){ .loop = loop };
    loop_timer_init(&alarm->timer, on_alarm);
}

Test(loop, timers_ring_in_order_however_they_were_moved) {
    enum { COUNT = 500 };
    struct loop *loop = loop_open();
    struct alarm *alarms = calloc(COUNT, sizeof(*alarms));
    uint64_t seed = 7;
    int expected = 0;
    for (size_t i = 0; i < COUNT; i++)
        alarm_init(&alarms[i], loop);
    for (int i = 0; i < 5000; i++) {
        struct alarm *alarm = &alarms[sequence_next(&seed) % COUNT];
        if (sequence_next(&seed) % 4)
            alarm_set(alarm, 1 + sequence_next(&seed) % 60);
        else
            loop_timer_cancel(loop, &alarm->timer);
    }
    for (size_t i = 0; i < COUNT; i++)
        expected += loop_timer_is_armed(&alarms[i].timer);
    loop_run(loop);
    cr_assert(eq(int, alarms_rung, expected));
    check_true(expected > 0 && !order_broken);
    for (size_t i = 0; i < COUNT; i++)
        check_true(!loop_timer_is_armed(&alarms[i].timer) && alarms[i].rung <= 1);
    free(alarms);
    loop_free(loop);
}

Test(loop, timer_may_arm_itself_again) {
    struct loop *loop = loop_open();
    struct alarm alarm;
    alarm_init(&alarm, loop);
    alarm.again = 3;
    alarm_set(&alarm, 0);
    loop_run(loop);
    cr_assert(eq(int, alarms_rung, 4));
    loop_free(loop);
}

Test(loop, cancelled_timer_lets_the_loop_end) {
    struct loop *loop = loop_open();
    struct alarm alarm;
    alarm_init(&alarm, loop);
    loop_timer_cancel(loop, &alarm.timer);
    alarm_set(&alarm, 3600000);
    loop_timer_cancel(loop, &alarm.timer);
    loop_run(loop);
    cr_assert(eq(int, alarms_rung, 0));
    loop_free(loop);
}

Test(loop, timer_moved_later_waits_and_moved_earlier_does_not) {
    struct loop *loop = loop_open();
    struct alarm late, early, between;
    alarm_init(&late, loop);
    alarm_init(&early, loop);
    alarm_init(&between, loop);
    alarm_set(&late, 5);
    alarm_set(&late, 40);
    alarm_set(&early, 3600000);
    alarm_set(&early, 10);
    alarm_set(&between, 20);
    loop_run(loop);
    cr_assert(eq(int, alarms_rung, 3));
    check_true(!order_broken);
    loop_free(loop);
}

/* ---- jobs ---- */

struct work {
    struct loop_job job;
    int worked;
    int status;
    int done;
};

static void do_work(struct loop_job *job) {
    container_of(job, struct work, job)->worked = 1;
}

static void work_done(struct loop_job *job, int status) {
    struct work *work = container_of(job, struct work, job);
    work->status = status;
    work->done++;
}

Test(loop, jobs_complete_on_the_loop_only) {
    struct loop *loop = loop_open();
    struct work works[20] = { 0 };
    for (size_t i = 0; i < ARRAY_LEN(works); i++)
        loop_job_start(loop, &works[i].job, do_work, work_done);
    for (size_t i = 0; i < ARRAY_LEN(works); i++)
        cr_assert(eq(int, works[i].done, 0));
    int cancelled = loop_job_cancel(&works[19].job);
    loop_run(loop);
    for (size_t i = 0; i < ARRAY_LEN(works); i++) {
        cr_assert(eq(int, works[i].done, 1));
        cr_assert(eq(int, works[i].status, i == 19 && cancelled == 0 ? -ECANCELED : 0));
        cr_assert(eq(int, works[i].worked, works[i].status == 0));
    }
    cr_assert(eq(int, loop_job_cancel(&works[0].job), -EBUSY));
    loop_free(loop);
}

static void on_stop(struct loop_timer *timer) {
    struct alarm *alarm = container_of(timer, struct alarm, timer);
    loop_stop(alarm->loop);
}

Test(loop, stop_ends_the_run) {
    struct loop *loop = loop_open();
    struct alarm stop, later;
    alarm_init(&stop, loop);
    alarm_init(&later, loop);
    loop_timer_init(&stop.timer, on_stop);
    alarm_set(&later, 3600000);
    alarm_set(&stop, 1);
    loop_run(loop);
    cr_assert(eq(int, alarms_rung, 0));
    loop_timer_cancel(loop, &later.timer);
    loop_free(loop);
}
