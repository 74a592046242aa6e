/* The values of a record that become variables or patterns. Internal to the capture. */
#ifndef DRAGOMAN_CAPTURE_NAMES_H
#define DRAGOMAN_CAPTURE_NAMES_H

#include "core/capture/record.h"

enum value_class {
    VALUE_PLAIN = 0, /* stands as it is */
    VALUE_SECRET,
    VALUE_UUID,
    VALUE_ISO,       /* 2026-11-20T08:29:21.766487, without a zone */
    VALUE_ISO_Z,
    VALUE_ISO_OFFSET,
    VALUE_TIME,      /* any other ISO 8601 time */
    VALUE_INT,       /* an id, or a time as a number */
    VALUE_TEXT,      /* an id that is a string */
    VALUE_URL,
};

struct name {
    struct list link;
    struct dm_slice value;
    enum value_class class;
    char name[40];      /* without the $ */
    enum said_by first; /* who said it first */
    int is_string;
    int is_known;       /* while writing: declared, or captured already */
    size_t uses;        /* of the variable, in what was written last, its capture included */
    size_t needed;      /* those of the time before */
};

struct names {
    struct arena arena;
    struct list all;
    const struct masks *masks;
    unsigned made;
};

void names_init(struct names *names, const struct masks *masks);
void names_fini(struct names *names);

/* What the value under that key is. */
enum value_class names_class(const struct names *names, struct dm_slice key,
                             struct dm_slice value, int is_string);

/* Takes note of an occurrence; plain values are not kept. */
void names_see(struct names *names, struct dm_slice key, struct dm_slice value, int is_string,
               enum said_by by);

struct name *names_find(const struct names *names, struct dm_slice value);

/* The matcher of a class, without its brackets: "uuid". */
const char *names_matcher(enum value_class class);

#endif
