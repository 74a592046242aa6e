/* load: messages for a chat server, and what became of them as one line of JSON. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/bench/load/fleet.h"

#define OPEN_S 120.0
#define DRAIN_S 10.0
#define TURN_NS 10000000u

struct result {
    uint64_t messages;   /* complete within the measured time */
    double seconds;      /* which was so long */
    uint64_t total;      /* messages complete in all, warm-up and drain included */
    uint64_t unfinished; /* sent and never complete */
};

static void fill_window(struct fleet *fleet, struct member *member) {
    while (member->under_way < fleet->options->window && !fleet_send(member, now_ns()))
        continue;
}

static void do_nothing(struct fleet *fleet, struct member *member) {
}

static void turn_until(struct fleet *fleet, uint64_t end) {
    for (uint64_t now; (now = now_ns()) < end && fleet->lost < fleet->count;)
        fleet_turn(fleet, end - now < TURN_NS ? end - now : TURN_NS);
}

/* Sends at fixed times from `begin` on; each message's latency counts from when it was due, not
 * from when this program came to it. */
static void send_until(struct fleet *fleet, uint64_t begin, uint64_t *next, uint64_t end) {
    double gap = 1e9 / fleet->options->rate;
    for (uint64_t now; (now = now_ns()) < end && fleet->lost < fleet->count;) {
        uint64_t due = begin + (uint64_t)((double)*next * gap);
        while (due <= now && due < end) {
            struct member *member = &fleet->members[*next % fleet->count];
            fleet->errors.overrun += fleet_send(member, due) != 0;
            (*next)++;
            due = begin + (uint64_t)((double)*next * gap);
        }
        uint64_t until = due < end ? due : end;
        now = now_ns();
        fleet_turn(fleet, until > now ? until - now : 0);
    }
}

static uint64_t under_way(const struct fleet *fleet) {
    uint64_t sum = 0;
    for (unsigned i = 0; i < fleet->count; i++)
        sum += fleet->members[i].under_way;
    return sum;
}

static void drain(struct fleet *fleet) {
    uint64_t end = now_ns() + (uint64_t)(DRAIN_S * 1e9);
    fleet->completed = do_nothing;
    while (under_way(fleet) && now_ns() < end && fleet->lost < fleet->count)
        fleet_turn(fleet, TURN_NS);
}

static void measure(struct fleet *fleet, struct result *ret_result) {
    const struct options *options = fleet->options;
    uint64_t begin = now_ns(), next = 0;
    uint64_t warm = begin + (uint64_t)(options->warmup * 1e9);
    uint64_t end = warm + (uint64_t)(options->seconds * 1e9);
    int closed = options->mode != MODE_RATE;
    fleet->completed = closed ? fill_window : do_nothing;
    for (unsigned i = 0; closed && i < (options->mode == MODE_FANOUT ? 1 : fleet->count); i++)
        fill_window(fleet, &fleet->members[i]);
    for (int phase = 0; phase < 2; phase++) {
        uint64_t until = phase ? end : warm;
        fleet->recording = phase;
        ret_result->messages = fleet->complete;
        if (closed)
            turn_until(fleet, until);
        else
            send_until(fleet, begin, &next, until);
    }
    fleet->recording = 0;
    ret_result->messages = fleet->complete - ret_result->messages;
    ret_result->seconds = (double)(now_ns() - warm) / 1e9;
    drain(fleet);
    ret_result->total = fleet->complete;
    ret_result->unfinished = under_way(fleet);
}

/* What comes from here on is no login any more. */
static void tell_opened(const struct fleet *fleet) {
    printf("{\"opened\":%u,\"refused\":%llu}\n", fleet->ready,
           (unsigned long long)fleet->errors.refused);
    fflush(stdout);
}

/* Holds the sockets until nobody listens any more. */
static void hold(struct fleet *fleet) {
    struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
    char byte;
    while (poll(&input, 1, 0) == 0 || read(STDIN_FILENO, &byte, 1) > 0)
        fleet_turn(fleet, TURN_NS);
}

static double cpu_seconds(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void print_latency(const char *name, const struct histogram *histogram) {
    printf("\"%s_us\":{\"p50\":%llu,\"p90\":%llu,\"p99\":%llu,\"max\":%llu},", name,
           (unsigned long long)histogram_quantile(histogram, 0.5),
           (unsigned long long)histogram_quantile(histogram, 0.9),
           (unsigned long long)histogram_quantile(histogram, 0.99),
           (unsigned long long)histogram->max);
}

static void print_result(const struct fleet *fleet, const struct result *result) {
    const struct options *options = fleet->options;
    const struct fleet_errors *errors = &fleet->errors;
    printf("{\"dialect\":\"%s\",\"mode\":\"%s\",\"sockets\":%u,\"window\":%u,\"bytes\":%u,",
           options->dialect->name, mode_name(options->mode), options->sockets, options->window,
           options->bytes);
    printf("\"seconds\":%.3f,\"messages\":%llu,\"rate\":%.1f,\"total\":%llu,", result->seconds,
           (unsigned long long)result->messages,
           result->seconds > 0 ? (double)result->messages / result->seconds : 0.0,
           (unsigned long long)result->total);
    print_latency("confirm", &fleet->confirm);
    print_latency("deliver", &fleet->deliver);
    printf("\"cpu_s\":%.3f,\"unfinished\":%llu,", cpu_seconds(),
           (unsigned long long)result->unfinished);
    printf("\"errors\":{\"refused\":%llu,\"closed\":%llu,\"strange\":%llu,\"overrun\":%llu},"
           "\"reordered\":%llu,\"why\":",
           (unsigned long long)errors->refused, (unsigned long long)errors->closed,
           (unsigned long long)errors->strange, (unsigned long long)errors->overrun,
           (unsigned long long)errors->reordered);
    if (fleet->why)
        printf("\"%s\"}\n", fleet->why);
    else
        printf("null}\n");
}

int main(int argc, char **argv) {
    struct options options;
    struct fleet fleet;
    struct result result = { 0 };
    options_read(argc, argv, &options);
    int r = fleet_init(&fleet, &options);
    if (r) {
        fprintf(stderr, "load: %s\n", strerror(-r));
        return 1;
    }
    fleet.completed = do_nothing;
    fleet_open(&fleet, OPEN_S);
    tell_opened(&fleet);
    if (options.mode == MODE_IDLE)
        hold(&fleet);
    else if (fleet.ready == fleet.count)
        measure(&fleet, &result);
    print_result(&fleet, &result);
    int failed = fleet.ready < fleet.count || fleet.lost || fleet.errors.strange ||
                 result.unfinished;
    fleet_fini(&fleet);
    options_free(&options);
    return failed ? 1 : 0;
}
