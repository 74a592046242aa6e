/* GET /api/v1/examples: the frames that clients send, as the dialects' AsyncAPI documents give
 * them. The documents are part of the program, so a fault in one is a fault of the build, and only
 * leaves its examples out. */
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "core/server/admin/assets.h"
#include "core/server/admin/internal.h"

#define DEPTH_MAX 32
#define REFERENCES_MAX 8

struct reader {
    yaml_document_t *document;
    yyjson_mut_doc *doc;
    yyjson_mut_val *rows;
    const char *adapter;
};

static const char *text_of(const yaml_node_t *node) {
    return node && node->type == YAML_SCALAR_NODE ? (const char *)node->data.scalar.value : "";
}

static yaml_node_t *node_at(const struct reader *reader, int id) {
    return yaml_document_get_node(reader->document, id);
}

static yaml_node_t *member(const struct reader *reader, const yaml_node_t *node, const char *key,
                           size_t len) {
    if (!node || node->type != YAML_MAPPING_NODE)
        return NULL;
    for (yaml_node_pair_t *pair = node->data.mapping.pairs.start;
         pair < node->data.mapping.pairs.top; pair++) {
        const char *name = text_of(node_at(reader, pair->key));
        if (strlen(name) == len && !memcmp(name, key, len))
            return node_at(reader, pair->value);
    }
    return NULL;
}

static yaml_node_t *get(const struct reader *reader, const yaml_node_t *node, const char *key) {
    return member(reader, node, key, strlen(key));
}

/* Follows "#/a/b". */
static yaml_node_t *point(const struct reader *reader, const char *pointer) {
    yaml_node_t *node = yaml_document_get_root_node(reader->document);
    if (strncmp(pointer, "#/", 2))
        return NULL;
    for (pointer += 2; node && *pointer;) {
        size_t len = strcspn(pointer, "/");
        node = member(reader, node, pointer, len);
        pointer += len + (pointer[len] == '/');
    }
    return node;
}

static yaml_node_t *resolve(const struct reader *reader, yaml_node_t *node) {
    for (int i = 0; i < REFERENCES_MAX; i++) {
        yaml_node_t *reference = get(reader, node, "$ref");
        if (!reference)
            return node;
        node = point(reader, text_of(reference));
    }
    return NULL;
}

/* ---- YAML to JSON ---- */

/* A plain scalar is what YAML's core schema takes it for. */
static yyjson_mut_val *scalar(yyjson_mut_doc *doc, const yaml_node_t *node) {
    const char *text = text_of(node);
    char *end;
    if (node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
        return yyjson_mut_strcpy(doc, text);
    if (!*text || !strcmp(text, "null") || !strcmp(text, "~"))
        return yyjson_mut_null(doc);
    if (!strcmp(text, "true") || !strcmp(text, "false"))
        return yyjson_mut_bool(doc, *text == 't');
    long long number = strtoll(text, &end, 10);
    if (!*end)
        return yyjson_mut_sint(doc, number);
    double real = strtod(text, &end);
    return *end ? yyjson_mut_strcpy(doc, text) : yyjson_mut_real(doc, real);
}

static yyjson_mut_val *convert(const struct reader *reader, const yaml_node_t *node, int depth) {
    yyjson_mut_doc *doc = reader->doc;
    if (!node || depth > DEPTH_MAX)
        return yyjson_mut_null(doc);
    if (node->type == YAML_SCALAR_NODE)
        return scalar(doc, node);
    if (node->type == YAML_SEQUENCE_NODE) {
        yyjson_mut_val *array = yyjson_mut_arr(doc);
        for (yaml_node_item_t *item = node->data.sequence.items.start;
             item < node->data.sequence.items.top; item++)
            yyjson_mut_arr_append(array, convert(reader, node_at(reader, *item), depth + 1));
        return array;
    }
    yyjson_mut_val *object = yyjson_mut_obj(doc);
    for (yaml_node_pair_t *pair = node->data.mapping.pairs.start;
         pair < node->data.mapping.pairs.top; pair++)
        yyjson_mut_obj_add(object, yyjson_mut_strcpy(doc, text_of(node_at(reader, pair->key))),
                           convert(reader, node_at(reader, pair->value), depth + 1));
    return object;
}

/* ---- the documents ---- */

static void take_message(const struct reader *reader, yaml_node_t *message) {
    yaml_node_t *examples = get(reader, message, "examples");
    if (!examples || examples->type != YAML_SEQUENCE_NODE)
        return;
    for (yaml_node_item_t *item = examples->data.sequence.items.start;
         item < examples->data.sequence.items.top; item++) {
        yaml_node_t *example = node_at(reader, *item);
        yyjson_mut_val *row = yyjson_mut_arr_add_obj(reader->doc, reader->rows);
        yyjson_mut_obj_add_strcpy(reader->doc, row, "dialect", reader->adapter);
        yyjson_mut_obj_add_strcpy(reader->doc, row, "message",
                                  text_of(get(reader, message, "name")));
        yyjson_mut_obj_add_strcpy(reader->doc, row, "title",
                                  text_of(get(reader, message, "title")));
        yyjson_mut_obj_add_strcpy(reader->doc, row, "name",
                                  text_of(get(reader, example, "name")));
        yyjson_mut_obj_add_val(reader->doc, row, "payload",
                               convert(reader, get(reader, example, "payload"), 0));
    }
}

static void take_operation(const struct reader *reader, const yaml_node_t *operation) {
    yaml_node_t *messages = get(reader, operation, "messages");
    if (strcmp(text_of(get(reader, operation, "action")), "receive") || !messages
        || messages->type != YAML_SEQUENCE_NODE)
        return;
    for (yaml_node_item_t *item = messages->data.sequence.items.start;
         item < messages->data.sequence.items.top; item++)
        take_message(reader, resolve(reader, node_at(reader, *item)));
}

static void take_document(struct reader *reader) {
    yaml_node_t *operations = point(reader, "#/operations");
    if (!operations || operations->type != YAML_MAPPING_NODE)
        return;
    for (yaml_node_pair_t *pair = operations->data.mapping.pairs.start;
         pair < operations->data.mapping.pairs.top; pair++)
        take_operation(reader, node_at(reader, pair->value));
}

static void take_asset(struct reader *reader, const struct embedded *asset) {
    yaml_parser_t parser;
    yaml_document_t document;
    reader->adapter = strchr(asset->name, '/') + 1;
    if (!yaml_parser_initialize(&parser))
        return;
    yaml_parser_set_input_string(&parser, (const unsigned char *)asset->data.ptr,
                                 asset->data.len);
    if (yaml_parser_load(&parser, &document)) {
        reader->document = &document;
        take_document(reader);
        yaml_document_delete(&document);
    }
    yaml_parser_delete(&parser);
}

void admin_examples(struct admin_request *request) {
    struct reader reader = { 0 };
    yyjson_mut_val *root;
    reader.doc = admin_document(&root);
    reader.rows = yyjson_mut_obj_add_arr(reader.doc, root, "examples");
    for (const struct embedded *asset = assets; asset->name; asset++)
        if (!strncmp(asset->name, "asyncapi/", 9))
            take_asset(&reader, asset);
    admin_reply(request, 200, reader.doc);
}
