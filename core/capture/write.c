/* A record as a transcript. It is gone through three times: to learn which values there are, to see
 * which of them are used again, and to write. */
#include <ctype.h>
#include <stdlib.h>
#include <yyjson.h>

#include "core/capture/names.h"

#define LONG_VALUE 6
#define PACKET_END '\x1e'

struct writer {
    struct names names;
    struct buf *out; /* NULL: nothing is written, values are learnt */
    enum said_by by; /* of what is being written */
};

/* ---- values ---- */

/* JSON as it stands without variables: `$` doubled, and `<` so that no matcher is seen. */
static void put_json(struct buf *out, yyjson_val *val) {
    size_t len = 0;
    char *json = yyjson_val_write(val, 0, &len);
    for (size_t i = 0; i < len; i++) {
        if (json[i] == '<')
            buf_append_str(out, "\\u003c");
        else if (json[i] == '$')
            buf_append_str(out, "$$");
        else
            buf_append_char(out, json[i]);
    }
    free(json);
}

static void put_variable(struct writer *writer, struct name *name, int quoted) {
    name->uses++;
    buf_printf(writer->out, quoted ? "\"$%s\"" : "$%s", name->name);
}

/* A text in which a secret stands, as part of a URL, say. */
static int hides_secret(const struct writer *writer, struct dm_slice text) {
    list_foreach(it, &writer->names.all) {
        const struct name *name = container_of(it, struct name, link);
        if (name->class == VALUE_SECRET && name->value.len >= 4 &&
            memmem(text.ptr, text.len, name->value.ptr, name->value.len))
            return 1;
    }
    return 0;
}

/* Ints that a client says first stay: a variable of the header would be a text. */
static int is_declared(const struct name *name) {
    return name->first == BY_CLIENT && (name->is_string || name->class == VALUE_SECRET);
}

static void put_pattern(struct writer *writer, struct name *name, enum value_class class) {
    if (!name || name->first == BY_CLIENT || (name->needed == 1)) {
        buf_printf(writer->out, "<%s>", names_matcher(class));
        return;
    }
    name->is_known = 1;
    name->uses++;
    buf_printf(writer->out, "<%s $%s>", names_matcher(class), name->name);
}

static void scalar(struct writer *writer, struct dm_slice key, yyjson_val *val) {
    size_t len = 0;
    int is_string = yyjson_is_str(val);
    char *number = is_string || !yyjson_is_int(val) ? NULL : yyjson_val_write(val, 0, &len);
    struct dm_slice value = is_string ? (struct dm_slice){ yyjson_get_str(val),
                                                           yyjson_get_len(val) }
                                      : (struct dm_slice){ number ? number : "", len };
    enum value_class class = names_class(&writer->names, key, value, is_string);
    /* A long value is the same one under whatever key; a short one may be so by chance. */
    int tells = class != VALUE_PLAIN || value.len >= LONG_VALUE;
    struct name *name = tells ? names_find(&writer->names, value) : NULL;
    if (!writer->out)
        names_see(&writer->names, key, value, is_string, writer->by);
    else if (name && name->is_known)
        put_variable(writer, name, is_string);
    else if (class != VALUE_PLAIN && writer->by == BY_SERVER &&
             !(name && name->first == BY_CLIENT))
        put_pattern(writer, name, class);
    else if (is_string && hides_secret(writer, value))
        buf_append_str(writer->out, writer->by == BY_SERVER ? "<string>" : "\"***\"");
    else
        put_json(writer->out, val);
    free(number);
}

static void put(struct writer *writer, const char *text) {
    if (writer->out)
        buf_append_str(writer->out, text);
}

static void value(struct writer *writer, struct dm_slice key, yyjson_val *val) {
    size_t index, max;
    yyjson_val *name, *member;
    if (yyjson_is_obj(val)) {
        put(writer, "{");
        yyjson_obj_foreach(val, index, max, name, member) {
            put(writer, index ? "," : "");
            if (writer->out)
                put_json(writer->out, name);
            put(writer, ":");
            value(writer, (struct dm_slice){ yyjson_get_str(name), yyjson_get_len(name) },
                  member);
        }
        put(writer, "}");
    } else if (yyjson_is_arr(val)) {
        put(writer, "[");
        yyjson_arr_foreach(val, index, max, member) {
            put(writer, index ? "," : "");
            value(writer, key, member);
        }
        put(writer, "]");
    } else {
        scalar(writer, key, val);
    }
}

/* ---- bodies ---- */

static int is_plain(struct dm_slice text) {
    for (size_t i = 0; i < text.len; i++)
        if (!isalnum((unsigned char)text.ptr[i]) && !strchr("/,:;.-_+=#? ", text.ptr[i]))
            return 0;
    return 1;
}

