/* Going down: sockets are told and closed one by one, so that their clients, who all come back at
 * once, do not come back at the same moment. */
#include "core/adapter/internal.h"
#include "core/adapter/sio.h"
#include "core/base/random.h"

/* Steps come at odd times: several gateways that drain together do not beat in time. */
#define STEP_MS 10
#define STEP_JITTER_MS 20

#define MILLI 1000 /* credit is counted in thousandths of a socket */

void host_drained_run(struct loop_hook *hook) {
    struct host *host = container_of(hook, struct host, drain.hook);

    if (host->drain.done)
        host->drain.done(host->drain.userdata);
}

void host_check_drained(struct host *host) {
    if (host->phase != HOST_DRAINING || host->session_count > 0 || !list_is_empty(&host->sios))
        return;
    host->phase = HOST_DRAINED;
    host->drain.left = 0;
    loop_timer_cancel(host->loop, &host->drain.timer);
    loop_hook_mark(host->loop, &host->drain.hook, LOOP_DEFER);
}

/* Goes once round the list as it was when the drain began; who joined later was told then, and to
 * be told twice is harmless. Only open sockets cost credit. */
static void tell_some(struct host *host, uint64_t *credit) {
    while (host->drain.left && *credit >= MILLI && !list_is_empty(&host->sessions)) {
        struct list *link = list_pop_front(&host->sessions);
        struct session *session = container_of(link, struct session, link);

        list_push_back(&host->sessions, link);
        host->drain.left--;
        if (session->state == SESSION_OPEN)
            *credit -= MILLI;
        session_drain(session);
    }
    host_check_drained(host);
}

static void arm_step(struct host *host) {
    loop_timer_arm(host->loop, &host->drain.timer,
                   STEP_MS + random_fast_u64() % (STEP_JITTER_MS + 1));
}

void host_drain_step(struct loop_timer *timer) {
    struct host *host = container_of(timer, struct host, drain.timer);
    uint64_t now = loop_now(host->loop);

    host->drain.credit += (now - host->drain.at) * host->drain.pace;
    host->drain.at = now;
    tell_some(host, &host->drain.credit);
    if (host->drain.left)
        arm_step(host);
}

void host_drain(struct host *host, uint32_t pace, host_drained_fn *done, void *userdata) {
    uint64_t boundless = UINT64_MAX;

    if (host->phase != HOST_ACCEPTING)
        return;
    host->phase = HOST_DRAINING;
    host->drain.done = done;
    host->drain.userdata = userdata;
    host->drain.pace = pace;
    host->drain.at = loop_now(host->loop);
    host->drain.left = host->session_count;
    list_foreach(link, &host->sios)
        sio_drain(container_of(link, struct sio, link));
    if (!pace)
        tell_some(host, &boundless);
    else if (host->drain.left)
        arm_step(host);
    host_check_drained(host);
}

uint32_t host_drain_left(const struct host *host) {
    return host->drain.left;
}
