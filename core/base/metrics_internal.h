/* What the registry and its text form share. Private to core/base. */
#ifndef DRAGOMAN_BASE_METRICS_INTERNAL_H
#define DRAGOMAN_BASE_METRICS_INTERNAL_H

#include "core/base/buf.h"
#include "core/base/list.h"
#include "core/base/metrics.h"

/* METRIC_SECONDS: kept in microseconds, shown in seconds. */
enum metric_unit {
    METRIC_PLAIN,
    METRIC_SECONDS,
};

struct metric_spec {
    enum metric_type type;
    enum metric_unit unit;
    const char *name;
    const char *help;
    const char *const *labels;
};

/* All series of one name. */
struct metric_family {
    struct list link;
    struct list series;
    char *name;
    char *help;
    enum metric_type type;
    enum metric_unit unit;
    struct metric_node *overflow;
};

/* One series; its labels as shown begin at labels_at in the key. value points to the struct of
 * the family's type. */
struct metric_node {
    struct list link;
    char *key;
    size_t key_len;
    size_t labels_at;
    void *value;
};

/* The families, linked by metric_family.link. */
const struct list *metrics_families(const struct metrics *metrics);

/* Appends text with backslash, newline and quote (if not NUL) escaped by a backslash, and each
 * byte that is no valid UTF-8 replaced by U+FFFD. */
void metrics_escape(struct buf *buf, struct dm_slice text, char quote);

#endif
