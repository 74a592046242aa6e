#include "core/server/measure.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "core/adapter/adapter.h"
#include "core/base/clock.h"
#include "core/net/stream.h"
#include "storage/store_pg.h"
#include "version.h"

#define LOOK_MS 250
#define TEXT_MAX 8192

#define STRING_OF(x) #x
#define DIGITS(x) STRING_OF(x)

/* ---- the loop ---- */

static void arm(struct measure *measure) {
    measure->armed_ns = clock_mono_ns();
    loop_timer_arm(measure->loop, &measure->timer, LOOK_MS);
}

/* The timer counts from the beginning of the turn that armed it, so that a little less than its
 * time may pass. */
static void look(struct loop_timer *timer) {
    struct measure *measure = container_of(timer, struct measure, timer);
    uint64_t us = (clock_mono_ns() - measure->armed_ns) / 1000;
    metrics_observe(measure->lag, us > LOOK_MS * 1000 ? us - LOOK_MS * 1000 : 0);
    arm(measure);
}

void measure_init(struct measure *measure, struct loop *loop, struct metrics *metrics) {
    measure->loop = loop;
    measure->metrics = metrics;
    measure->lag = metrics_histogram(metrics, "dragoman_loop_lag_seconds",
                                     "How late a timer of the event loop ran.",
                                     METRIC_NO_LABELS);
    loop_timer_init(&measure->timer, look);
    arm(measure);
}

void measure_fini(struct measure *measure) {
    if (measure->loop)
        loop_timer_cancel(measure->loop, &measure->timer);
}

void measure_gauge(struct measure *measure, const char *name, const char *help, uint64_t value) {
    metrics_set(metrics_gauge(measure->metrics, name, help, METRIC_NO_LABELS), (int64_t)value);
}

void measure_ready(struct measure *measure, const char *unready) {
    measure_gauge(measure, "dragoman_ready", "1 while it serves: see /readyz.", !unready);
}

void measure_total(struct measure *measure, const char *name, const char *help, uint64_t total) {
    metrics_take(metrics_counter(measure->metrics, name, help, METRIC_NO_LABELS), total);
}

/* ---- the process ---- */

static uint64_t count_descriptors(void) {
    uint64_t count = 0;
    DIR *folder = opendir("/proc/self/fd");
    if (!folder)
        return 0;
    for (struct dirent *entry; (entry = readdir(folder));)
        count += entry->d_name[0] != '.';
    closedir(folder);
    return count - 1; /* the one that reads the folder */
}

/* Fields of proc(5), /proc/self/stat, counted from the state, which follows the name in brackets.
 */
enum stat_field {
    STAT_START_TICKS = 19,
    STAT_VIRTUAL_BYTES = 20,
    STAT_RESIDENT_PAGES = 21,
    STAT_FIELDS,
};

static int read_stat(uint64_t ret_fields[STAT_FIELDS]) {
    char text[TEXT_MAX];
    FILE *file = fopen("/proc/self/stat", "re");
    size_t len = file ? fread(text, 1, sizeof(text) - 1, file) : 0;
    if (file)
        fclose(file);
    text[len] = '\0';
    char *place = strrchr(text, ')');
    char *next = place ? strtok_r(place + 1, " ", &place) : NULL;
    for (int i = 0; i < STAT_FIELDS; i++) {
        if (!next || (i > 0 && sscanf(next, "%lu", &ret_fields[i]) != 1))
            return -1;
        next = strtok_r(NULL, " ", &place);
    }
    return 0;
}

static uint64_t boot_seconds(void) {
    struct timespec now, up;
    clock_gettime(CLOCK_REALTIME, &now);
    clock_gettime(CLOCK_BOOTTIME, &up);
    return (uint64_t)(now.tv_sec - up.tv_sec);
}

static uint64_t cpu_us(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000
           + (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

void measure_process(struct measure *measure) {
    uint64_t stat[STAT_FIELDS] = { 0 };
    struct rlimit limit = { 0 };
    getrlimit(RLIMIT_NOFILE, &limit);
    metrics_take(metrics_counter_seconds(measure->metrics, "process_cpu_seconds_total",
                                         "CPU time used, user and system.", METRIC_NO_LABELS),
                 cpu_us());
    measure_gauge(measure, "process_open_fds", "Open file descriptors.", count_descriptors());
    measure_gauge(measure, "process_max_fds", "Most file descriptors.", limit.rlim_cur);
    if (!read_stat(stat)) {
        measure_gauge(measure, "process_resident_memory_bytes", "Resident memory.",
                      stat[STAT_RESIDENT_PAGES] * (uint64_t)sysconf(_SC_PAGESIZE));
        measure_gauge(measure, "process_virtual_memory_bytes", "Virtual memory.",
                      stat[STAT_VIRTUAL_BYTES]);
        measure_gauge(measure, "process_start_time_seconds", "Start, since the Unix epoch.",
                      boot_seconds() + stat[STAT_START_TICKS] / (uint64_t)sysconf(_SC_CLK_TCK));
    }
    metrics_set(metrics_gauge(measure->metrics, "dragoman_build_info",
                              "Always 1; the labels tell which program this is.",
                              METRIC_LABELS("version", DRAGOMAN_VERSION, "abi",
                                            DIGITS(DM_ABI_MAJOR) "." DIGITS(DM_ABI_MINOR))), 1);
    measure_gauge(measure, "dragoman_send_queue_bytes", "Bytes that wait for slow peers.",
                  stream_queued_total(measure->loop));
}

/* ---- the store ---- */

static void take_histogram(struct metric_histogram *series, const struct metric_histogram *own) {
    *series = *own;
}

void measure_store(struct measure *measure, const struct backend *backend) {
    struct store_pg_stats stats;
    backend_stats(backend, &stats);
    measure_gauge(measure, "dragoman_store_up", "1 while the database can be used, else 0.",
                  backend_state(backend) == STORE_UP);
    take_histogram(metrics_histogram_plain(measure->metrics, "dragoman_store_batch_rows",
                                           "Writes committed together.", METRIC_NO_LABELS),
                   &stats.batch_rows);
    take_histogram(metrics_histogram(measure->metrics, "dragoman_store_batch_seconds",
                                     "Round trips of those batches.", METRIC_NO_LABELS),
                   &stats.batch_us);
    measure_total(measure, "dragoman_store_calls_total", "Single requests completed.",
                  stats.calls);
    measure_total(measure, "dragoman_store_retries_total",
                  "Units sent again after a conflict.", stats.retries);
    measure_total(measure, "dragoman_store_reconnects_total", "Lost connections made again.",
                  stats.reconnects);
    measure_total(measure, "dragoman_store_uncertain_total", "Units whose answer was lost.",
                  stats.uncertain);
    measure_total(measure, "dragoman_store_recovered_total",
                  "Units whose answer was lost, and which had been committed.", stats.recovered);
    measure_total(measure, "dragoman_store_unavailable_total", "Requests refused or expired.",
                  stats.unavailable);
    measure_gauge(measure, "dragoman_store_waiting_requests", "Requests queued now.",
                  stats.waiting);
    measure_gauge(measure, "dragoman_store_running_requests", "Requests sent, not answered yet.",
                  stats.under_way);
    measure_gauge(measure, "dragoman_store_queue_bytes", "Texts of both.", stats.queued_bytes);
}
