#include "core/replay/known.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int known_read_file(const char *path, struct buf *out) {
    FILE *file = fopen(path, "rb");
    size_t count = file != NULL;
    while (file && count) {
        count = fread(buf_reserve(out, 65536), 1, 65536, file);
        out->len += count;
        if (out->len > TRANSCRIPT_SIZE_MAX)
            break;
    }
    int failed = !file || ferror(file);
    if (failed)
        fprintf(stderr, "dragoman replay: %s: %s\n", path, strerror(errno));
    if (file)
        fclose(file);
    return failed ? -1 : 0;
}

int known_read_users(const char *path, yyjson_doc **ret_users) {
    struct buf text = BUF_INIT;
    yyjson_read_err error = { 0 };
    *ret_users = NULL;
    if (!path)
        return 0;
    int result = known_read_file(path, &text);
    if (result == 0) {
        *ret_users = yyjson_read_opts(text.data ? text.data : (char *)"", text.len, 0, NULL,
                                      &error);
        if (!*ret_users || !yyjson_is_obj(yyjson_doc_get_root(*ret_users))) {
            fprintf(stderr, "dragoman replay: %s: %s\n", path,
                    *ret_users ? "an object of users is expected" : error.msg);
            result = -1;
        }
    }
    buf_fini(&text);
    return result;
}

static void bind_field(struct dm_slice user, yyjson_val *key, yyjson_val *value,
                       struct vars *vars) {
    struct buf name = BUF_INIT;
    buf_append_slice(&name, user);
    buf_append_char(&name, '.');
    buf_append(&name, yyjson_get_str(key), yyjson_get_len(key));
    if (yyjson_is_str(value)) {
        vars_set(vars, buf_slice(&name), VAR_TEXT,
                 (struct dm_slice){ yyjson_get_str(value), yyjson_get_len(value) });
    } else if (!yyjson_is_null(value)) {
        size_t len = 0;
        char *json = yyjson_val_write(value, 0, &len);
        vars_set(vars, buf_slice(&name), VAR_JSON, (struct dm_slice){ json ? json : "", len });
        free(json);
    }
    buf_fini(&name);
}

static int bind_user(const struct transcript_user *user, yyjson_doc *users, struct vars *vars,
                     struct buf *report) {
    yyjson_val *known = yyjson_obj_getn(yyjson_doc_get_root(users), user->name.ptr,
                                        user->name.len);
    size_t index, max;
    yyjson_val *key, *value;
    if (!yyjson_is_obj(known)) {
        buf_printf(report, "1: the users file does not know %.*s\n", DM_SLICE_FMT(user->name));
        return -1;
    }
    yyjson_obj_foreach(known, index, max, key, value)
        bind_field(user->name, key, value, vars);
    return 0;
}

int known_bind(const struct transcript *transcript, yyjson_doc *users, struct vars *vars,
               struct buf *report) {
    const struct setting *needed = transcript_needed(transcript);
    transcript_bind(transcript, vars);
    for (const struct transcript_user *user = transcript->users; user; user = user->next)
        if (bind_user(user, users, vars, report) < 0)
            return -1;
    if (needed)
        buf_printf(report, "1: --var %.*s=... is needed\n", DM_SLICE_FMT(needed->name));
    return needed ? -1 : 0;
}

static void add_settings(yyjson_mut_doc *doc, yyjson_mut_val *object,
                         const struct setting *list) {
    for (; list; list = list->next) {
        yyjson_mut_val *key = yyjson_mut_strn(doc, list->name.ptr, list->name.len);
        yyjson_mut_val *value = list->value.ptr
                                    ? yyjson_mut_strn(doc, list->value.ptr, list->value.len)
                                    : yyjson_mut_null(doc);
        yyjson_mut_obj_add(object, key, value);
    }
}

void known_print_header(const struct transcript *transcript, const char *file, struct buf *out) {
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    size_t len = 0;
    yyjson_mut_doc_set_root(doc, root);
    yyjson_mut_obj_add_str(doc, root, "file", file);
    yyjson_mut_obj_add_strn(doc, root, "title", transcript->title.ptr, transcript->title.len);
    yyjson_mut_val *users = yyjson_mut_obj_add_obj(doc, root, "users");
    for (const struct transcript_user *user = transcript->users; user; user = user->next) {
        yyjson_mut_val *fields = yyjson_mut_obj(doc);
        yyjson_mut_obj_add(users, yyjson_mut_strn(doc, user->name.ptr, user->name.len), fields);
        add_settings(doc, fields, user->fields);
    }
    add_settings(doc, yyjson_mut_obj_add_obj(doc, root, "vars"), transcript->vars);
    add_settings(doc, yyjson_mut_obj_add_obj(doc, root, "settings"), transcript->settings);
    char *json = yyjson_mut_write(doc, 0, &len);
    if (json)
        buf_append(out, json, len);
    buf_append_char(out, '\n');
    free(json);
    yyjson_mut_doc_free(doc);
}
