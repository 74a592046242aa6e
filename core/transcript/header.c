/* Statements of a transcript's header. */
#include <string.h>

#include "core/transcript/lines.h"

/* The value at *rest, quoted or one word. */
static const char *read_value(struct parse *parse, struct dm_slice *rest,
                              struct dm_slice *ret_value) {
    struct scanner scanner;
    struct token token;
    struct dm_slice inside;
    struct buf value = BUF_INIT;
    size_t pos = 0;
    if (rest->len == 0 || rest->ptr[0] != '"') {
        *ret_value = arena_slice(parse->arena, rest->len ? slice_word(rest) : DM_SLICE(""));
        return NULL;
    }
    const char *error = scan_quoted(*rest, &pos, &inside);
    if (error)
        return error;
    scanner_init(&scanner, inside, SCAN_QUOTED);
    while (!(error = scanner_next(&scanner, &token)) && token.kind == TOKEN_BYTES)
        buf_append_slice(&value, token.text);
    if (!error && token.kind != TOKEN_END)
        error = "a value in the header holds no variables";
    *ret_value = arena_slice(parse->arena, buf_slice(&value));
    buf_fini(&value);
    *rest = slice_trim(slice_sub(*rest, pos, rest->len));
    return error;
}

static size_t key_length(struct dm_slice words) {
    size_t len = 0;
    while (len < words.len && words.ptr[len] != '=' && !strchr(" \t\n", words.ptr[len]))
        len++;
    return len;
}

/* name=value words, each appended to *tail; values may be quoted. */
static int parse_settings(struct parse *parse, const struct statement *st, struct dm_slice words,
                          struct setting **tail) {
    struct dm_slice rest = slice_trim(words);
    while (*tail)
        tail = &(*tail)->next;
    while (rest.len) {
        struct setting *setting = arena_zalloc(parse->arena, sizeof(*setting));
        size_t len = key_length(rest);
        const char *error = len ? NULL : "name=value is expected here";
        setting->name = arena_slice(parse->arena, slice_sub(rest, 0, len));
        rest = slice_sub(rest, len, rest.len);
        if (!error && rest.len && rest.ptr[0] == '=') {
            rest = slice_sub(rest, 1, rest.len);
            error = rest.len && strchr(" \t\n", rest.ptr[0])
                        ? "no blanks around =" : read_value(parse, &rest, &setting->value);
        }
        rest = slice_trim(rest);
        if (error)
            return parse_fail(parse, st->line, "%s", error);
        *tail = setting;
        tail = &setting->next;
    }
    return 0;
}

/* What an account has (struct dm_profile), and by what its user logs in. */
static int is_user_field(struct dm_slice name) {
    static const char *const fields[] = { "username", "email", "first_name", "last_name", "photo",
                                          "color", "role", "location", "password", "pin" };
    for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
        if (slice_is(name, fields[i]))
            return 1;
    return 0;
}

static int parse_user(struct parse *parse, const struct statement *st, struct dm_slice rest) {
    struct transcript_user *user = arena_zalloc(parse->arena, sizeof(*user));
    struct transcript_user **tail = &parse->transcript->users;
    user->name = arena_slice(parse->arena, slice_word(&rest));
    if (!is_name(user->name))
        return parse_fail(parse, st->line, "a user's name is letters, digits and _");
    for (; *tail; tail = &(*tail)->next)
        if (dm_slice_eq((*tail)->name, user->name))
            return parse_fail(parse, st->line, "there are two users %.*s",
                              DM_SLICE_FMT(user->name));
    *tail = user;
    if (parse_settings(parse, st, rest, &user->fields) < 0)
        return -1;
    for (const struct setting *field = user->fields; field; field = field->next) {
        if (!is_name(field->name) || !field->value.ptr)
            return parse_fail(parse, st->line, "a user's fields are name=value");
        if (!is_user_field(field->name))
            return parse_fail(parse, st->line, "a user has no field %.*s",
                              DM_SLICE_FMT(field->name));
    }
    return 0;
}

/* One name[=value] appended to a list. */
static int parse_one(struct parse *parse, const struct statement *st, struct dm_slice rest,
                     struct setting **list) {
    struct setting *added = NULL;
    if (parse_settings(parse, st, rest, &added) < 0)
        return -1;
    if (!added || added->next)
        return parse_fail(parse, st->line, "one name=value is expected here");
    while (*list)
        list = &(*list)->next;
    *list = added;
    return 0;
}

static int parse_var(struct parse *parse, const struct statement *st, struct dm_slice rest) {
    struct setting **list = &parse->transcript->vars;
    if (parse_one(parse, st, rest, list) < 0)
        return -1;
    while (*list && (*list)->next)
        list = &(*list)->next;
    if (!is_name((*list)->name))
        return parse_fail(parse, st->line, "a variable's name is letters, digits and _");
    return 0;
}

static int parse_setting(struct parse *parse, const struct statement *st, struct dm_slice rest) {
    if (!memchr(rest.ptr, '=', rest.len))
        return parse_fail(parse, st->line, "a setting is KEY=VALUE");
    return parse_one(parse, st, rest, &parse->transcript->settings);
}

int parse_header(struct parse *parse, const struct statement *st, struct dm_slice word,
                 struct dm_slice rest) {
    static const struct {
        const char *word;
        int (*parse)(struct parse *, const struct statement *, struct dm_slice);
    } verbs[] = { { "user", parse_user }, { "var", parse_var }, { "setting", parse_setting } };
    if (slice_is(word, "title")) {
        parse->transcript->title = arena_slice(parse->arena, rest);
        return 1;
    }
    for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++)
        if (slice_is(word, verbs[i].word))
            return verbs[i].parse(parse, st, rest) < 0 ? -1 : 1;
    return 0;
}
