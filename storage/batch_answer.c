#include <errno.h>

#include "storage/batch.h"
#include "storage/pg_read.h"

/* Bits of ret_code. */
enum {
    CODE_PLAIN = 1,
    CODE_KNOWN = 2,
    CODE_CHAT = 4,
    CODE_REQUESTED = 8,
    CODE_BLOCKED = 16,
    CODE_ASKS = 32, /* the first that was taken is the request */
};

struct ints {
    const int64_t *list;
    size_t count;
};

struct answer {
    int64_t at;
    struct ints ids, base, rev, unread[2], code, lo, hi, member_rev, taken;
};

/* Of append_one(): everything is about the only message and its thread. */
static int answer_read_one(const struct batch *batch, const PGresult *result, struct arena *arena,
                           struct answer *ret) {
    struct ints *const parts[] = { &ret->ids, &ret->base, &ret->rev, &ret->unread[SIDE_LO],
                                   &ret->unread[SIDE_HI], &ret->code, &ret->lo, &ret->hi,
                                   &ret->member_rev };
    enum { PARTS = sizeof(parts) / sizeof(parts[0]) };
    static const int64_t first = 1;
    size_t count;
    const int64_t *list = pg_read_ints(result, 0, 0, arena, &count);
    if (count != PARTS + 2 || batch->row_count != 1 || batch->thread_count != 1)
        return -EPROTO;
    ret->at = list[0];
    for (size_t i = 0; i < PARTS; i++)
        *parts[i] = (struct ints){ &list[i + 1], 1 };
    ret->taken = (struct ints){ &first, list[PARTS + 1] ? 1 : 0 };
    return 0;
}

static int answer_read(const struct batch *batch, const PGresult *result, struct arena *arena,
                       struct answer *ret) {
    struct ints *const per_thread[] = { &ret->base, &ret->rev, &ret->unread[SIDE_LO],
                                        &ret->unread[SIDE_HI], &ret->code, &ret->lo, &ret->hi,
                                        &ret->member_rev };
    const size_t always = 4, count = sizeof(per_thread) / sizeof(per_thread[0]);
    if (PQntuples(result) == 1 && PQnfields(result) == 1)
        return answer_read_one(batch, result, arena, ret);
    if (PQntuples(result) != 1 || PQnfields(result) != 11)
        return -EPROTO;
    ret->at = pg_read_time(result, 0, 0);
    ret->ids.list = pg_read_ints(result, 0, 1, arena, &ret->ids.count);
    ret->taken.list = pg_read_ints(result, 0, 10, arena, &ret->taken.count);
    if (ret->ids.count != batch->row_count)
        return -EPROTO;
    for (size_t i = 0; i < count; i++) {
        struct ints *ints = per_thread[i];
        ints->list = pg_read_ints(result, 0, (int)i + 2, arena, &ints->count);
        if (ints->count != batch->thread_count && (i < always || ints->count != ret->code.count))
            return -EPROTO;
    }
    return 0;
}

static enum dm_thread_state state_of(int64_t code) {
    return code & CODE_BLOCKED     ? DM_THREAD_BLOCKED
           : code & CODE_REQUESTED ? DM_THREAD_REQUESTED
                                   : DM_THREAD_ALLOWED;
}

/* Unread messages of the other one right after this message, of which later ones of the batch know
 * nothing. */
static uint64_t unread_after(const struct batch_thread *thread, const struct batch_row *row,
                             const struct answer *answer, int64_t code) {
    if (row->side == SIDE_OTHER)
        return 0;
    int64_t unread = answer->unread[row->side == SIDE_LO ? SIDE_HI : SIDE_LO].list[row->thread];
    if (!(code & CODE_REQUESTED))
        unread -= thread->count[row->side] - row->rank;
    return unread > 0 ? (uint64_t)unread : 0;
}

/* `place` of the `total` messages that the thread took. */
static void decode_taken(const struct batch *batch, const struct answer *answer, size_t index,
                         int64_t code, size_t place, size_t total) {
    const struct batch_row *row = &batch->rows[index];
    struct store_append *append = (struct store_append *)row->request;
    append->ret_id = answer->ids.list[index];
    append->ret_seq = (uint64_t)answer->base.list[row->thread] + place + 1;
    append->ret_rev = (uint64_t)answer->rev.list[row->thread] - (total - 1 - place);
    append->ret_created_us = answer->at;
    append->ret_outcome = (code & CODE_REQUESTED) && !(place == 0 && code & CODE_ASKS)
                              ? STORE_APPENDED_HELD : STORE_APPENDED;
    append->ret_unread = unread_after(&batch->threads[row->thread], row, answer, code);
}

