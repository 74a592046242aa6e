#include "core/replay/player_internal.h"

static const char *kind_name(enum frame_kind kind) {
    static const char *const names[] = {
        [FRAME_TEXT] = "text", [FRAME_BINARY] = "binary", [FRAME_PING] = "ping",
        [FRAME_PONG] = "pong",
    };
    return names[kind];
}

unsigned compare_frame(struct player *player, const struct step *step,
                       const struct arrival *arrival, struct buf *report) {
    if (step->frame != arrival->kind) {
        if (report)
            buf_printf(report, "  a %s frame is expected, a %s frame came\n",
                       kind_name(step->frame), kind_name(arrival->kind));
        return 1;
    }
    return pattern_match(step->in, buf_slice(&arrival->bytes), player->vars, report);
}

static unsigned compare_header(struct player *player, const struct header *header,
                               const struct answer *answer, struct buf *report) {
    const struct answer_field *field = answer_field(answer, header->name);
    unsigned count = 0;
    if (!header->in)
        count = field != NULL;
    else if (!field)
        count = 1;
    else
        count = pattern_match(header->in, field->value, player->vars, NULL);
    if (count && report) {
        struct dm_slice expected = header->in ? pattern_source(header->in) : DM_SLICE("(absent)");
        struct dm_slice got = field ? field->value : DM_SLICE("(absent)");
        buf_printf(report, "  header %.*s\n    expected %.*s\n    got      %.*s\n",
                   DM_SLICE_FMT(header->name), DM_SLICE_FMT(expected), DM_SLICE_FMT(got));
    }
    return count;
}

static unsigned compare_body(struct player *player, const struct step *step,
                             const struct answer *answer, struct buf *report) {
    struct dm_slice body = buf_slice(&answer->body);
    if (step->flags & STEP_ANY_BODY)
        return 0;
    if (step->in)
        return pattern_match(step->in, body, player->vars, report);
    if (body.len && report)
        buf_append_str(report, "  an empty body is expected\n");
    return body.len > 0;
}

unsigned compare_answer(struct player *player, const struct step *step,
                        const struct answer *answer, struct buf *report) {
    size_t mark = vars_mark(player->vars);
    unsigned count = step->status != answer->status;
    if (count && report)
        buf_printf(report, "  status\n    expected %u\n    got      %u\n", step->status,
                   answer->status);
    for (const struct header *header = step->headers; header; header = header->next)
        count += compare_header(player, header, answer, report);
    count += compare_body(player, step, answer, report);
    if (count)
        vars_rollback(player->vars, mark);
    return count;
}
