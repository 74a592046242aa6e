#include "core/adapter/values.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/adapter/internal.h"
#include "core/base/decimal.h"
#include "core/base/mem.h"

#define COMMON_COUNT 14
#define NUMBER_SIZE 24

struct value {
    struct dm_setting setting;
    char *text;   /* owned; NULL: the fallback */
    int64_t number;
    char fallback[NUMBER_SIZE]; /* of a common setting whose default is the descriptor's */
};

struct adapter_values {
    const struct dm_adapter *adapter;
    uint32_t count;
    struct value rows[];
};

static const char *const chats_words[] = { "drop", "flatten", NULL };

static const struct dm_setting common_settings[COMMON_COUNT] = {
    { "frame_max_unauthenticated", DM_SETTING_INT, "65536", 125, 1 << 30, NULL,
      "bytes of a WebSocket message before the login", 0 },
    { "frame_max", DM_SETTING_INT, "1048576", 125, 1 << 30, NULL,
      "bytes of a WebSocket message after the login", 0 },
    { "body_max", DM_SETTING_INT, "1048576", 0, 1 << 30, NULL,
      "bytes of an HTTP request's body", 0 },
    { "auth_timeout_ms", DM_SETTING_INT, "45000", 0, 86400000, NULL,
      "milliseconds an open socket may stay without a login; 0: any time", 0 },
    { "ping_interval_ms", DM_SETTING_INT, "30000", 0, 86400000, NULL,
      "milliseconds of silence before a WebSocket ping; 0: none", 0 },
    { "rate", DM_SETTING_INT, "200", 0, 10000000, NULL,
      "frames a second per session, requests a second per user; 0: no limit", 0 },
    { "burst", DM_SETTING_INT, "1000", 1, 4000000, NULL,
      "frames that may come at once before the rate counts", 0 },
    { "public_url", DM_SETTING_STRING, NULL, 0, 0, NULL,
      "scheme and host of absolute URLs; default: those of the request", 0 },
    { "ping_timeout_ms", DM_SETTING_INT, "20000", 1, 86400000, NULL,
      "milliseconds a Socket.IO or Engine.IO client has to answer a ping", 0 },
    { "heartbeat_ms", DM_SETTING_INT, "0", 0, 86400000, NULL,
      "milliseconds between pings to a Socket.IO or Engine.IO client; 0: ping_interval_ms", 0 },
    { "payload_max", DM_SETTING_INT, "0", 0, 1 << 30, NULL,
      "bytes of a Socket.IO or Engine.IO message after the login; 0: frame_max", 0 },
    { "connect_timeout_ms", DM_SETTING_INT, "45000", 0, 86400000, NULL,
      "milliseconds a Socket.IO client may stay without joining a namespace; 0: any time", 0 },
    { "cors_origins", DM_SETTING_STRING, "", 0, 0, NULL,
      "origins whose pages may make HTTP requests, separated by blanks; *: any; empty: none", 0 },
    { "chats", DM_SETTING_WORD, "drop", 0, 0, chats_words,
      "drop: messages of chats are not shown; flatten: they are, as direct ones", 0 },
};

/* The descriptor's own default of a common setting; 0: it has none. */
static uint32_t limit_of(const struct dm_adapter *adapter, const char *key) {
    const struct dm_limits *limits = &adapter->limits;
    const struct {
        const char *key;
        uint32_t limit;
    } rows[] = {
        { "frame_max_unauthenticated", limits->frame_max_unauthenticated },
        { "frame_max", limits->frame_max },
        { "body_max", limits->body_max },
        { "auth_timeout_ms", limits->auth_timeout_ms },
        { "ping_interval_ms", limits->ping_interval_ms },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (strcmp(key, rows[i].key) == 0)
            return rows[i].limit;
    return 0;
}

/* The default that a row of the adapter gives to a common setting; NULL: none does. */
static const char *default_of(const struct dm_adapter *adapter, const char *key) {
    for (uint32_t i = 0; i < adapter->settings.count; i++) {
        struct dm_setting row;

        adapter_row(&adapter->settings, i, &row, sizeof(row));
        if (row.kind == DM_SETTING_DEFAULT && strcmp(row.key, key) == 0)
            return row.fallback;
    }
    return NULL;
}

int adapter_has_default(const struct dm_adapter *adapter, const char *key) {
    return default_of(adapter, key) || limit_of(adapter, key);
}

static const char *fallback_of(const struct value *value) {
    return value->fallback[0] ? value->fallback : value->setting.fallback;
}

static int read_bool(struct dm_slice text, int64_t *ret_number) {
    static const char *const words[] = { "false", "true", "no", "yes", "off", "on", "0", "1" };

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (!dm_slice_eq(text, dm_slice_str(words[i])))
            continue;
        *ret_number = (int64_t)(i & 1);
        return 0;
    }
    return -EINVAL;
}

static int read_word(const struct dm_setting *setting, struct dm_slice text) {
    for (const char *const *word = setting->words; *word; word++)
        if (dm_slice_eq(text, dm_slice_str(*word)))
            return 0;
    return -EINVAL;
}