/* The JSON of a packet, which has at most something plain before it; NULL: it is none. */
static yyjson_doc *parse(struct dm_slice packet, size_t *ret_at) {
    size_t at = 0;
    while (at < packet.len && packet.ptr[at] != '{' && packet.ptr[at] != '[')
        at++;
    *ret_at = at;
    if (at == packet.len || !is_plain((struct dm_slice){ packet.ptr, at }))
        return NULL;
    return yyjson_read(packet.ptr + at, packet.len - at, 0);
}

static struct dm_slice next_packet(struct dm_slice *rest) {
    const char *end = memchr(rest->ptr, PACKET_END, rest->len);
    struct dm_slice packet = { rest->ptr, end ? (size_t)(end - rest->ptr) : rest->len };
    size_t used = packet.len + (end != NULL);
    rest->ptr += used;
    rest->len -= used;
    return packet;
}

/* Whether all of it can be written as JSON with plain text before it. */
static int is_json(struct dm_slice body) {
    int found = 0;
    while (body.len) {
        size_t at;
        struct dm_slice packet = next_packet(&body);
        yyjson_doc *doc = parse(packet, &at);
        if (!doc && !is_plain(packet))
            return 0;
        found |= doc != NULL;
        yyjson_doc_free(doc);
    }
    return found;
}

static void json_body(struct writer *writer, struct dm_slice body) {
    while (body.len) {
        size_t at;
        struct dm_slice packet = next_packet(&body);
        yyjson_doc *doc = parse(packet, &at);
        if (writer->out)
            buf_append(writer->out, packet.ptr, doc ? at : packet.len);
        if (doc)
            value(writer, DM_SLICE(""), yyjson_doc_get_root(doc));
        yyjson_doc_free(doc);
        put(writer, body.len ? "<rs>" : "");
    }
}

/* The known value that begins here, the longest; values of a few letters come up by chance. */
static struct name *known_at(const struct writer *writer, struct dm_slice text) {
    struct name *found = NULL;
    list_foreach(it, &writer->names.all) {
        struct name *name = container_of(it, struct name, link);
        if (name->is_known && name->value.len >= 4 && name->value.len <= text.len &&
            memcmp(name->value.ptr, text.ptr, name->value.len) == 0 &&
            (!found || name->value.len > found->value.len))
            found = name;
    }
    return found;
}

/* Text in which known values stand as variables. */
static void text_with_names(struct writer *writer, struct dm_slice text, int quoted) {
    while (text.len) {
        unsigned char c = (unsigned char)*text.ptr;
        struct name *name = known_at(writer, text);
        size_t used = name ? name->value.len : 1;
        if (name) {
            name->uses++;
            buf_printf(writer->out, "${%s}", name->name);
        } else if (c == '$') {
            buf_append_str(writer->out, "$$");
        } else if (quoted && (c < 0x20 || c >= 0x7f || c == '"' || c == '\\' || c == '<')) {
            buf_printf(writer->out, "\\x%02x", c);
        } else {
            buf_append_char(writer->out, (char)c);
        }
        text.ptr += used;
        text.len -= used;
    }
}

static void quoted_body(struct writer *writer, const char *kind, struct dm_slice body) {
    buf_printf(writer->out, "%s \"", kind);
    text_with_names(writer, body, 1);
    buf_append_char(writer->out, '"');
}

/* name=value pairs: of a query, of a form. */
static void learn_pairs(struct writer *writer, struct dm_slice pairs) {
    while (pairs.len) {
        const char *end = memchr(pairs.ptr, '&', pairs.len);
        size_t len = end ? (size_t)(end - pairs.ptr) : pairs.len;
        const char *equals = memchr(pairs.ptr, '=', len);
        size_t key = equals ? (size_t)(equals - pairs.ptr) : len;
        if (equals)
            names_see(&writer->names, (struct dm_slice){ pairs.ptr, key },
                      (struct dm_slice){ equals + 1, len - key - 1 }, 1, writer->by);
        len += end != NULL;
        pairs.ptr += len;
        pairs.len -= len;
    }
}

static int is_form(const struct said *said) {
    return said->type.ptr && strncmp(said->type.ptr, "application/x-www-form", 22) == 0;
}

static void body(struct writer *writer, const struct said *said) {
    if (is_json(said->body) && said->kind != SAID_BINARY)
        json_body(writer, said->body);
    else if (writer->out)
        quoted_body(writer, said->kind == SAID_BINARY ? "binary" : "text", said->body);
    else if (is_form(said))
        learn_pairs(writer, said->body);
}

/* ---- steps ---- */

static void learn_head(struct writer *writer, struct dm_slice head) {
    static const char bearer[] = "Authorization: Bearer ";
    size_t skip = sizeof(bearer) - 1;
    while (head.len) {
        const char *end = memchr(head.ptr, '\n', head.len);
        size_t len = end ? (size_t)(end - head.ptr) : head.len;
        const char *colon = memchr(head.ptr, ':', len);
        size_t key = colon ? (size_t)(colon - head.ptr) : len;
        if (len > skip && strncasecmp(head.ptr, bearer, skip) == 0)
            names_see(&writer->names, DM_SLICE("token"),
                      (struct dm_slice){ head.ptr + skip, len - skip }, 1, BY_CLIENT);
        else if (colon && len > key + 2)
            names_see(&writer->names, (struct dm_slice){ head.ptr, key },
                      (struct dm_slice){ colon + 2, len - key - 2 }, 1, BY_CLIENT);
        len += end != NULL;
        head.ptr += len;
        head.len -= len;
    }
}

