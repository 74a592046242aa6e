/* Counts of durations, exact to two per cent, in constant memory. */
#ifndef DRAGOMAN_BENCH_HISTOGRAM_H
#define DRAGOMAN_BENCH_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_SUB 64
#define HISTOGRAM_BUCKETS (HISTOGRAM_SUB * 40)

/* Zeroed is empty. */
struct histogram {
    uint64_t counts[HISTOGRAM_BUCKETS];
    uint64_t total;
    uint64_t max;
};

/* value: any unit; the same one comes out. */
void histogram_add(struct histogram *histogram, uint64_t value);

/* The value that `share` (0 to 1) of all values do not exceed; 0 when empty. */
uint64_t histogram_quantile(const struct histogram *histogram, double share);

#endif
