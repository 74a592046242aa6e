#include <stdio.h>

#include "core/base/metrics.h"
#include "tests/unit/check.h"

#define REFUSED_HEAD \
    "# HELP metrics_refused_total Series asked for beyond the limit or against the rules.\n" \
    "# TYPE metrics_refused_total counter\n"

static void check_text(const struct metrics *metrics, const char *expected) {
    struct buf buf = BUF_INIT;
    metrics_write_prometheus(metrics, &buf);
    check_slice(buf_slice(&buf), dm_slice_str(expected));
    buf_fini(&buf);
}

static void check_contains(const struct metrics *metrics, const char *line) {
    struct buf buf = BUF_INIT;
    metrics_write_prometheus(metrics, &buf);
    buf_append_char(&buf, '\0');
    cr_assert(eq(int, strstr(buf.data, line) != NULL, 1), "%s is not in\n%s", line, buf.data);
    buf_fini(&buf);
}

static void check_lacks(const struct metrics *metrics, const char *part) {
    struct buf buf = BUF_INIT;
    metrics_write_prometheus(metrics, &buf);
    buf_append_char(&buf, '\0');
    cr_assert(eq(int, strstr(buf.data, part) != NULL, 0), "%s is in\n%s", part, buf.data);
    buf_fini(&buf);
}

Test(metrics, an_empty_registry_shows_its_own_counter) {
    struct metrics *metrics = metrics_new(10);
    check_text(metrics, REFUSED_HEAD "metrics_refused_total 0\n");
    cr_assert(eq(sz, metrics_count(metrics), 0));
    metrics_free(metrics);
    metrics_free(NULL);
}

Test(metrics, counters_and_gauges_are_shown_by_family) {
    struct metrics *metrics = metrics_new(10);
    struct metric_counter *a =
        metrics_counter(metrics, "frames_total", "Frames.", METRIC_LABELS("way", "in"));
    struct metric_gauge *g = metrics_gauge(metrics, "sessions", "Open\nsessions \\.",
                                           METRIC_NO_LABELS);
    struct metric_counter *b = metrics_counter(metrics, "frames_total", "other help",
                                               METRIC_LABELS("way", "out", "kind", "x"));
    metrics_inc(a);
    metrics_add(b, 41);
    metrics_inc(b);
    metrics_set(g, 5);
    metrics_move(g, -7);
    check_text(metrics, REFUSED_HEAD "metrics_refused_total 0\n"
                        "# HELP frames_total Frames.\n"
                        "# TYPE frames_total counter\n"
                        "frames_total{way=\"in\"} 1\n"
                        "frames_total{way=\"out\",kind=\"x\"} 42\n"
                        "# HELP sessions Open\\nsessions \\\\.\n"
                        "# TYPE sessions gauge\n"
                        "sessions -2\n");
    cr_assert(eq(sz, metrics_count(metrics), 3));
    metrics_free(metrics);
}

Test(metrics, a_counter_of_time_is_shown_in_seconds) {
    struct metrics *metrics = metrics_new(10);
    metrics_take(metrics_counter_seconds(metrics, "busy_seconds_total", "Busy.", METRIC_NO_LABELS),
                 1500000);
    check_contains(metrics, "\nbusy_seconds_total 1.5\n");
    /* One name has one unit. */
    metrics_inc(metrics_counter(metrics, "busy_seconds_total", "Busy.", METRIC_NO_LABELS));
    check_contains(metrics, "\nbusy_seconds_total 1.5\n");
    check_contains(metrics, "metrics_refused_total 1\n");
    metrics_free(metrics);
}

Test(metrics, the_same_labels_are_the_same_series) {
    struct metrics *metrics = metrics_new(100);
    struct metric_counter *first =
        metrics_counter(metrics, "n_total", "N.", METRIC_LABELS("k", "v"));
    for (int i = 0; i < 50; i++) {
        char value[16];
        snprintf(value, sizeof(value), "v%d", i);
        metrics_inc(metrics_counter(metrics, "n_total", "N.", METRIC_LABELS("k", value)));
    }
    cr_assert(eq(ptr, metrics_counter(metrics, "n_total", "N.", METRIC_LABELS("k", "v")), first));
    cr_assert(eq(sz, metrics_count(metrics), 51));
    metrics_free(metrics);
}

