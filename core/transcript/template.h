/* Texts to send: literal bytes with variables and fills in them. */
#ifndef DRAGOMAN_TRANSCRIPT_TEMPLATE_H
#define DRAGOMAN_TRANSCRIPT_TEMPLATE_H

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/transcript/scan.h"
#include "core/transcript/vars.h"

struct template;

enum template_form {
    TEMPLATE_RAW,    /* variables stand as they are: paths, headers */
    TEMPLATE_FRAME,  /* behind the first { or [ variables stand as JSON needs it */
    TEMPLATE_QUOTED, /* one or more "quoted" texts, joined; variables stand as they are */
};

/* Parses src into the arena, which the template lives in; src is borrowed as long. Variables are
 * noted in refs. Returns NULL, or what is wrong (static). */
const char *template_parse(struct arena *arena, struct dm_slice src, enum template_form form,
                           struct refs *refs, struct template **ret_template);

/* Appends the bytes to send. Returns 0, or -1 when a variable is not bound (its name is then in
 * *ret_unbound, and out holds a part of the text). */
int template_render(const struct template *template, const struct vars *vars, struct buf *out,
                    struct dm_slice *ret_unbound);

#endif