static int refuse(const struct dm_setting *setting, struct adapter_error *ret_error) {
    switch (setting->kind) {
    case DM_SETTING_INT:
        return adapter_fail(ret_error, "%s: wanted is a number from %lld to %lld", setting->key,
                            (long long)setting->min, (long long)setting->max);
    case DM_SETTING_BOOL:
        return adapter_fail(ret_error, "%s: wanted is true or false", setting->key);
    case DM_SETTING_STRING:
    case DM_SETTING_WORD:
    case DM_SETTING_DEFAULT:
        break;
    }
    (void)adapter_fail(ret_error, "%s: wanted is one of", setting->key);
    for (size_t i = 0; setting->words && setting->words[i]; i++) {
        size_t len = strlen(ret_error->text);

        (void)snprintf(ret_error->text + len, sizeof(ret_error->text) - len, "%s %s",
                       i ? "," : "", setting->words[i]);
    }
    return -EINVAL;
}

/* Checks text against the row's kind; sets ret_number for ints and bools. */
static int read_value(const struct dm_setting *setting, struct dm_slice text, int64_t *ret_number,
                      struct adapter_error *ret_error) {
    int64_t number = 0;
    int r = 0;

    if (memchr(text.ptr, '\0', text.len))
        return adapter_fail(ret_error, "%s: a NUL character", setting->key);
    switch (setting->kind) {
    case DM_SETTING_STRING:
    case DM_SETTING_DEFAULT:
        break;
    case DM_SETTING_INT:
        r = decimal_parse_signed(text, &number);
        if (r == 0 && (number < setting->min || number > setting->max))
            r = -EINVAL;
        break;
    case DM_SETTING_BOOL:
        r = read_bool(text, &number);
        break;
    case DM_SETTING_WORD:
        r = read_word(setting, text);
        break;
    }
    if (r != 0)
        return refuse(setting, ret_error);
    *ret_number = number;
    return 0;
}

/* The setting of that key which every adapter has; NULL when none has it. */
static const struct dm_setting *common_of(const char *key) {
    for (size_t i = 0; i < COMMON_COUNT; i++)
        if (strcmp(common_settings[i].key, key) == 0)
            return &common_settings[i];
    return NULL;
}

static int check_default(const struct dm_adapter *adapter, const struct dm_setting *setting,
                         struct adapter_error *ret_error) {
    const struct dm_setting *common = common_of(setting->key);
    int64_t number;

    if (!common || !setting->fallback)
        return adapter_fail(ret_error, "adapter %s: setting %s: no default of a common setting",
                            adapter->name, setting->key);
    return read_value(common, dm_slice_str(setting->fallback), &number, ret_error);
}

static int check_setting(const struct dm_adapter *adapter, const struct dm_setting *setting,
                         struct adapter_error *ret_error) {
    int64_t number;

    if (!adapter_name_is_good(setting->key))
        return adapter_fail(ret_error, "adapter %s: a setting has a bad key", adapter->name);
    if (setting->kind == DM_SETTING_DEFAULT)
        return check_default(adapter, setting, ret_error);
    if (common_of(setting->key))
        return adapter_fail(ret_error, "adapter %s: setting %s is the host's own", adapter->name,
                            setting->key);
    if (setting->kind < DM_SETTING_STRING || setting->kind > DM_SETTING_WORD || !setting->doc
        || (setting->kind == DM_SETTING_WORD && !setting->words))
        return adapter_fail(ret_error, "adapter %s: setting %s: ill-formed row", adapter->name,
                            setting->key);
    if (!setting->fallback)
        return 0;
    return read_value(setting, dm_slice_str(setting->fallback), &number, ret_error);
}

int adapter_check_settings(const struct dm_adapter *adapter, struct adapter_error *ret_error) {
    for (uint32_t i = 0; i < adapter->settings.count; i++) {
        struct dm_setting setting, other;
        int r;

        adapter_row(&adapter->settings, i, &setting, sizeof(setting));
        r = check_setting(adapter, &setting, ret_error);
        if (r != 0)
            return r;
        for (uint32_t j = 0; j < i; j++) {
            adapter_row(&adapter->settings, j, &other, sizeof(other));
            if (strcmp(other.key, setting.key) == 0)
                return adapter_fail(ret_error, "adapter %s: setting %s is there twice",
                                    adapter->name, setting.key);
        }
    }
    return 0;
}

static int has_route(const struct dm_adapter *adapter, enum dm_transport transport) {
    for (uint32_t i = 0; i < adapter->routes.count; i++) {
        struct dm_route route;

        adapter_row(&adapter->routes, i, &route, sizeof(route));
        if (route.transport == transport)
            return 1;
    }
    return 0;
}

int adapter_has_engineio(const struct dm_adapter *adapter) {
    return has_route(adapter, DM_SOCKETIO) || has_route(adapter, DM_ENGINEIO);
}

/* The default of a common setting where it is the adapter's kind that tells; else NULL. Engine.IO's
 * clients are pages of any origin; who has HTTP routes alone says so itself. */
