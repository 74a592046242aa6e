#include "core/transcript/transcript.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/utf8.h"
#include "core/transcript/lines.h"

static const struct setting *find_setting(const struct setting *list, struct dm_slice name) {
    while (list && !dm_slice_eq(list->name, name))
        list = list->next;
    return list;
}

static int is_dotted(struct dm_slice name) {
    return memchr(name.ptr, '.', name.len) != NULL;
}

static int user_exists(const struct transcript *t, struct dm_slice dotted) {
    const char *dot = memchr(dotted.ptr, '.', dotted.len);
    struct dm_slice name = { dotted.ptr, (size_t)(dot - dotted.ptr) };
    for (const struct transcript_user *user = t->users; user; user = user->next)
        if (dm_slice_eq(user->name, name))
            return 1;
    return 0;
}

static unsigned count_refs(const struct ref *from, struct dm_slice name) {
    unsigned count = 0;
    for (; from; from = from->next)
        count += (unsigned)dm_slice_eq(from->name, name);
    return count;
}

static int bound_before(const struct parse *parse, const struct ref *ref) {
    for (const struct ref *r = parse->refs.first; r != ref; r = r->next)
        if (r->kind == REF_BINDS && dm_slice_eq(r->name, ref->name))
            return 1;
    return 0;
}

static int check_ref(struct parse *parse, const struct ref *ref) {
    const struct transcript *t = parse->transcript;
    if (is_dotted(ref->name)) {
        if (!user_exists(t, ref->name))
            return parse_fail(parse, ref->line, "$%.*s: there is no such user",
                              DM_SLICE_FMT(ref->name));
        return 0;
    }
    if (find_setting(t->vars, ref->name))
        return 0;
    if (ref->kind == REF_READS && !bound_before(parse, ref))
        return parse_fail(parse, ref->line, "$%.*s is used before anything is captured in it",
                          DM_SLICE_FMT(ref->name));
    if (ref->name.ptr[0] != '_' && count_refs(parse->refs.first, ref->name) == 1)
        return parse_fail(parse, ref->line, "$%.*s is captured and never used again",
                          DM_SLICE_FMT(ref->name));
    return 0;
}

/* Checks that variables are bound before they are read, and read if they are captured. */
static int check_refs(struct parse *parse) {
    for (const struct ref *ref = parse->refs.first; ref; ref = ref->next)
        if (check_ref(parse, ref) < 0)
            return -1;
    return 0;
}

static int check_open_requests(struct parse *parse) {
    const struct transcript *t = parse->transcript;
    for (size_t i = 0; i < t->client_count; i++)
        if (parse->states[i].open_requests)
            return parse_fail(parse, 0, "a request of %.*s has no answer",
                              DM_SLICE_FMT(t->clients[i]));
    return 0;
}

static int parse_all(struct parse *parse, struct dm_slice text) {
    struct lines lines;
    struct statement st;
    int in_header = 1;
    lines_init(&lines, text, 1);
    if (!lines_next(&lines, &st) || !slice_is(st.all, "transcript 1"))
        return parse_fail(parse, 1, "a transcript begins with \"transcript 1\"");
    while (lines_next(&lines, &st)) {
        struct dm_slice rest = st.all;
        struct dm_slice word = slice_word(&rest);
        int result = in_header ? parse_header(parse, &st, word, rest) : 0;
        in_header = result == 1;
        if (result == 0)
            result = parse_step(parse, &st);
        if (result < 0)
            return -1;
    }
    return check_refs(parse) < 0 ? -1 : check_open_requests(parse);
}

int transcript_parse(struct dm_slice text, struct transcript **ret_transcript,
                     struct transcript_error *ret_error) {
    struct transcript *t = mem_zalloc(sizeof(*t));
    struct parse parse = { .transcript = t, .arena = &t->arena, .tail = &t->steps,
                           .error = ret_error };
    arena_init(&t->arena, 32768);
    refs_init(&parse.refs, &t->arena);
    t->title = DM_SLICE("");
    int result = 0;
    if (text.len > TRANSCRIPT_SIZE_MAX)
        result = parse_fail(&parse, 0, "the transcript is too large");
    else if (!utf8_valid(text) || (text.len && memchr(text.ptr, '\0', text.len)))
        result = parse_fail(&parse, 0, "the transcript is no UTF-8 text");
    if (result == 0) {
        char *copy = arena_dup(&t->arena, text.ptr, text.len);
        lines_blank_comments(copy, text.len);
        result = parse_all(&parse, (struct dm_slice){ copy, text.len });
    }
    if (result < 0) {
        transcript_free(t);
        return -1;
    }
    *ret_transcript = t;
    return 0;
}

void transcript_free(struct transcript *transcript) {
    if (!transcript)
        return;
    arena_fini(&transcript->arena);
    free(transcript);
}

int transcript_give(struct transcript *transcript, const char *assignment) {
    size_t len = strcspn(assignment, "=");
    for (struct setting *var = transcript->vars; var && assignment[len]; var = var->next)
        if (dm_slice_eq(var->name, (struct dm_slice){ assignment, len })) {
            var->value = dm_slice_str(assignment + len + 1);
            return 1;
        }
    return 0;
}

const struct setting *transcript_needed(const struct transcript *transcript) {
    const struct setting *var = transcript->vars;
    while (var && var->value.ptr)
        var = var->next;
    return var;
}

static void bind_user(const struct transcript_user *user, struct vars *vars) {
    struct buf name = BUF_INIT;
    for (const struct setting *field = user->fields; field; field = field->next) {
        buf_reset(&name);
        buf_append_slice(&name, user->name);
        buf_append_char(&name, '.');
        buf_append_slice(&name, field->name);
        vars_set(vars, buf_slice(&name), VAR_TEXT, field->value);
    }
    buf_fini(&name);
}

void transcript_bind(const struct transcript *transcript, struct vars *vars) {
    for (const struct setting *var = transcript->vars; var; var = var->next)
        if (var->value.ptr)
            vars_set(vars, var->name, VAR_TEXT, var->value);
    for (const struct transcript_user *user = transcript->users; user; user = user->next)
        bind_user(user, vars);
}
