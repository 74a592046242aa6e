#include <errno.h>

#include "storage/batch.h"
#include "storage/pg_read.h"

/* Bits of ret_code. */
enum {
    CODE_A = 1,
    CODE_B = 2,
    CODE_MEMBER_A = 8,
    CODE_MEMBER_B = 16,
    CODE_REQUESTED = 32,
    CODE_BLOCKED = 64,
    CODE_CHAT = 128,
};

struct answer {
    int64_t at;
    const int64_t *ids, *base, *rev, *code, *unread_a, *unread_b, *member_rev, *chat;
    size_t id_count, base_count, rev_count, code_count, unread_a_count, unread_b_count,
        member_rev_count, chat_count;
};

static int answer_read(const struct batch *batch, const PGresult *result, struct arena *arena,
                       struct answer *ret) {
    if (PQntuples(result) != 1 || PQnfields(result) != 9)
        return -EPROTO;
    ret->at = pg_read_time(result, 0, 0);
    ret->ids = pg_read_ints(result, 0, 1, arena, &ret->id_count);
    ret->base = pg_read_ints(result, 0, 2, arena, &ret->base_count);
    ret->rev = pg_read_ints(result, 0, 3, arena, &ret->rev_count);
    ret->code = pg_read_ints(result, 0, 4, arena, &ret->code_count);
    ret->unread_a = pg_read_ints(result, 0, 5, arena, &ret->unread_a_count);
    ret->unread_b = pg_read_ints(result, 0, 6, arena, &ret->unread_b_count);
    ret->member_rev = pg_read_ints(result, 0, 7, arena, &ret->member_rev_count);
    ret->chat = pg_read_ints(result, 0, 8, arena, &ret->chat_count);
    size_t n = batch->thread_count;
    return ret->id_count == batch->row_count && ret->base_count == n && ret->rev_count == n &&
                   ret->code_count == n && ret->unread_a_count == n && ret->unread_b_count == n &&
                   ret->member_rev_count == n
               ? 0
               : -EPROTO;
}

static enum store_outcome refusal(int64_t code, enum batch_side side, uint32_t flags) {
    int64_t member = side == SIDE_A ? CODE_MEMBER_A : CODE_MEMBER_B;
    if (!(code & member))
        return STORE_REFUSED_MEMBER;
    if ((code & CODE_REQUESTED) && !(code & CODE_BLOCKED) && (flags & STORE_APPEND_APPROVES))
        return STORE_NEEDS_APPROVE;
    return STORE_REFUSED_BLOCKED;
}

static enum dm_thread_state state_of(int64_t code) {
    return code & CODE_BLOCKED     ? DM_THREAD_BLOCKED
           : code & CODE_REQUESTED ? DM_THREAD_REQUESTED
                                   : DM_THREAD_ALLOWED;
}

static void decode_direct(const struct batch *batch, const struct answer *answer, size_t index) {
    const struct batch_row *row = &batch->rows[index];
    const struct batch_thread *thread = &batch->threads[row->thread];
    struct store_append *append = (struct store_append *)row->request;
    int64_t code = answer->code[row->thread];
    uint32_t total = (code & CODE_A ? thread->count_a : 0) + (code & CODE_B ? thread->count_b : 0);
    uint32_t rank = (code & CODE_A ? row->rank_a : 0) + (code & CODE_B ? row->rank_b : 0);
    append->ret_state = state_of(code);
    if (!(code & (row->side == SIDE_A ? CODE_A : CODE_B))) {
        append->ret_outcome = refusal(code, row->side, append->flags);
        return;
    }
    append->ret_id = answer->ids[index];
    append->ret_seq = (uint64_t)answer->base[row->thread] + rank;
    append->ret_rev = (uint64_t)answer->rev[row->thread] - (total - rank);
    append->ret_created_us = answer->at;
    append->ret_outcome = append->ret_state == DM_THREAD_REQUESTED && append->ret_seq > 1
                              ? STORE_APPENDED_HELD
                              : STORE_APPENDED;
    /* As it was right after this message, of which later ones of the batch know nothing. */
    int64_t unread = row->side == SIDE_A ? answer->unread_a[row->thread]
                                         : answer->unread_b[row->thread];
    if (append->ret_state == DM_THREAD_ALLOWED)
        unread -= row->side == SIDE_A ? thread->count_a - row->rank_a
                                      : thread->count_b - row->rank_b;
    append->ret_unread = unread > 0 ? (uint64_t)unread : 0;
}

static int decode_chats(const struct batch *batch, const struct answer *answer) {
    size_t done = 0;
    while (done < answer->chat_count) {
        int64_t first = answer->chat[done] - 1;
        if (first < 0 || (size_t)first >= batch->row_count)
            return -EPROTO;
        size_t thread = batch->rows[first].thread;
        size_t end = done;
        for (; end < answer->chat_count; end++) {
            int64_t index = answer->chat[end] - 1;
            if (index < 0 || (size_t)index >= batch->row_count)
                return -EPROTO;
            if (batch->rows[index].thread != thread)
                break;
        }
        for (size_t i = done; i < end; i++) {
            size_t index = (size_t)answer->chat[i] - 1;
            struct store_append *append = (struct store_append *)batch->rows[index].request;
            append->ret_outcome = STORE_APPENDED;
            append->ret_id = answer->ids[index];
            append->ret_seq = (uint64_t)answer->base[thread] + (i - done) + 1;
            append->ret_rev = (uint64_t)answer->rev[thread] - (end - 1 - i);
            append->ret_created_us = answer->at;
        }
        done = end;
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
    for (size_t i = 0; i < batch->row_count; i++) {
        const struct batch_row *row = &batch->rows[i];
        struct store_append *append = (struct store_append *)row->request;
        append->ret_member_rev = (uint64_t)answer.member_rev[row->thread];
        append->ret_outcome = STORE_REFUSED_MEMBER;
        append->ret_state = DM_THREAD_ALLOWED;
        append->ret_unread = 0;
        int64_t code = answer.code[row->thread];
        if (code && !(code & CODE_CHAT) && row->side == SIDE_OTHER)
            batch->rows[i].undecided = 1;
        else if (!(code & CODE_CHAT))
            decode_direct(batch, &answer, i);
    }
    return decode_chats(batch, &answer);
}

size_t batch_take_undecided(struct batch *batch, struct list *ret_requests) {
    size_t count = 0;
    for (size_t i = 0; i < batch->row_count; i++) {
        if (!batch->rows[i].undecided)
            continue;
        struct list *link = &batch->rows[i].request->link;
        list_remove(link);
        list_push_back(ret_requests, link);
        count++;
    }
    return count;
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
    else if (!requested && !blocked)
        entry->undecided = 1;
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
