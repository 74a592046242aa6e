#include "core/base/metrics.h"

#include <assert.h>
#include <stdlib.h>

#include "core/base/map.h"
#include "core/base/mem.h"
#include "core/base/metrics_internal.h"
#include "core/base/utf8.h"

static const size_t value_sizes[] = {
    [METRIC_COUNTER] = sizeof(struct metric_counter),
    [METRIC_GAUGE] = sizeof(struct metric_gauge),
    [METRIC_HISTOGRAM] = sizeof(struct metric_histogram),
};

/* The sinks are never read; all refused callers of one type count into the same. */
struct metrics {
    size_t max_series;
    size_t count;
    struct list families;
    struct map_bytes by_name;
    struct map_bytes by_key;
    struct metric_counter *refused;
    struct buf scratch;
    void *sinks[METRIC_HISTOGRAM + 1];
};

static struct dm_slice family_name(const struct metric_family *family) {
    return dm_slice_str(family->name);
}

static struct metric_family *family_new(struct metrics *metrics, const struct metric_spec *spec) {
    struct metric_family *family = mem_zalloc(sizeof(*family));
    family->name = mem_dup(spec->name, strlen(spec->name));
    family->help = mem_dup(spec->help, spec->help ? strlen(spec->help) : 0);
    family->type = spec->type;
    family->unit = spec->unit;
    list_init(&family->series);
    list_push_back(&metrics->families, &family->link);
    map_bytes_put(&metrics->by_name, family_name(family), family);
    return family;
}

static struct metric_node *node_new(struct metrics *metrics, struct metric_family *family,
                                    struct dm_slice key) {
    struct metric_node *node = mem_zalloc(sizeof(*node));
    node->key = mem_dup(key.ptr, key.len);
    node->key_len = key.len;
    node->labels_at = strlen(family->name) + 1;
    node->value = mem_zalloc(value_sizes[family->type]);
    list_push_back(&family->series, &node->link);
    map_bytes_put(&metrics->by_key, (struct dm_slice){ node->key, node->key_len }, node);
    return node;
}

static int is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static int is_name(const char *name, char extra) {
    if (!name || (!is_letter(*name) && *name != extra))
        return 0;
    while (*name && (is_letter(*name) || *name == extra || (*name >= '0' && *name <= '9')))
        name++;
    return *name == '\0';
}

static int label_is_allowed(const char *const *labels, size_t index) {
    const char *name = labels[index];
    if (!is_name(name, '_') || strncmp(name, "__", 2) == 0 || strcmp(name, "le") == 0)
        return 0;
    for (size_t i = 0; i < index; i += 2) {
        if (strcmp(labels[i], name) == 0)
            return 0;
    }
    return labels[index + 1] != NULL;
}

static int spec_is_allowed(const struct metric_spec *spec) {
    if (!is_name(spec->name, ':'))
        return 0;
    for (size_t i = 0; spec->labels && spec->labels[i]; i += 2) {
        if (i >= 2 * METRIC_LABELS_MAX || !label_is_allowed(spec->labels, i))
            return 0;
    }
    return 1;
}

/* The identity of a series: its name, '{', and its labels as they are shown. value replaces every
 * label's own when given. Borrowed until the next call. */
static struct dm_slice make_key(struct metrics *metrics, const struct metric_spec *spec,
                                const char *value) {
    struct buf *key = &metrics->scratch;
    buf_reset(key);
    buf_append_str(key, spec->name);
    buf_append_char(key, '{');
    for (size_t i = 0; spec->labels && spec->labels[i]; i += 2) {
        struct dm_slice text = dm_slice_str(value ? value : spec->labels[i + 1]);
        if (i > 0)
            buf_append_char(key, ',');
        buf_append_str(key, spec->labels[i]);
        buf_append_str(key, "=\"");
        metrics_escape(key, utf8_prefix(text, METRIC_LABEL_VALUE_MAX), '"');
        buf_append_char(key, '"');
    }
    return buf_slice(key);
}

static void *refuse(struct metrics *metrics, enum metric_type type) {
    metrics_inc(metrics->refused);
    return metrics->sinks[type];
}

