/* Wrong secrets, counted per name and per address. Private to core/engine.
 *
 * A count begins with its first wrong guess and is forgotten a minute later. Tables are bounded:
 * the entry whose minute began first gives way. */
#ifndef DRAGOMAN_ENGINE_THROTTLE_H
#define DRAGOMAN_ENGINE_THROTTLE_H

#include <stdint.h>

#include "core/base/list.h"
#include "core/base/map.h"

#define THROTTLE_MAX 20000
#define THROTTLE_WINDOW_US INT64_C(60000000)

struct throttle {
    struct map_bytes entries; /* key: one letter for the kind, then the name or address */
    struct list oldest;       /* by begin of the minute */
};

void throttle_init(struct throttle *throttle);
void throttle_fini(struct throttle *throttle);

/* Microseconds until another guess is heard, for this name from this address; 0: now. A name is
 * refused after `guesses` wrong ones, an address after four times as many. */
int64_t throttle_wait_us(struct throttle *throttle, struct dm_slice name,
                         struct dm_slice address, uint32_t guesses, int64_t now_us);

/* Counts a wrong guess; returns how long its answer is to be put off. An absent address is not
 * counted. */
int64_t throttle_wrong(struct throttle *throttle, struct dm_slice name, struct dm_slice address,
                       uint32_t guesses, int64_t now_us);

#endif
