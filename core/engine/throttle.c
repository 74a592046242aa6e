#include "core/engine/throttle.h"

#include <stdlib.h>

#include "core/base/mem.h"

/* From which wrong guess on the answer is slow, and by how much at first. */
#define SLOW_FROM 3
#define SLOW_US INT64_C(500000)
#define SLOW_MAX_US INT64_C(4000000)

/* Behind one address there may be a school: it is slowed where a name is refused, and refused after
 * so many times as many. */
#define ADDRESS_FACTOR 4
#define ADDRESS_SLOW_US INT64_C(1000000)

/* Longer names cannot exist; their tails need not be told apart. */
#define KEY_MAX 600

struct entry {
    struct list link;
    int64_t begun_us;
    uint32_t wrong;
    size_t key_len;
    char key[];
};

struct key {
    char text[KEY_MAX];
    size_t len;
};

/* Names are told apart as little as where they are looked up: e-mails without regard to case. */
static struct key make_key(char kind, struct dm_slice what) {
    struct key key;
    key.text[0] = kind;
    key.len = what.len < KEY_MAX ? what.len : KEY_MAX - 1;
    for (size_t i = 0; i < key.len; i++) {
        char c = what.ptr[i];
        key.text[i + 1] = c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
    }
    key.len++;
    return key;
}

void throttle_init(struct throttle *throttle) {
    map_bytes_init(&throttle->entries);
    list_init(&throttle->oldest);
}

static void forget(struct throttle *throttle, struct entry *entry) {
    map_bytes_remove(&throttle->entries, (struct dm_slice){ entry->key, entry->key_len });
    list_remove(&entry->link);
    free(entry);
}

void throttle_fini(struct throttle *throttle) {
    struct list *link;
    while ((link = list_front(&throttle->oldest)))
        forget(throttle, container_of(link, struct entry, link));
    map_bytes_fini(&throttle->entries);
}

/* Minutes begin in the order of the list, so those that are over stand first. */
static void expire(struct throttle *throttle, int64_t now_us) {
    struct list *link;
    while ((link = list_front(&throttle->oldest))) {
        struct entry *entry = container_of(link, struct entry, link);
        if (entry->begun_us + THROTTLE_WINDOW_US > now_us)
            break;
        forget(throttle, entry);
    }
}

static struct entry *find(const struct throttle *throttle, const struct key *key) {
    return map_bytes_get(&throttle->entries, (struct dm_slice){ key->text, key->len });
}

static int64_t wait_of(const struct throttle *throttle, const struct key *key, uint32_t guesses,
                       int64_t now_us) {
    const struct entry *entry = find(throttle, key);
    if (!entry || entry->wrong < guesses)
        return 0;
    return entry->begun_us + THROTTLE_WINDOW_US - now_us;
}

int64_t throttle_wait_us(struct throttle *throttle, struct dm_slice name,
                         struct dm_slice address, uint32_t guesses, int64_t now_us) {
    struct key by_name = make_key('n', name);
    struct key by_address = make_key('a', address);
    int64_t name_us, address_us;
    expire(throttle, now_us);
    name_us = wait_of(throttle, &by_name, guesses, now_us);
    address_us = wait_of(throttle, &by_address, guesses * ADDRESS_FACTOR, now_us);
    return name_us > address_us ? name_us : address_us;
}

static uint32_t count(struct throttle *throttle, const struct key *key, int64_t now_us) {
    struct entry *entry = find(throttle, key);
    if (!entry) {
        if (throttle->entries.count >= THROTTLE_MAX)
            forget(throttle, container_of(list_front(&throttle->oldest), struct entry, link));
        entry = mem_alloc(sizeof(*entry) + key->len);
        entry->begun_us = now_us;
        entry->wrong = 0;
        entry->key_len = key->len;
        memcpy(entry->key, key->text, key->len);
        list_push_back(&throttle->oldest, &entry->link);
        map_bytes_put(&throttle->entries, (struct dm_slice){ entry->key, entry->key_len },
                      entry);
    }
    return ++entry->wrong;
}

static int64_t name_delay_us(uint32_t wrong) {
    if (wrong < SLOW_FROM)
        return 0;
    if (wrong - SLOW_FROM > 3)
        return SLOW_MAX_US;
    return SLOW_US << (wrong - SLOW_FROM);
}

int64_t throttle_wrong(struct throttle *throttle, struct dm_slice name, struct dm_slice address,
                       uint32_t guesses, int64_t now_us) {
    struct key by_name = make_key('n', name);
    struct key by_address = make_key('a', address);
    int64_t delay_us;
    expire(throttle, now_us);
    delay_us = name_delay_us(count(throttle, &by_name, now_us));
    if (address.len && count(throttle, &by_address, now_us) >= guesses
        && delay_us < ADDRESS_SLOW_US)
        delay_us = ADDRESS_SLOW_US;
    return delay_us;
}
