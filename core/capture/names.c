#include "core/capture/names.h"

#include <ctype.h>
#include <stdio.h>
#include <strings.h>

#include "core/base/clock.h"
#include "core/base/decimal.h"
#include "core/base/uuid.h"
#include "core/capture/secrets.h"

void names_init(struct names *names, const struct masks *masks) {
    *names = (struct names){ .masks = masks };
    arena_init(&names->arena, 16384);
    list_init(&names->all);
}

void names_fini(struct names *names) {
    arena_fini(&names->arena);
}

static int is_one_of(struct dm_slice word, const char *const *list) {
    for (; list && *list; list++)
        if (strlen(*list) == word.len && strncasecmp(*list, word.ptr, word.len) == 0)
            return 1;
    return 0;
}

/* Three runs of base64url letters joined by dots, the first of which is an object. */
static int is_jwt(struct dm_slice value) {
    size_t dots = 0;
    if (value.len < 20 || strncmp(value.ptr, "eyJ", 3) != 0)
        return 0;
    for (size_t i = 0; i < value.len; i++) {
        dots += value.ptr[i] == '.';
        if (!isalnum((unsigned char)value.ptr[i]) && !strchr("-_.", value.ptr[i]))
            return 0;
    }
    return dots == 2;
}

static int ends_with(struct dm_slice word, const char *end) {
    size_t len = strlen(end);
    return word.len >= len && strncmp(word.ptr + word.len - len, end, len) == 0;
}

static int names_an_id(struct dm_slice key) {
    static const char *const whole[] = { "id", "pk", "sid", "uuid", "ids", NULL };
    return is_one_of(key, whole) || ends_with(key, "_id") || ends_with(key, "Id") ||
           ends_with(key, "_pk");
}

/* A number under the name of a thing is that one's id. */
static int names_a_thing(struct dm_slice key) {
    static const char *const things[] = { "chat", "thread", "room", "channel", "conversation",
                                          "message", "user", "author", NULL };
    return is_one_of(key, things);
}

static int names_a_time(struct dm_slice key) {
    return memmem(key.ptr, key.len, "time", 4) || memmem(key.ptr, key.len, "date", 4) ||
           ends_with(key, "_at") || memmem(key.ptr, key.len, "expires", 7);
}

static enum value_class class_of_time(struct dm_slice value) {
    int64_t us;
    if (value.len < 19 || time_parse_iso(value, &us) != 0 || value.ptr[10] != 'T')
        return VALUE_PLAIN;
    if (value.len == 26 && value.ptr[19] == '.')
        return VALUE_ISO;
    if (value.len == 27 && value.ptr[26] == 'Z')
        return VALUE_ISO_Z;
    return value.len == 32 && ends_with(value, "+00:00") ? VALUE_ISO_OFFSET : VALUE_TIME;
}

static int is_lower_uuid(struct dm_slice value) {
    struct dm_uuid uuid;
    for (size_t i = 0; i < value.len; i++)
        if (isupper((unsigned char)value.ptr[i]))
            return 0;
    return dm_uuid_parse(value, &uuid) == 0;
}

static int is_secret(const struct names *names, struct dm_slice key, struct dm_slice value) {
    if (is_one_of(key, names->masks->names) || is_jwt(value))
        return 1;
    switch (secrets_of_key(key)) {
    case SECRECY_NONE: break;
    case SECRECY_ABOUT: return !decimal_is(value) && class_of_time(value) == VALUE_PLAIN;
    case SECRECY_FULL: return 1;
    }
    return 0;
}

enum value_class names_class(const struct names *names, struct dm_slice key,
                             struct dm_slice value, int is_string) {
    if (value.len == 0)
        return VALUE_PLAIN;
    if (is_secret(names, key, value))
        return VALUE_SECRET;
    if (!is_string)
        return names_an_id(key) || names_a_thing(key) || (names_a_time(key) && value.len >= 10)
                   ? VALUE_INT : VALUE_PLAIN;
    if (is_lower_uuid(value))
        return VALUE_UUID;
    enum value_class time = class_of_time(value);
    if (time != VALUE_PLAIN)
        return time;
    if (names_an_id(key))
        return VALUE_TEXT;
    return strncmp(value.ptr, "http://", 7) == 0 || strncmp(value.ptr, "https://", 8) == 0
               ? VALUE_URL : VALUE_PLAIN;
}

struct name *names_find(const struct names *names, struct dm_slice value) {
    list_foreach(it, &names->all) {
        struct name *name = container_of(it, struct name, link);
        if (dm_slice_eq(name->value, value))
            return name;
    }
    return NULL;
}

/* "$.chat-id" gives "chat_id7". */
static void make_name(struct names *names, struct dm_slice key, struct name *name) {
    char word[24];
    size_t len = 0;
    for (size_t i = 0; i < key.len && len < sizeof(word) - 1; i++)
        word[len++] = (char)(isalnum((unsigned char)key.ptr[i]) ? tolower(key.ptr[i]) : '_');
    word[len] = '\0';
    snprintf(name->name, sizeof(name->name), "%s%s%u", isalpha((unsigned char)word[0]) ? "" : "v",
             word, ++names->made);
}

void names_see(struct names *names, struct dm_slice key, struct dm_slice value, int is_string,
               enum said_by by) {
    enum value_class class = names_class(names, key, value, is_string);
    struct name *name = names_find(names, value);
    if (name) {
        if (class == VALUE_SECRET)
            name->class = VALUE_SECRET;
        return;
    }
    if (class == VALUE_PLAIN)
        return;
    name = arena_zalloc(&names->arena, sizeof(*name));
    name->value = arena_slice(&names->arena, value);
    name->class = class;
    name->first = by;
    name->is_string = is_string;
    make_name(names, key, name);
    list_push_back(&names->all, &name->link);
}

const char *names_matcher(enum value_class class) {
    static const char *const matchers[] = {
        [VALUE_PLAIN] = "any", [VALUE_SECRET] = "text", [VALUE_UUID] = "uuid",
        [VALUE_ISO] = "iso", [VALUE_ISO_Z] = "iso-z", [VALUE_ISO_OFFSET] = "iso-offset",
        [VALUE_TIME] = "time", [VALUE_INT] = "int", [VALUE_TEXT] = "text", [VALUE_URL] = "url",
    };
    return matchers[class];
}