Test(metrics, label_values_are_escaped_cut_and_made_utf8) {
    struct metrics *metrics = metrics_new(10);
    char value[METRIC_LABEL_VALUE_MAX + 10];
    metrics_counter(metrics, "n_total", "N.", METRIC_LABELS("k", "a\"b\\c\nd\xff"));
    check_contains(metrics, "n_total{k=\"a\\\"b\\\\c\\nd\xef\xbf\xbd\"} 0\n");
    memset(value, 'x', sizeof(value));
    value[METRIC_LABEL_VALUE_MAX - 1] = '\xc3';
    value[METRIC_LABEL_VALUE_MAX] = '\xa4';
    value[sizeof(value) - 1] = '\0';
    metrics_counter(metrics, "n_total", "N.", METRIC_LABELS("long", value));
    check_contains(metrics, "xxx\"} 0\n");
    check_lacks(metrics, "\xc3");
    metrics_free(metrics);
}

/* Two values that differ only behind an escape must not become one series. */
Test(metrics, labels_cannot_be_confused) {
    struct metrics *metrics = metrics_new(10);
    void *one = metrics_counter(metrics, "n_total", "N.", METRIC_LABELS("a", "1\",b=\"2"));
    void *other = metrics_counter(metrics, "n_total", "N.", METRIC_LABELS("a", "1", "b", "2"));
    void *third = metrics_counter(metrics, "n_total", "N.", METRIC_LABELS("a", "1\\\"", "b", "2"));
    cr_assert(ne(ptr, one, other));
    cr_assert(ne(ptr, one, third));
    cr_assert(ne(ptr, other, third));
    metrics_free(metrics);
}

Test(metrics, the_limit_leads_to_the_overflow_series) {
    struct metrics *metrics = metrics_new(2);
    metrics_counter(metrics, "n_total", "N.", METRIC_LABELS("k", "1"));
    metrics_counter(metrics, "n_total", "N.", METRIC_LABELS("k", "2"));
    struct metric_counter *third =
        metrics_counter(metrics, "n_total", "N.", METRIC_LABELS("k", "3"));
    struct metric_counter *fourth =
        metrics_counter(metrics, "n_total", "N.", METRIC_LABELS("k", "4"));
    cr_assert(eq(ptr, third, fourth));
    metrics_inc(third);
    metrics_inc(metrics_counter(metrics, "other_total", "O.", METRIC_NO_LABELS));
    metrics_set(metrics_gauge(metrics, "gauge", "G.", METRIC_NO_LABELS), 1);
    metrics_observe(metrics_histogram(metrics, "h_seconds", "H.", METRIC_NO_LABELS), 1);
    check_text(metrics, REFUSED_HEAD "metrics_refused_total 5\n"
                        "# HELP n_total N.\n"
                        "# TYPE n_total counter\n"
                        "n_total{k=\"1\"} 0\n"
                        "n_total{k=\"2\"} 0\n"
                        "n_total{k=\"overflow\"} 1\n");
    cr_assert(eq(sz, metrics_count(metrics), 2));
    metrics_free(metrics);
}

Test(metrics, known_series_are_found_at_the_limit) {
    struct metrics *metrics = metrics_new(2);
    void *one = metrics_counter(metrics, "n_total", "N.", METRIC_LABELS("k", "1"));
    void *named = metrics_counter(metrics, "n_total", "N.", METRIC_LABELS("k", "overflow"));
    cr_assert(eq(ptr, metrics_counter(metrics, "n_total", "N.", METRIC_LABELS("k", "1")), one));
    cr_assert(eq(ptr, metrics_counter(metrics, "n_total", "N.", METRIC_LABELS("k", "3")), named));
    metrics_free(metrics);
}

Test(metrics, another_type_gets_a_sink) {
    struct metrics *metrics = metrics_new(10);
    struct metric_counter *counter = metrics_counter(metrics, "n", "N.", METRIC_NO_LABELS);
    struct metric_histogram *plain = metrics_histogram_plain(metrics, "h", "H.",
                                                             METRIC_NO_LABELS);
    metrics_set(metrics_gauge(metrics, "n", "N.", METRIC_NO_LABELS), 77);
    cr_assert(ne(ptr, metrics_histogram(metrics, "h", "H.", METRIC_NO_LABELS), plain));
    cr_assert(eq(u64, counter->value, 0));
    check_contains(metrics, "metrics_refused_total 2\n");
    check_lacks(metrics, "77");
    metrics_free(metrics);
}