static void *overflow(struct metrics *metrics, struct metric_family *family,
                      const struct metric_spec *spec) {
    metrics_inc(metrics->refused);
    if (!family->overflow) {
        struct dm_slice key = make_key(metrics, spec, "overflow");
        struct metric_node *known = map_bytes_get(&metrics->by_key, key);
        family->overflow = known ? known : node_new(metrics, family, key);
    }
    return family->overflow->value;
}

static void *metrics_get(struct metrics *metrics, const struct metric_spec *spec) {
    if (!spec_is_allowed(spec))
        return refuse(metrics, spec->type);
    struct metric_family *family = map_bytes_get(&metrics->by_name, dm_slice_str(spec->name));
    if (family && (family->type != spec->type || family->unit != spec->unit))
        return refuse(metrics, spec->type);
    struct dm_slice key = make_key(metrics, spec, NULL);
    struct metric_node *node = map_bytes_get(&metrics->by_key, key);
    if (node)
        return node->value;
    if (metrics->count >= metrics->max_series)
        return family ? overflow(metrics, family, spec) : refuse(metrics, spec->type);
    if (!family)
        family = family_new(metrics, spec);
    metrics->count++;
    return node_new(metrics, family, key)->value;
}

struct metrics *metrics_new(size_t max_series) {
    struct metrics *metrics = mem_zalloc(sizeof(*metrics));
    list_init(&metrics->families);
    for (int type = METRIC_COUNTER; type <= METRIC_HISTOGRAM; type++)
        metrics->sinks[type] = mem_zalloc(value_sizes[type]);
    metrics->max_series = 1;
    metrics->refused = metrics_counter(metrics, "metrics_refused_total",
                                       "Series asked for beyond the limit or against the rules.",
                                       METRIC_NO_LABELS);
    metrics->count = 0;
    metrics->max_series = max_series;
    return metrics;
}

static void node_free(struct metric_node *node) {
    free(node->key);
    free(node->value);
    free(node);
}

static void family_free(struct metric_family *family) {
    struct list *link;
    while ((link = list_pop_front(&family->series)))
        node_free(container_of(link, struct metric_node, link));
    free(family->name);
    free(family->help);
    free(family);
}

void metrics_free(struct metrics *metrics) {
    if (!metrics)
        return;
    struct list *link;
    while ((link = list_pop_front(&metrics->families)))
        family_free(container_of(link, struct metric_family, link));
    for (int type = METRIC_COUNTER; type <= METRIC_HISTOGRAM; type++)
        free(metrics->sinks[type]);
    map_bytes_fini(&metrics->by_name);
    map_bytes_fini(&metrics->by_key);
    buf_fini(&metrics->scratch);
    free(metrics);
}

struct metric_counter *metrics_counter(struct metrics *metrics, const char *name,
                                       const char *help, const char *const *labels) {
    return metrics_get(metrics, &(struct metric_spec){ METRIC_COUNTER, METRIC_PLAIN, name, help,
                                                       labels });
}

struct metric_counter *metrics_counter_seconds(struct metrics *metrics, const char *name,
                                               const char *help, const char *const *labels) {
    return metrics_get(metrics, &(struct metric_spec){ METRIC_COUNTER, METRIC_SECONDS, name, help,
                                                       labels });
}

struct metric_gauge *metrics_gauge(struct metrics *metrics, const char *name, const char *help,
                                   const char *const *labels) {
    return metrics_get(metrics, &(struct metric_spec){ METRIC_GAUGE, METRIC_PLAIN, name, help,
                                                       labels });
}

struct metric_histogram *metrics_histogram(struct metrics *metrics, const char *name,
                                           const char *help, const char *const *labels) {
    return metrics_get(metrics, &(struct metric_spec){ METRIC_HISTOGRAM, METRIC_SECONDS, name,
                                                       help, labels });
}

struct metric_histogram *metrics_histogram_plain(struct metrics *metrics, const char *name,
                                                 const char *help, const char *const *labels) {
    return metrics_get(metrics, &(struct metric_spec){ METRIC_HISTOGRAM, METRIC_PLAIN, name,
                                                       help, labels });
}

size_t metrics_count(const struct metrics *metrics) {
    return metrics->count;
}

const struct list *metrics_families(const struct metrics *metrics) {
    return &metrics->families;
}
