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

/* The first place of the delimiter "--boundary" in text; NULL when there is none. */
static const char *find(struct dm_slice text, struct dm_slice delimiter) {
    return text.len ? memmem(text.ptr, text.len, delimiter.ptr, delimiter.len) : NULL;
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
    const char *end;

    if (text.len < 4 || memcmp(text.ptr, "\r\n", 2) != 0)
        return -1;
    text = after(text, 2);
    end = memmem(text.ptr, text.len, "\r\n\r\n", 4);
    if (!end || end - text.ptr > HEAD_MAX)
        return -1;
    part.data = after(text, (size_t)(end - text.ptr) + 4);
    if (read_head((struct dm_slice){ text.ptr, (size_t)(end - text.ptr) + 2 }, &part) != 0)
        return -1;
    *ret_part = part;
    return 1;
}

int multipart_part(struct dm_slice content_type, struct dm_slice body, size_t index,
                   struct dm_part *ret_part) {
    char text[BOUNDARY_MAX + 4] = "\r\n--";
    struct dm_slice boundary = parameter(content_type, "boundary"), delimiter;
    struct dm_slice rest = body;

    if (!type_is(content_type, "multipart/form-data") || boundary.len == 0
        || boundary.len > BOUNDARY_MAX)
        return -1;
    memcpy(text + 4, boundary.ptr, boundary.len);
    delimiter = (struct dm_slice){ text, boundary.len + 4 };
    /* The first delimiter begins the body, so the line end before it is not there. */
    if (body.len < delimiter.len - 2 || memcmp(body.ptr, text + 2, delimiter.len - 2) != 0)
        return -1;
    rest = after(rest, delimiter.len - 2);
    for (size_t i = 0;; i++) {
        const char *end;

        if (rest.len >= 2 && memcmp(rest.ptr, "--", 2) == 0)
            return 0;
        end = find(rest, delimiter);
        if (!end)
            return -1;
        if (i == index)
            return read_part((struct dm_slice){ rest.ptr, (size_t)(end - rest.ptr) }, ret_part);
        rest = after(rest, (size_t)(end - rest.ptr) + delimiter.len);
    }
}
