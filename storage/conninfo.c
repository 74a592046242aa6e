#include "storage/conninfo.h"

#include <errno.h>
#include <libpq-fe.h>

int conninfo_check(const char *conninfo) {
    PQconninfoOption *options = PQconninfoParse(conninfo, NULL);
    int r = options ? 0 : -EINVAL;
    PQconninfoFree(options);
    return r;
}

static void append_value(const char *value, struct buf *text) {
    buf_append_char(text, '\'');
    for (; *value; value++) {
        if (*value == '\'' || *value == '\\')
            buf_append_char(text, '\\');
        buf_append_char(text, *value);
    }
    buf_append_char(text, '\'');
}

void conninfo_append_masked(const char *conninfo, struct buf *ret_text) {
    PQconninfoOption *options = PQconninfoParse(conninfo, NULL);
    const char *blank = "";
    if (!options)
        buf_append_str(ret_text, "***");
    for (const PQconninfoOption *o = options; o && o->keyword; o++) {
        if (!o->val)
            continue;
        buf_printf(ret_text, "%s%s=", blank, o->keyword);
        blank = " ";
        /* libpq marks with a star what a dialog would not show. */
        if (o->dispchar[0] == '*')
            buf_append_str(ret_text, "***");
        else
            append_value(o->val, ret_text);
    }
    PQconninfoFree(options);
}