static const char *default_by_kind(const struct dm_adapter *adapter, const char *key) {
    return strcmp(key, "cors_origins") == 0 && adapter_has_engineio(adapter) ? "*" : NULL;
}

static void add_row(struct adapter_values *values, const struct dm_setting *setting) {
    struct value *value = &values->rows[values->count++];
    struct adapter_error ignored;
    const struct dm_setting *common = common_of(setting->key);
    const char *own = common ? default_of(values->adapter, setting->key) : NULL;
    uint32_t limit = common && !own ? limit_of(values->adapter, setting->key) : 0;

    if (common && !own)
        own = default_by_kind(values->adapter, setting->key);
    value->setting = *setting;
    if (own)
        value->setting.fallback = own;
    if (limit) {
        (void)snprintf(value->fallback, sizeof(value->fallback), "%u", limit);
        value->setting.fallback = value->fallback;
    }
    if (fallback_of(value))
        (void)read_value(&value->setting, dm_slice_str(fallback_of(value)), &value->number,
                         &ignored);
}

/* Whether the common setting has a meaning for that adapter. */
static int concerns(const struct dm_adapter *adapter, const char *key) {
    if (strcmp(key, "chats") == 0)
        return !(adapter->flags & DM_ADAPTER_CHATS);
    if (strcmp(key, "cors_origins") == 0)
        return has_route(adapter, DM_HTTP) || adapter_has_engineio(adapter);
    if (strcmp(key, "ping_timeout_ms") == 0 || strcmp(key, "connect_timeout_ms") == 0
        || strcmp(key, "heartbeat_ms") == 0 || strcmp(key, "payload_max") == 0)
        return adapter_has_engineio(adapter);
    return 1;
}

struct adapter_values *adapter_values_new(const struct dm_adapter *adapter) {
    uint32_t most = adapter->settings.count + COMMON_COUNT;
    struct adapter_values *values = mem_zalloc(sizeof(*values) + most * sizeof(values->rows[0]));

    values->adapter = adapter;
    for (uint32_t i = 0; i < adapter->settings.count; i++) {
        struct dm_setting setting;

        adapter_row(&adapter->settings, i, &setting, sizeof(setting));
        if (setting.kind != DM_SETTING_DEFAULT)
            add_row(values, &setting);
    }
    for (size_t i = 0; i < COMMON_COUNT; i++)
        if (concerns(adapter, common_settings[i].key))
            add_row(values, &common_settings[i]);
    return values;
}

struct adapter_values *adapter_values_copy(const struct adapter_values *values) {
    struct adapter_values *copy = adapter_values_new(values->adapter);

    for (uint32_t i = 0; i < copy->count; i++) {
        const struct value *from = &values->rows[i];

        copy->rows[i].number = from->number;
        copy->rows[i].text = from->text ? mem_dup(from->text, strlen(from->text)) : NULL;
    }
    return copy;
}

const struct dm_adapter *adapter_values_adapter(const struct adapter_values *values) {
    return values->adapter;
}

void adapter_values_free(struct adapter_values *values) {
    if (!values)
        return;
    for (uint32_t i = 0; i < values->count; i++)
        free(values->rows[i].text);
    free(values);
}

uint32_t adapter_values_count(const struct adapter_values *values) {
    return values->count;
}

const struct dm_setting *adapter_values_setting(const struct adapter_values *values,
                                                uint32_t index) {
    return &values->rows[index].setting;
}

static const struct value *find(const struct adapter_values *values, const char *key) {
    for (uint32_t i = 0; key && i < values->count; i++)
        if (strcmp(values->rows[i].setting.key, key) == 0)
            return &values->rows[i];
    return NULL;
}

int adapter_values_set(struct adapter_values *values, const char *key, struct dm_slice text,
                       struct adapter_error *ret_error) {
    struct value *value = (struct value *)(uintptr_t)find(values, key);
    int r;

    if (!value) {
        (void)adapter_fail(ret_error, "%s: adapter %s has no such setting", key,
                           values->adapter->name);
        return -ENOENT;
    }
    if (!text.ptr)
        text = DM_SLICE("");
    r = read_value(&value->setting, text, &value->number, ret_error);
    if (r != 0)
        return r;
    free(value->text);
    value->text = mem_dup(text.ptr, text.len);
    return 0;
}

struct dm_slice adapter_values_text(const struct adapter_values *values, const char *key) {
    const struct value *value = find(values, key);

    if (!value)
        return DM_SLICE_NONE;
    return dm_slice_str(value->text ? value->text : fallback_of(value));
}

struct dm_slice adapter_values_shown(const struct adapter_values *values, const char *key) {
    const struct value *value = find(values, key);
    struct dm_slice text = adapter_values_text(values, key);

    return text.ptr && (value->setting.flags & DM_SETTING_SECRET) ? DM_SLICE("***") : text;
}

int64_t adapter_values_int(const struct adapter_values *values, const char *key) {
    const struct value *value = find(values, key);

    return value ? value->number : 0;
}

int adapter_values_is_set(const struct adapter_values *values, const char *key) {
    const struct value *value = find(values, key);

    return value && value->text;
}
