/* The sources of the configuration: YAML by libyaml, environment, command line. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "core/server/config_internal.h"

#define PATH_SIZE 256
#define DEPTH_MAX 8
#define FILE_MAX ((size_t)1 << 20)
#define ENV_PREFIX "DRAGOMAN_"

struct reader {
    struct config *config;
    const char *name;
    yaml_document_t document;
};

static void format_place(const struct reader *reader, const yaml_mark_t *mark, char *ret_place) {
    snprintf(ret_place, PATH_SIZE, "%s:%zu:%zu", reader->name, mark->line + 1, mark->column + 1);
}

static int read_node(struct reader *reader, int id, const char *path, int depth);

static int read_scalar(struct reader *reader, const yaml_node_t *node, const char *path) {
    char place[PATH_SIZE];
    format_place(reader, &node->start_mark, place);
    if (!*path)
        return config_fail_at(reader->config, place, "the file must be a mapping");
    struct dm_slice text = { (const char *)node->data.scalar.value, node->data.scalar.length };
    int plain = node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    if (plain && (text.len == 0 || dm_slice_eq(text, DM_SLICE("null")) ||
                  dm_slice_eq(text, DM_SLICE("~"))))
        return 0;
    return config_put(reader->config, path, text, place);
}

static int read_sequence(struct reader *reader, const yaml_node_t *node, const char *path,
                         int depth) {
    size_t index = 0;
    for (const yaml_node_item_t *item = node->data.sequence.items.start;
         item < node->data.sequence.items.top; item++, index++) {
        char below[PATH_SIZE];
        if (snprintf(below, sizeof(below), "%s[%zu]", path, index) >= (int)sizeof(below))
            return config_fail_at(reader->config, path, "path too long");
        int r = read_node(reader, *item, below, depth + 1);
        if (r)
            return r;
    }
    return 0;
}

static int key_is_repeated(struct reader *reader, const yaml_node_t *node,
                           const yaml_node_pair_t *last, const char *key) {
    for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < last; pair++) {
        const yaml_node_t *other = yaml_document_get_node(&reader->document, pair->key);
        if (other && other->type == YAML_SCALAR_NODE &&
            !strcmp((const char *)other->data.scalar.value, key))
            return 1;
    }
    return 0;
}

static int read_pair(struct reader *reader, const yaml_node_t *node, const yaml_node_pair_t *pair,
                     const char *path, int depth) {
    const yaml_node_t *key = yaml_document_get_node(&reader->document, pair->key);
    char place[PATH_SIZE], below[PATH_SIZE];
    format_place(reader, &key->start_mark, place);
    if (key->type != YAML_SCALAR_NODE)
        return config_fail_at(reader->config, place, "a key must be a word");
    const char *word = (const char *)key->data.scalar.value;
    if (key_is_repeated(reader, node, pair, word))
        return config_fail_at(reader->config, place, "key %s is given twice", word);
    int n = snprintf(below, sizeof(below), "%s%s%s", path, *path ? "." : "", word);
    if (n >= (int)sizeof(below))
        return config_fail_at(reader->config, place, "path too long");
    return read_node(reader, pair->value, below, depth + 1);
}

static int read_mapping(struct reader *reader, const yaml_node_t *node, const char *path,
                        int depth) {
    for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
         pair < node->data.mapping.pairs.top; pair++) {
        int r = read_pair(reader, node, pair, path, depth);
        if (r)
            return r;
    }
    return 0;
}

static int read_node(struct reader *reader, int id, const char *path, int depth) {
    const yaml_node_t *node = yaml_document_get_node(&reader->document, id);
    if (depth > DEPTH_MAX)
        return config_fail_at(reader->config, reader->name, "%s: nested too deeply", path);
    switch (node->type) {
    case YAML_SCALAR_NODE:
        return read_scalar(reader, node, path);
    case YAML_SEQUENCE_NODE:
        return read_sequence(reader, node, path, depth);
    case YAML_MAPPING_NODE:
        return read_mapping(reader, node, path, depth);
    case YAML_NO_NODE:
        break;
    }
    return 0;
}

static int parse_error(struct reader *reader, const yaml_parser_t *parser) {
    char place[PATH_SIZE];
    format_place(reader, &parser->problem_mark, place);
    return config_fail_at(reader->config, place, "%s",
                          parser->problem ? parser->problem : "no YAML");
}

int config_read_text(struct config *config, const char *name, struct dm_slice text) {
    struct reader reader = { .config = config, .name = name };
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser))
        return -ENOMEM;
    yaml_parser_set_input_string(&parser, (const unsigned char *)text.ptr, text.len);
    int r;
    if (!yaml_parser_load(&parser, &reader.document)) {
        r = parse_error(&reader, &parser);
    } else {
        yaml_node_t *root = yaml_document_get_root_node(&reader.document);
        r = root ? read_node(&reader, 1, "", 0) : 0;
        yaml_document_delete(&reader.document);
    }
    yaml_parser_delete(&parser);
    return r;
}

int config_read_file(struct config *config, const char *path) {
    FILE *file = fopen(path, "re");
    if (!file) {
        int error = errno;
        config_fail_at(config, path, "%s", strerror(error));
        return -error;
    }
    struct buf text = BUF_INIT;
    size_t n;
    do {
        n = fread(buf_reserve(&text, 65536), 1, 65536, file);
        text.len += n;
    } while (n > 0 && text.len <= FILE_MAX);
    int r;
    if (ferror(file))
        r = config_fail_at(config, path, "cannot be read");
    else if (text.len > FILE_MAX)
        r = config_fail_at(config, path, "larger than a configuration can be");
    else
        r = config_read_text(config, path, buf_slice(&text));
    fclose(file);
    buf_fini(&text);
    return r;
}

void config_environment_name(const char *path, char *ret_name, size_t size) {
    size_t used = (size_t)snprintf(ret_name, size, ENV_PREFIX);
    for (; *path && used + 1 < size; path++)
        ret_name[used++] = *path == '.' || *path == '-'
                               ? '_' : (char)toupper((unsigned char)*path);
    ret_name[used] = '\0';
}

static const char *path_of_variable(const char *name) {
    for (const struct config_setting *s = config_settings; s->path; s++) {
        char candidate[PATH_SIZE];
        config_environment_name(s->path, candidate, sizeof(candidate));
        if (!strchr(s->path, '[') && !strcmp(candidate, name))
            return s->path;
    }
    return NULL;
}

int config_read_environment(struct config *config, char *const *environment) {
    for (; *environment; environment++) {
        const char *equals = strchr(*environment, '=');
        if (strncmp(*environment, ENV_PREFIX, strlen(ENV_PREFIX)) || !equals)
            continue;
        char name[PATH_SIZE];
        snprintf(name, sizeof(name), "$%.*s", (int)(equals - *environment), *environment);
        const char *path = path_of_variable(name + 1);
        int r = config_put(config, path ? path : name, dm_slice_str(equals + 1), name);
        if (r)
            return r;
    }
    return 0;
}

int config_set(struct config *config, const char *assignment) {
    const char *equals = strchr(assignment, '=');
    char path[PATH_SIZE], place[PATH_SIZE + 8];
    if (!equals || equals == assignment || equals - assignment >= PATH_SIZE)
        return config_fail_at(config, "--set", "wants key=value");
    snprintf(path, sizeof(path), "%.*s", (int)(equals - assignment), assignment);
    snprintf(place, sizeof(place), "--set %s", path);
    return config_put(config, path, dm_slice_str(equals + 1), place);
}