static void decode_refused(const struct batch_row *row, int64_t code) {
    struct store_append *append = (struct store_append *)row->request;
    if (!(code & CODE_KNOWN) || (code & CODE_CHAT) || row->side == SIDE_OTHER)
        append->ret_outcome = STORE_REFUSED_MEMBER;
    else if ((code & CODE_REQUESTED) && !(code & CODE_BLOCKED) &&
             (append->flags & STORE_APPEND_APPROVES))
        append->ret_outcome = STORE_NEEDS_APPROVE;
    else
        append->ret_outcome = STORE_REFUSED_BLOCKED;
}

static void decode_thread(struct batch *batch, const struct answer *answer, size_t index) {
    struct batch_thread *thread = &batch->threads[index];
    int64_t code = answer->code.count ? answer->code.list[index] : CODE_PLAIN;
    if (code != CODE_PLAIN) {
        thread->lo = answer->lo.list[index];
        thread->hi = answer->hi.list[index];
        batch_rank(batch, thread);
    }
    for (size_t i = 0; i < thread->count_all; i++) {
        struct batch_row *row = &batch->rows[thread->first + i];
        struct store_append *append = (struct store_append *)row->request;
        append->ret_state = state_of(code);
        append->ret_unread = 0;
        append->ret_member_rev = code == CODE_PLAIN
                                     ? 0 : (uint64_t)answer->member_rev.list[index];
        if (code == CODE_PLAIN)
            decode_taken(batch, answer, thread->first + i, code, i, thread->count_all);
        else
            decode_refused(row, code);
    }
}

/* Those that threads took which are not plain. */
static int decode_rest(const struct batch *batch, const struct answer *answer) {
    const struct ints *taken = &answer->taken;
    for (size_t i = 0; i < taken->count; i++)
        if (taken->list[i] < 1 || taken->list[i] > (int64_t)batch->row_count)
            return -EPROTO;
    for (size_t done = 0, end; done < taken->count; done = end) {
        size_t thread = batch->rows[taken->list[done] - 1].thread;
        for (end = done; end < taken->count; end++)
            if (batch->rows[taken->list[end] - 1].thread != thread)
                break;
        for (size_t i = done; i < end; i++)
            decode_taken(batch, answer, (size_t)taken->list[i] - 1, answer->code.list[thread],
                         i - done, end - done);
    }
    return 0;
}

int batch_decode(struct batch *batch, const PGresult *result) {
    struct answer answer;
    if (!batch->row_count)
        return 0;
    int error = answer_read(batch, result, &batch->arena, &answer);
    if (error)
        return error;
    if (!answer.code.count && answer.taken.count)
        return -EPROTO;
    for (size_t i = 0; i < batch->thread_count; i++)
        decode_thread(batch, &answer, i);
    return decode_rest(batch, &answer);
}

static void lookup_row(struct batch_row *entry, const PGresult *result, int row) {
    struct store_append *append = (struct store_append *)entry->request;
    append->ret_seq = (uint64_t)pg_read_int(result, row, 0);
    append->ret_id = pg_read_int(result, row, 1);
    append->ret_created_us = pg_read_time(result, row, 2);
    int held = pg_read_int(result, row, 3) != 0;
    append->ret_rev = (uint64_t)pg_read_int(result, row, 4);
    append->ret_member_rev = (uint64_t)pg_read_int(result, row, 5);
    append->ret_unread = (uint64_t)pg_read_int(result, row, 6);
    int member = pg_read_int(result, row, 7) != 0;
    int requested = pg_read_int(result, row, 8) != 0;
    int blocked = pg_read_int(result, row, 9) != 0;
    append->ret_state = blocked     ? DM_THREAD_BLOCKED
                        : requested ? DM_THREAD_REQUESTED
                                    : DM_THREAD_ALLOWED;
    if (append->ret_seq)
        append->ret_outcome = held ? STORE_APPENDED_HELD : STORE_APPENDED;
    else if (!member)
        append->ret_outcome = STORE_REFUSED_MEMBER;
    else if (requested && !blocked && (append->flags & STORE_APPEND_APPROVES))
        append->ret_outcome = STORE_NEEDS_APPROVE;
    else
        append->ret_outcome = STORE_REFUSED_BLOCKED;
}

int batch_lookup_decode(struct batch *batch, const PGresult *result) {
    if (PQntuples(result) != (int)batch->row_count || PQnfields(result) != 10)
        return -EPROTO;
    for (size_t i = 0; i < batch->row_count; i++)
        lookup_row(&batch->rows[i], result, (int)i);
    return 0;
}
