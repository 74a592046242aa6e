#include "core/adapter/multipart.h"

#include "core/net/http.h"

#define BOUNDARY_MAX 70
#define HEAD_MAX 4096

static struct dm_slice trim(struct dm_slice text) {
    while (text.len && (text.ptr[0] == ' ' || text.ptr[0] == '\t')) {
        text.ptr++;
        text.len--;
    }
    while (text.len && (text.ptr[text.len - 1] == ' ' || text.ptr[text.len - 1] == '\t'))
        text.len--;
    return text;
}

static struct dm_slice after(struct dm_slice text, size_t skip) {
    return (struct dm_slice){ text.ptr + skip, text.len - skip };
}

/* Cuts text at the first such character outside of quotes; the rest, without it, or absent. */
static struct dm_slice cut(struct dm_slice *text, char at) {
    struct dm_slice whole = *text;
    int quoted = 0;

    for (size_t i = 0; i < whole.len; i++) {
        if (quoted && whole.ptr[i] == '\\') {
            i++;
            continue;
        }
        if (whole.ptr[i] == '"')
            quoted = !quoted;
        if (quoted || whole.ptr[i] != at)
            continue;
        text->len = i;
        return after(whole, i + 1);
    }
    return DM_SLICE_NONE;
}

static struct dm_slice unquote(struct dm_slice text) {
    if (text.len >= 2 && text.ptr[0] == '"' && text.ptr[text.len - 1] == '"')
        return (struct dm_slice){ text.ptr + 1, text.len - 2 };
    return text;
}

/* A parameter of a value like `form-data; name="x"`; absent when it is not there. */
static struct dm_slice parameter(struct dm_slice value, const char *name) {
    struct dm_slice rest = cut(&value, ';');

    while (rest.ptr) {
        struct dm_slice key = rest, content;

        rest = cut(&key, ';');
        content = cut(&key, '=');
        if (content.ptr && http_name_is(trim(key), name))
            return unquote(trim(content));
    }
    return DM_SLICE_NONE;
}

static int type_is(struct dm_slice value, const char *type) {
    (void)cut(&value, ';');
    return http_name_is(trim(value), type);
}

/* What follows a delimiter: "--" ends the body, a line end (after blanks) begins a part. */
static int ends_delimiter(struct dm_slice rest) {
    if (rest.len >= 2 && memcmp(rest.ptr, "--", 2) == 0)
        return 1;
    while (rest.len && (rest.ptr[0] == ' ' || rest.ptr[0] == '\t'))
        rest = after(rest, 1);
    return rest.len >= 2 && memcmp(rest.ptr, "\r\n", 2) == 0;
}

/* The first delimiter ("\r\n--boundary") in text, which is a line of its own; NULL when there is
 * none. */
static const char *find(struct dm_slice text, struct dm_slice delimiter) {
    const char *at;

    while (text.len && (at = memmem(text.ptr, text.len, delimiter.ptr, delimiter.len))) {
        text = after(text, (size_t)(at - text.ptr) + delimiter.len);
        if (ends_delimiter(text))
            return at;
    }
    return NULL;
}

static int read_head(struct dm_slice head, struct dm_part *part) {
    int named = 0;

    while (head.len) {
        const char *end = memmem(head.ptr, head.len, "\r\n", 2);
        struct dm_slice line = head, value;

        if (!end)
            return -1;
        line.len = (size_t)(end - head.ptr);
        head = after(head, line.len + 2);
        value = cut(&line, ':');
        if (!value.ptr)
            return -1;
        if (http_name_is(line, "content-type")) {
            part->content_type = trim(value);
        } else if (http_name_is(line, "content-disposition") && type_is(value, "form-data")) {
            part->name = parameter(value, "name");
            part->filename = parameter(value, "filename");
            named = part->name.ptr != NULL;
        }
    }
    return named ? 0 : -1;
}

/* What lies between two delimiters: the rest of the first one's line, head, data. */
static int read_part(struct dm_slice text, struct dm_part *ret_part) {
    struct dm_part part = { DM_SLICE_NONE, DM_SLICE_NONE, DM_SLICE_NONE, DM_SLICE_NONE };
    const char *end = memchr(text.ptr, '\n', text.len);

    if (!end)
        return -1;
    text = after(text, (size_t)(end - text.ptr) + 1);
    end = memmem(text.ptr, text.len, "\r\n\r\n", 4);
    if (!end || end - text.ptr > HEAD_MAX)
        return -1;
    part.data = after(text, (size_t)(end - text.ptr) + 4);
    if (read_head((struct dm_slice){ text.ptr, (size_t)(end - text.ptr) + 2 }, &part) != 0)
        return -1;
    *ret_part = part;
    return 1;
}

/* Where the first delimiter ends; 0 when there is none. Nothing precedes it, or a line end does. */
static size_t begin(struct dm_slice body, struct dm_slice delimiter) {
    struct dm_slice bare = after(delimiter, 2);
    const char *at;

    if (body.len >= bare.len && memcmp(body.ptr, bare.ptr, bare.len) == 0
        && ends_delimiter(after(body, bare.len)))
        return bare.len;
    at = find(body, delimiter);
    return at ? (size_t)(at - body.ptr) + delimiter.len : 0;
}

int multipart_part(struct dm_slice content_type, struct dm_slice body, size_t index,
                   struct multipart_cursor *cursor, struct dm_part *ret_part) {
    char text[BOUNDARY_MAX + 4] = "\r\n--";
    struct dm_slice boundary = parameter(content_type, "boundary"), delimiter;

    if (!type_is(content_type, "multipart/form-data") || boundary.len == 0
        || boundary.len > BOUNDARY_MAX)
        return -1;
    memcpy(text + 4, boundary.ptr, boundary.len);
    delimiter = (struct dm_slice){ text, boundary.len + 4 };
    if (!cursor->offset || index < cursor->index)
        *cursor = (struct multipart_cursor){ 0, begin(body, delimiter) };
    while (cursor->offset) {
        struct dm_slice rest = after(body, cursor->offset);
        const char *end;

        if (rest.len >= 2 && memcmp(rest.ptr, "--", 2) == 0)
            return 0;
        end = find(rest, delimiter);
        if (!end)
            return -1;
        if (cursor->index == index)
            return read_part((struct dm_slice){ rest.ptr, (size_t)(end - rest.ptr) }, ret_part);
        *cursor = (struct multipart_cursor){
            cursor->index + 1, (size_t)(end - body.ptr) + delimiter.len,
        };
    }
    return -1;
}
