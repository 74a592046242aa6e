#include "core/server/descriptors.h"

#include <sys/resource.h>

#define RESERVE_MIN 64

void descriptors_raise(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit))
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static uint32_t granted(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur > INT32_MAX)
        return INT32_MAX;
    return (uint32_t)limit.rlim_cur;
}

static uint32_t reserve_of(uint32_t all) {
    uint32_t reserve = all / 10 > RESERVE_MIN ? all / 10 : RESERVE_MIN;
    return reserve < all ? reserve : all - 1;
}

uint32_t descriptors_reserve(void) {
    return reserve_of(granted());
}

uint32_t descriptors_for_clients(void) {
    uint32_t all = granted();
    return all - reserve_of(all);
}
