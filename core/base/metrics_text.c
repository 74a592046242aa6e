/* What metrics look like: buckets, and the Prometheus text format. */
#include "core/base/metrics_internal.h"
#include "core/base/utf8.h"

#define BUCKETS_PER_DECADE 9
#define DECADES 8
#define TOP_BOUND UINT64_C(100000000)

void metrics_escape(struct buf *buf, struct dm_slice text, char quote) {
    while (text.len > 0) {
        size_t len = utf8_sequence(text);
        if (len == 0) {
            buf_append_str(buf, "\xef\xbf\xbd");
            len = 1;
        } else if (*text.ptr == '\n') {
            buf_append_str(buf, "\\n");
        } else {
            if (*text.ptr == '\\' || *text.ptr == quote)
                buf_append_char(buf, '\\');
            buf_append(buf, text.ptr, len);
        }
        text.ptr += len;
        text.len -= len;
    }
}

static size_t bucket_of(uint64_t value) {
    uint64_t scale = 1;
    for (size_t decade = 0; decade < DECADES; decade++, scale *= 10) {
        if (value <= BUCKETS_PER_DECADE * scale)
            return decade * BUCKETS_PER_DECADE + (value ? (size_t)((value - 1) / scale) : 0);
    }
    return value <= TOP_BOUND ? METRIC_BUCKETS - 2 : METRIC_BUCKETS - 1;
}

uint64_t metrics_bucket_bound(size_t bucket) {
    uint64_t bound = bucket % BUCKETS_PER_DECADE + 1;
    if (bucket >= METRIC_BUCKETS - 1)
        return UINT64_MAX;
    for (size_t decade = bucket / BUCKETS_PER_DECADE; decade > 0; decade--)
        bound *= 10;
    return bound;
}

void metrics_observe(struct metric_histogram *histogram, uint64_t value) {
    histogram->count++;
    histogram->sum += value;
    histogram->buckets[bucket_of(value)]++;
}

static struct dm_slice node_labels(const struct metric_node *node) {
    return (struct dm_slice){ node->key + node->labels_at, node->key_len - node->labels_at };
}

/* Exact, which a conversion to double would not be. */
static void write_seconds(struct buf *buf, uint64_t us) {
    char digits[6];
    size_t len = sizeof(digits);
    uint64_t fraction = us % 1000000;
    for (size_t i = sizeof(digits); i > 0; i--, fraction /= 10)
        digits[i - 1] = (char)('0' + fraction % 10);
    while (len > 0 && digits[len - 1] == '0')
        len--;
    buf_append_u64(buf, us / 1000000);
    if (len > 0)
        buf_append_char(buf, '.');
    buf_append(buf, digits, len);
}

static void write_number(struct buf *buf, enum metric_unit unit, uint64_t value) {
    if (unit == METRIC_SECONDS)
        write_seconds(buf, value);
    else
        buf_append_u64(buf, value);
}

/* The name, suffix and braces, up to the blank before the value; bound is NULL when the sample
 * has no "le". */
static void write_head(struct buf *buf, const struct metric_family *family,
                       const struct metric_node *node, const char *suffix, const char *bound) {
    struct dm_slice labels = node_labels(node);
    buf_append_str(buf, family->name);
    buf_append_str(buf, suffix);
    if (labels.len > 0 || bound) {
        buf_append_char(buf, '{');
        buf_append_slice(buf, labels);
        if (bound) {
            buf_append_str(buf, labels.len > 0 ? ",le=\"" : "le=\"");
            buf_append_str(buf, bound);
            buf_append_char(buf, '"');
        }
        buf_append_char(buf, '}');
    }
    buf_append_char(buf, ' ');
}

static int bucket_is_shown(size_t bucket) {
    size_t step = bucket % BUCKETS_PER_DECADE + 1;
    return step == 1 || step == 2 || step == 5;
}

static void write_bucket(struct buf *buf, const struct metric_family *family,
                         const struct metric_node *node, const char *bound, uint64_t value) {
    write_head(buf, family, node, "_bucket", bound);
    buf_append_u64(buf, value);
    buf_append_char(buf, '\n');
}

static void write_histogram(struct buf *buf, const struct metric_family *family,
                            const struct metric_node *node) {
    const struct metric_histogram *histogram = node->value;
    struct buf bound = BUF_INIT;
    uint64_t seen = 0;
    for (size_t i = 0; i < METRIC_BUCKETS - 1; i++) {
        seen += histogram->buckets[i];
        if (!bucket_is_shown(i))
            continue;
        buf_reset(&bound);
        write_number(&bound, family->unit, metrics_bucket_bound(i));
        buf_append_char(&bound, '\0');
        write_bucket(buf, family, node, bound.data, seen);
    }
    buf_fini(&bound);
    write_bucket(buf, family, node, "+Inf", histogram->count);
    write_head(buf, family, node, "_sum", NULL);
    write_number(buf, family->unit, histogram->sum);
    buf_append_char(buf, '\n');
    write_head(buf, family, node, "_count", NULL);
    buf_append_u64(buf, histogram->count);
    buf_append_char(buf, '\n');
}

static void write_series(struct buf *buf, const struct metric_family *family,
                         const struct metric_node *node) {
    if (family->type == METRIC_HISTOGRAM) {
        write_histogram(buf, family, node);
        return;
    }
    write_head(buf, family, node, "", NULL);
    if (family->type == METRIC_COUNTER)
        write_number(buf, family->unit, ((const struct metric_counter *)node->value)->value);
    else
        buf_append_i64(buf, ((const struct metric_gauge *)node->value)->value);
    buf_append_char(buf, '\n');
}

static void write_family(struct buf *buf, const struct metric_family *family) {
    static const char *const types[] = {
        [METRIC_COUNTER] = "counter",
        [METRIC_GAUGE] = "gauge",
        [METRIC_HISTOGRAM] = "histogram",
    };
    buf_append_str(buf, "# HELP ");
    buf_append_str(buf, family->name);
    buf_append_char(buf, ' ');
    metrics_escape(buf, dm_slice_str(family->help), '\0');
    buf_append_str(buf, "\n# TYPE ");
    buf_append_str(buf, family->name);
    buf_append_char(buf, ' ');
    buf_append_str(buf, types[family->type]);
    buf_append_char(buf, '\n');
    list_foreach(s, &family->series)
        write_series(buf, family, container_of(s, struct metric_node, link));
}

void metrics_write_prometheus(const struct metrics *metrics, struct buf *buf) {
    list_foreach(f, metrics_families(metrics))
        write_family(buf, container_of(f, struct metric_family, link));
}
