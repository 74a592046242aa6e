#include "tests/bench/load/histogram.h"

/* Values below HISTOGRAM_SUB have a bucket each; above, every power of two has HISTOGRAM_SUB / 2
 * of them. */
static unsigned bucket_of(uint64_t value) {
    if (value < HISTOGRAM_SUB)
        return (unsigned)value;
    unsigned shift = 64 - 6 - (unsigned)__builtin_clzll(value);
    unsigned bucket = (unsigned)(value >> shift) + shift * (HISTOGRAM_SUB / 2);
    return bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1;
}

static uint64_t top_of(unsigned bucket) {
    if (bucket < HISTOGRAM_SUB)
        return bucket;
    unsigned shift = (bucket - HISTOGRAM_SUB / 2) / (HISTOGRAM_SUB / 2);
    uint64_t lead = bucket - shift * (HISTOGRAM_SUB / 2);
    return ((lead + 1) << shift) - 1;
}

void histogram_add(struct histogram *histogram, uint64_t value) {
    histogram->counts[bucket_of(value)]++;
    histogram->total++;
    if (value > histogram->max)
        histogram->max = value;
}

uint64_t histogram_quantile(const struct histogram *histogram, double share) {
    uint64_t wanted = (uint64_t)(share * (double)histogram->total + 0.5), seen = 0;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS && histogram->total; i++) {
        seen += histogram->counts[i];
        if (seen >= wanted && histogram->counts[i])
            return top_of(i) < histogram->max ? top_of(i) : histogram->max;
    }
    return histogram->max;
}