static void path_and_head(struct writer *writer, const struct said *said) {
    const char *query = memchr(said->path.ptr, '?', said->path.len);
    struct dm_slice head = said->head;
    if (!writer->out) {
        if (query)
            learn_pairs(writer, (struct dm_slice){ query + 1,
                        said->path.len - (size_t)(query + 1 - said->path.ptr) });
        learn_head(writer, said->head);
        return;
    }
    text_with_names(writer, said->path, 0);
    buf_append_char(writer->out, '\n');
    while (head.len) {
        const char *end = memchr(head.ptr, '\n', head.len);
        size_t len = end ? (size_t)(end - head.ptr) : head.len;
        buf_append_str(writer->out, "  ");
        text_with_names(writer, (struct dm_slice){ head.ptr, len }, 0);
        buf_append_char(writer->out, '\n');
        len += end != NULL;
        head.ptr += len;
        head.len -= len;
    }
}

static void message(struct writer *writer, const struct said *said, const char *arrow) {
    if (writer->out)
        buf_printf(writer->out, "c%u %s ", said->client, arrow);
    if (said->kind == SAID_BINARY && writer->out)
        quoted_body(writer, "binary", said->body);
    else
        body(writer, said);
    put(writer, "\n");
}

static void exchange(struct writer *writer, const struct said *said) {
    int asks = said->kind == SAID_REQUEST;
    if (writer->out && asks)
        buf_printf(writer->out, "c%u %.*s ", said->client, DM_SLICE_FMT(said->method));
    else if (writer->out)
        buf_printf(writer->out, "c%u %s %u\n", said->client,
                   said->kind == SAID_REFUSED ? "refused" : "<-", said->status);
    if (asks)
        path_and_head(writer, said);
    if (said->body.len == 0)
        return;
    put(writer, "  ");
    if (!asks && !is_json(said->body) && said->body.len > 4096)
        put(writer, "...");
    else
        body(writer, said);
    put(writer, "\n");
}

static void step(struct writer *writer, const struct said *said) {
    writer->by = said->by;
    switch (said->kind) {
    case SAID_UPGRADE:
        if (writer->out)
            buf_printf(writer->out, "c%u connect ws ", said->client);
        path_and_head(writer, said);
        break;
    case SAID_TEXT:
    case SAID_BINARY: message(writer, said, said->by == BY_CLIENT ? "->" : "<-"); break;
    case SAID_REQUEST:
    case SAID_ANSWER:
    case SAID_REFUSED: exchange(writer, said); break;
    case SAID_CLOSE:
        if (writer->out)
            buf_printf(writer->out, said->status ? "c%u %s %u\n" : "c%u %s\n", said->client,
                       said->by == BY_CLIENT ? "close" : "closed", said->status);
        break;
    case SAID_DROP:
        if (writer->out)
            buf_printf(writer->out, "c%u %s\n", said->client,
                       said->by == BY_CLIENT ? "drop" : "closed 1006");
        break;
    }
}

static void steps(struct writer *writer, const struct record *record) {
    list_foreach(it, &writer->names.all) {
        struct name *name = container_of(it, struct name, link);
        name->is_known = is_declared(name);
        name->needed = name->uses;
        name->uses = 0;
    }
    list_foreach(it, &record->said)
        step(writer, container_of(it, struct said, link));
}

static void header(struct writer *writer, const struct record *record) {
    buf_append_str(writer->out, "transcript 1\ntitle A captured conversation\n");
    list_foreach(it, &writer->names.all) {
        struct name *name = container_of(it, struct name, link);
        if (!is_declared(name) || !name->uses)
            continue;
        buf_printf(writer->out, "var %s", name->name);
        if (name->class != VALUE_SECRET)
            buf_printf(writer->out, "=%.*s", DM_SLICE_FMT(name->value));
        buf_append_char(writer->out, '\n');
    }
    if (record->left_out)
        buf_printf(writer->out, "# Not all was recorded: %zu frames, requests or connections are "
                   "missing.\n", record->left_out);
    buf_append_char(writer->out, '\n');
}

void record_write(const struct record *record, const struct masks *masks, struct buf *out) {
    struct buf body_text = BUF_INIT;
    struct writer writer = { .out = NULL };
    names_init(&writer.names, masks);
    steps(&writer, record);
    writer.out = &body_text;
    for (int round = 0; round < 2; round++) {
        buf_reset(&body_text);
        steps(&writer, record);
    }
    writer.out = out;
    header(&writer, record);
    buf_append_slice(out, buf_slice(&body_text));
    names_fini(&writer.names);
    buf_fini(&body_text);
}
