/* Counters, gauges and histograms, and their Prometheus text.
 *
 * A series is looked up once, when its object is set up, and kept as a pointer that stays valid
 * as long as the registry; counting is then a plain addition. Not thread-safe: the loop's thread
 * only. No function fails: a request that cannot be met gets a sink (see below). */
#ifndef DRAGOMAN_BASE_METRICS_H
#define DRAGOMAN_BASE_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"

enum metric_type {
    METRIC_COUNTER,
    METRIC_GAUGE,
    METRIC_HISTOGRAM,
};

struct metric_counter {
    uint64_t value;
};

struct metric_gauge {
    int64_t value;
};

/* Log-linear buckets: nine per decade, with the upper bounds 1, 2, ... 9, 10, 20, ... 10^8 and
 * one above. A value lies in the first bucket whose bound is not below it. */
#define METRIC_BUCKETS 74

struct metric_histogram {
    uint64_t count;
    uint64_t sum;
    uint64_t buckets[METRIC_BUCKETS];
};

#define METRIC_LABELS_MAX 8
#define METRIC_LABEL_VALUE_MAX 128

/* Alternating label names and values: METRIC_LABELS("adapter", name, "outcome", "ok"). Lives
 * until the end of the enclosing block; the registry copies it. */
#define METRIC_LABELS(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define METRIC_NO_LABELS ((const char *const *)NULL)

struct metrics;

/* A registry of at most max_series series (a histogram counts as one; overflow series and
 * metrics_refused_total come on top). Owned by the caller. */
struct metrics *metrics_new(size_t max_series);

/* Frees the registry and every series; NULL does nothing. */
void metrics_free(struct metrics *metrics);

/* The series of that name and those labels, created at zero when it is new; help is that of the
 * first call for the name. Everything is copied. Label values are cut at METRIC_LABEL_VALUE_MAX
 * bytes; the order of the labels matters for identity, so keep it.
 *
 * At the limit, a known name gets its overflow series instead (the same label names, each value
 * "overflow"). A sink that is never shown is given out when the name is new at the limit, was
 * used with another type or unit, or is ill-formed ([a-zA-Z_:][a-zA-Z0-9_:]*); when a label name
 * is ill-formed ([a-zA-Z_][a-zA-Z0-9_]*), reserved ("le", a leading "__"), given twice or without
 * a value; when there are more than METRIC_LABELS_MAX labels. Each such answer is counted in
 * metrics_refused_total, which the text always contains. */
struct metric_counter *metrics_counter(struct metrics *metrics, const char *name,
                                       const char *help, const char *const *labels);
struct metric_gauge *metrics_gauge(struct metrics *metrics, const char *name, const char *help,
                                   const char *const *labels);

/* A counter of time: counted in microseconds, shown in seconds (the name should end in
 * _seconds_total). */
struct metric_counter *metrics_counter_seconds(struct metrics *metrics, const char *name,
                                               const char *help, const char *const *labels);

/* A histogram of durations: observed in microseconds, shown in seconds (the name should end in
 * _seconds). */
struct metric_histogram *metrics_histogram(struct metrics *metrics, const char *name,
                                           const char *help, const char *const *labels);

/* A histogram of plain numbers (batch sizes, bytes), shown as they are. */
struct metric_histogram *metrics_histogram_plain(struct metrics *metrics, const char *name,
                                                 const char *help, const char *const *labels);

static inline void metrics_inc(struct metric_counter *counter) {
    counter->value++;
}

static inline void metrics_add(struct metric_counter *counter, uint64_t amount) {
    counter->value += amount;
}

/* For a total that is kept elsewhere and never falls. */
static inline void metrics_take(struct metric_counter *counter, uint64_t total) {
    counter->value = total;
}

static inline void metrics_set(struct metric_gauge *gauge, int64_t value) {
    gauge->value = value;
}

/* Moves a gauge up or down. */
static inline void metrics_move(struct metric_gauge *gauge, int64_t amount) {
    gauge->value += amount;
}

/* Counts one value: microseconds for metrics_histogram. */
void metrics_observe(struct metric_histogram *histogram, uint64_t value);

/* The inclusive upper bound of a bucket; UINT64_MAX for the last. */
uint64_t metrics_bucket_bound(size_t bucket);

/* Number of series that count towards the limit. */
size_t metrics_count(const struct metrics *metrics);

/* Appends all series in the Prometheus text format 0.0.4. Histograms are shown with the bounds
 * 1, 2 and 5 of each decade. */
void metrics_write_prometheus(const struct metrics *metrics, struct buf *buf);

#endif
