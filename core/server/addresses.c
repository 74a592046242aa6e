#include "core/server/addresses.h"

#include <stdio.h>

#include "core/base/words.h"

static int read_words(struct config *config, const char *path, struct dm_slice text,
                      struct address_set *set) {
    struct dm_slice word;
    while (words_next(&text, &word))
        if (address_set_add(set, word) < 0)
            return config_fail(config, path, "%s: \"%.*s\" is no address block such as "
                               "10.0.0.0/8, no address and not unix", path, DM_SLICE_FMT(word));
    return 0;
}

int addresses_read(struct config *config, const char *path, struct address_set *ret_set) {
    size_t count = config_count(config, path);
    int r = count ? 0 : read_words(config, path, config_string(config, path), ret_set);
    for (size_t i = 0; r == 0 && i < count; i++) {
        char item[64];
        snprintf(item, sizeof(item), "%s[%zu]", path, i);
        r = read_words(config, item, config_string(config, item), ret_set);
    }
    return r;
}

static struct token_rate rate_of(const struct config *config, const char *rate,
                                   const char *burst) {
    return (struct token_rate){ (uint32_t)config_int(config, rate),
                                  (uint32_t)config_int(config, burst) };
}

int addresses_limits(struct config *config, struct address_limit_config *ret_limits) {
    *ret_limits = (struct address_limit_config){
        .rates = {
            [ADDRESS_LIMIT_ALL] =
                rate_of(config, "limits.address_rate", "limits.address_burst"),
            [ADDRESS_LIMIT_ANONYMOUS] =
                rate_of(config, "limits.anonymous_rate", "limits.anonymous_burst"),
        },
    };
    int r = addresses_read(config, "limits.exempt", &ret_limits->exempt);
    if (r < 0)
        address_set_fini(&ret_limits->exempt);
    return r;
}
