#include "core/kit/scaffold.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/buf.h"

#define PATH_SIZE 160
#define MARK "@NAME@"

const char *const scaffold_transports[] = { "websocket", "http", "socketio", NULL };

/* Where a template's text goes, below the adapter's folder. */
static const struct {
    const char *template;
    const char *path;
} files[] = {
    { "meson.build.in", "meson.build" },
    { "adapter.c.in", MARK ".c" },
    { "transcript.txt.in", "transcripts/first.txt" },
    { "asyncapi.yaml.in", "asyncapi.yaml" },
    { "README.md.in", "README.md" },
};
#define FILE_COUNT (sizeof(files) / sizeof(files[0]))

static const char *find_text(const char *transport, const char *template) {
    const char *const folders[] = { transport, "common" };
    char path[PATH_SIZE];
    for (size_t f = 0; f < 2; f++) {
        snprintf(path, sizeof(path), "%s/%s", folders[f], template);
        const char *text = embedded_text(scaffold_templates, path);
        if (text)
            return text;
    }
    return "";
}

static void fill_in(const char *text, const char *name, struct buf *ret_text) {
    const char *mark;
    for (; (mark = strstr(text, MARK)); text = mark + strlen(MARK)) {
        buf_append(ret_text, text, (size_t)(mark - text));
        buf_append_str(ret_text, name);
    }
    buf_append_str(ret_text, text);
}

static void path_of(size_t index, const char *name, char ret_path[PATH_SIZE]) {
    struct buf below = BUF_INIT;
    fill_in(files[index].path, name, &below);
    snprintf(ret_path, PATH_SIZE, "%s/%.*s", name, (int)below.len, below.data);
    buf_fini(&below);
}

static int write_file(const char *path, const struct buf *text) {
    FILE *file = fopen(path, "wx");
    if (!file)
        return -errno;
    size_t written = fwrite(text->data, 1, text->len, file);
    int r = written < text->len ? -EIO : 0;
    if (fclose(file))
        r = -errno;
    return r;
}

static int write_all(const char *name, const char *transport, char ret_path[PATH_SIZE]) {
    int r = 0;
    snprintf(ret_path, PATH_SIZE, "%s/transcripts", name);
    if (mkdir(ret_path, 0777))
        return -errno;
    for (size_t i = 0; !r && i < FILE_COUNT; i++) {
        struct buf text = BUF_INIT;
        fill_in(find_text(transport, files[i].template), name, &text);
        path_of(i, name, ret_path);
        r = write_file(ret_path, &text);
        buf_fini(&text);
    }
    return r;
}

static void remove_all(const char *name) {
    char path[PATH_SIZE];
    for (size_t i = 0; i < FILE_COUNT; i++) {
        path_of(i, name, path);
        (void)unlink(path);
    }
    snprintf(path, sizeof(path), "%s/transcripts", name);
    (void)rmdir(path);
    (void)rmdir(name);
}

static int is_transport(const char *transport) {
    for (const char *const *t = scaffold_transports; *t; t++)
        if (!strcmp(*t, transport))
            return 1;
    return 0;
}

static int fail(struct adapter_error *ret_error, int r, const char *what, const char *why) {
    snprintf(ret_error->text, sizeof(ret_error->text), "%s: %s", what, why);
    return r;
}

int scaffold_write(const char *name, const char *transport, struct adapter_error *ret_error) {
    char path[PATH_SIZE];
    if (!adapter_name_is_good(name))
        return fail(ret_error, -EINVAL, name,
                    "a name is [a-z][a-z0-9_-]*, of at most 31 characters");
    if (!is_transport(transport))
        return fail(ret_error, -EINVAL, transport, "a transport is websocket, http or socketio");
    if (mkdir(name, 0777))
        return fail(ret_error, -errno, name, errno == EEXIST ? "is there already"
                                                             : strerror(errno));
    int r = write_all(name, transport, path);
    if (r) {
        remove_all(name);
        return fail(ret_error, r, path, strerror(-r));
    }
    return 0;
}
