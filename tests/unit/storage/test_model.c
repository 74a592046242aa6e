/* A direct thread under random commands, beside a model that keeps no counters. */
#include "tests/unit/storage/rig.h"

TestSuite(model, .timeout = 300);

enum { STEPS = 500 };

struct model_message {
    int64_t id;
    int author; /* 0 opens the thread, 1 is asked */
    int held;   /* 1 waits, 2 for ever */
    int deleted, read, delivered;
};

struct model {
    struct model_message messages[STEPS + 1]; /* by seq */
    int count;
    int requested;
    int blocked[2];
};

static int visible(const struct model_message *m, int viewer) {
    return !m->deleted && (m->held == 0 || m->author == viewer);
}

static int unread(const struct model *model, int viewer) {
    int count = 0;
    for (int i = 1; i <= model->count; i++) {
        const struct model_message *m = &model->messages[i];
        count += m->author != viewer && visible(m, viewer) && !m->read;
    }
    return count;
}

static int64_t user(int side) {
    return USER(side + 1);
}

static void step_append(struct rig *rig, struct model *model, int64_t thread, int side) {
    struct store_append a = rig_append(rig, thread, user(side), "x");
    if (model->blocked[0] || model->blocked[1] || (model->requested && side == 1)) {
        cr_assert(eq(int, a.ret_outcome, STORE_REFUSED_BLOCKED));
        return;
    }
    int held = model->requested && model->count > 0;
    cr_assert(eq(int, a.ret_outcome, held ? STORE_APPENDED_HELD : STORE_APPENDED));
    cr_assert(eq(u64, a.ret_seq, (uint64_t)model->count + 1));
    model->messages[++model->count] = (struct model_message){ .id = a.ret_id, .author = side,
                                                              .held = held };
    if (!held)
        cr_assert(eq(u64, a.ret_unread, (uint64_t)unread(model, !side)));
}

static void step_read(struct rig *rig, struct model *model, int64_t thread, int side) {
    struct call call = { .call = { .thread_id = thread } };
    size_t expected = (size_t)unread(model, side);
    cr_assert(eq(int, rig_command(rig, &call, user(side), DM_CMD_READ), DM_OK));
    cr_assert(eq(sz, call.result.message_count, expected));
    for (size_t i = 0; i < expected; i++) {
        struct model_message *m = &model->messages[call.result.messages[i]->seq];
        check_true(!m->read && m->author != side && visible(m, side));
        m->read = 1;
    }
}

static void step_read_one(struct rig *rig, struct model *model, int side, int seq) {
    struct model_message *m = &model->messages[seq];
    struct call call = { .command = { .message = dm_ref_id(m->id) } };
    enum dm_status status = rig_command(rig, &call, user(side), DM_CMD_READ_ONE);
    if (m->author == side || !visible(m, side)) {
        cr_assert(eq(int, status, DM_NO_MESSAGE));
        return;
    }
    cr_assert(eq(int, status, DM_OK));
    cr_assert(eq(int, call.result.flags, m->read ? 0 : DM_RESULT_CHANGED));
    m->read = 1;
    cr_assert(eq(u64, call.result.count, (uint64_t)unread(model, side)));
}

static void step_delete(struct rig *rig, struct model *model, int side, int seq) {
    struct model_message *m = &model->messages[seq];
    struct call call = { .command = { .message = dm_ref_id(m->id) } };
    int may = m->author == side && !m->deleted;
    cr_assert(eq(int, rig_command(rig, &call, user(side), DM_CMD_DELETE),
                 may ? DM_OK : DM_NO_MESSAGE));
    if (may)
        cr_assert(eq(int, !!(call.result.message->flags & DM_MESSAGE_HELD), m->held != 0));
    m->deleted |= may;
}

static void step_mark(struct rig *rig, struct model *model, int64_t thread, int side, int seq) {
    struct model_message *m = &model->messages[seq];
    if (m->author == side || !visible(m, side))
        return; /* nobody is pushed that */
    rig_mark(rig, thread, user(side), (uint64_t)seq, (uint64_t)seq);
    m->delivered = 1;
}

static void step_gate(struct rig *rig, struct model *model, int64_t thread, int block) {
    struct call call = { .call = { .thread_id = thread } };
    size_t released = 0;
    enum dm_command_kind kind = block ? DM_CMD_BLOCK : DM_CMD_APPROVE;
    cr_assert(eq(int, rig_command(rig, &call, user(1), kind), DM_OK));
    for (int i = 1; i <= model->count; i++) {
        struct model_message *m = &model->messages[i];
        if (block && m->held == 1)
            m->held = 2;
        if (!block && m->held == 1) {
            released += !m->deleted;
            m->held = 0;
        }
    }
    model->blocked[1] = block;
    if (!block)
        model->requested = 0;
    cr_assert(eq(sz, call.result.message_count, released));
}

static void check_views(struct rig *rig, const struct model *model, int64_t thread) {
    for (int side = 0; side < 2; side++) {
        struct call call = { .call = { .thread_id = thread },
                             .command = { .limit = 1000, .flags = DM_CMD_OLDEST_FIRST } };
        size_t next = 0;
        cr_assert(eq(int, rig_command(rig, &call, user(side), DM_CMD_HISTORY), DM_OK));
        for (int i = 1; i <= model->count; i++) {
            const struct model_message *m = &model->messages[i];
            if (!visible(m, side))
                continue;
            check_true(next < call.result.message_count);
            const struct dm_message *got = call.result.messages[next++];
            cr_assert(eq(u64, got->seq, (uint64_t)i));
            cr_assert(eq(int, got->state,
                         m->read                        ? DM_MESSAGE_READ
                         : m->delivered && m->held == 0 ? DM_MESSAGE_DELIVERED
                                                        : DM_MESSAGE_STORED), "seq %d", i);
        }
        cr_assert(eq(sz, call.result.message_count, next));
        cr_assert(eq(u64, call.result.thread->message_count, next));
        cr_assert(eq(u64, call.result.thread->unread, (uint64_t)unread(model, side)));
    }
}

static void play(uint64_t seed, int gated) {
    struct rig rig;
    static struct model model;
    model = (struct model){ .requested = gated };
    rig_open(&rig);
    rig_users(&rig, 2);
    int64_t thread = rig_direct(&rig, USER(1), USER(2), gated);
    for (int i = 0; i < STEPS; i++) {
        int side = (int)(sequence_next(&seed) % 2);
        int seq = model.count ? 1 + (int)(sequence_next(&seed) % (uint64_t)model.count) : 0;
        switch (sequence_next(&seed) % 12) {
        case 0:
            step_read(&rig, &model, thread, side);
            break;
        case 1: case 2:
            if (seq)
                step_read_one(&rig, &model, side, seq);
            break;
        case 3:
            if (seq)
                step_delete(&rig, &model, side, seq);
            break;
        case 4: case 5: case 6:
            if (seq)
                step_mark(&rig, &model, thread, side, seq);
            break;
        case 7:
            if (sequence_next(&seed) % 6 == 0)
                step_gate(&rig, &model, thread, sequence_next(&seed) % 3 == 0);
            break;
        default:
            step_append(&rig, &model, thread, side);
        }
        if (i % 10 == 9)
            check_views(&rig, &model, thread);
    }
    rig_close(&rig);
}

Test(model, an_open_thread) {
    play(1, 0);
    play(2, 0);
}

Test(model, a_requested_thread) {
    play(3, 1);
    play(4, 1);
    play(5, 1);
}