Test(metrics, bad_names_get_a_sink) {
    static const char *const bad[] = { "", "1a", "a b", "a-b", "a{", "\xc3\xa4", "a\n", NULL };
    struct metrics *metrics = metrics_new(100);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        metrics_inc(metrics_counter(metrics, bad[i], "Bad.", METRIC_NO_LABELS));
    static const char *const bad_labels[] = { "", "1a", "a b", "a:b", "le", "__name", "a\"" };
    for (size_t i = 0; i < ARRAY_LEN(bad_labels); i++)
        metrics_counter(metrics, "good", "Good.", METRIC_LABELS(bad_labels[i], "v"));
    metrics_counter(metrics, "good", "Good.", METRIC_LABELS("a", "1", "a", "2"));
    metrics_counter(metrics, "good", "Good.", METRIC_LABELS("a"));
    metrics_counter(metrics, "good", "Good.",
                    METRIC_LABELS("a", "", "b", "", "c", "", "d", "", "e", "", "f", "", "g", "",
                                  "h", "", "i", ""));
    check_text(metrics, REFUSED_HEAD "metrics_refused_total 18\n");
    metrics_counter(metrics, "a:b_1", NULL,
                    METRIC_LABELS("a", "", "b", "", "c", "", "d", "", "e", "", "f", "", "g", "",
                                  "_h1", ""));
    check_contains(metrics, "# HELP a:b_1 \n# TYPE a:b_1 counter\n");
    metrics_free(metrics);
}

Test(metrics, buckets_cover_every_value) {
    struct metrics *metrics = metrics_new(10);
    struct metric_histogram *h = metrics_histogram_plain(metrics, "h", "H.", METRIC_NO_LABELS);
    cr_assert(eq(u64, metrics_bucket_bound(0), 1));
    cr_assert(eq(u64, metrics_bucket_bound(9), 10));
    cr_assert(eq(u64, metrics_bucket_bound(METRIC_BUCKETS - 2), 100000000));
    cr_assert(eq(u64, metrics_bucket_bound(METRIC_BUCKETS - 1), UINT64_MAX));
    for (size_t i = 0; i + 1 < METRIC_BUCKETS; i++) {
        uint64_t bound = metrics_bucket_bound(i);
        cr_assert(lt(u64, bound, metrics_bucket_bound(i + 1)));
        metrics_observe(h, bound);
        cr_assert(eq(u64, h->buckets[i], i == 0 ? 1 : 2), "bound of %zu", i);
        metrics_observe(h, bound + 1);
        cr_assert(eq(u64, h->buckets[i + 1], 1), "above %zu", i);
    }
    metrics_observe(h, 0);
    cr_assert(eq(u64, h->buckets[0], 2));
    metrics_observe(h, UINT64_MAX);
    cr_assert(eq(u64, h->buckets[METRIC_BUCKETS - 1], 2));
    cr_assert(eq(u64, h->count, 2 * (METRIC_BUCKETS - 1) + 2));
    metrics_free(metrics);
}

Test(metrics, durations_are_shown_in_seconds) {
    struct metrics *metrics = metrics_new(10);
    struct metric_histogram *h =
        metrics_histogram(metrics, "h_seconds", "H.", METRIC_LABELS("k", "v"));
    metrics_observe(h, 1);
    metrics_observe(h, 1500);
    metrics_observe(h, 200000000);
    check_contains(metrics, "# TYPE h_seconds histogram\n"
                            "h_seconds_bucket{k=\"v\",le=\"0.000001\"} 1\n"
                            "h_seconds_bucket{k=\"v\",le=\"0.000002\"} 1\n");
    check_contains(metrics, "h_seconds_bucket{k=\"v\",le=\"0.001\"} 1\n"
                            "h_seconds_bucket{k=\"v\",le=\"0.002\"} 2\n"
                            "h_seconds_bucket{k=\"v\",le=\"0.005\"} 2\n");
    check_contains(metrics, "h_seconds_bucket{k=\"v\",le=\"50\"} 2\n"
                            "h_seconds_bucket{k=\"v\",le=\"100\"} 2\n"
                            "h_seconds_bucket{k=\"v\",le=\"+Inf\"} 3\n"
                            "h_seconds_sum{k=\"v\"} 200.001501\n"
                            "h_seconds_count{k=\"v\"} 3\n");
    metrics_free(metrics);
}

Test(metrics, plain_histograms_are_shown_as_they_are) {
    struct metrics *metrics = metrics_new(10);
    struct metric_histogram *h = metrics_histogram_plain(metrics, "h", "H.", METRIC_NO_LABELS);
    metrics_observe(h, 7);
    check_contains(metrics, "h_bucket{le=\"5\"} 0\nh_bucket{le=\"10\"} 1\n");
    check_contains(metrics, "h_bucket{le=\"100000000\"} 1\nh_bucket{le=\"+Inf\"} 1\n"
                            "h_sum 7\nh_count 1\n");
    metrics_free(metrics);
}

