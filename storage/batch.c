#include "storage/batch.h"

#include <assert.h>
#include <stdlib.h>

#define THREAD_FIELDS 11

void batch_init(struct batch *batch) {
    memset(batch, 0, sizeof(*batch));
    arena_init(&batch->arena, (size_t)256 << 10);
}

void batch_fini(struct batch *batch) {
    arena_fini(&batch->arena);
}

static struct store_append *row_append(const struct batch_row *row) {
    return (struct store_append *)row->request;
}

static int compare(int64_t a, int64_t b) {
    return a < b ? -1 : a > b;
}

static int compare_rows(const void *left, const void *right) {
    const struct batch_row *a = left;
    const struct batch_row *b = right;
    int c = compare(a->thread_id, b->thread_id);
    return c ? c : compare((int64_t)a->order, (int64_t)b->order);
}

static int compare_marks(const void *left, const void *right) {
    const struct batch_row *a = left;
    const struct batch_row *b = right;
    int c = compare(a->thread_id, b->thread_id);
    if (!c)
        c = compare(a->user_id, b->user_id);
    return c ? c : compare((int64_t)a->from, (int64_t)b->from);
}

/* Ranges of one user that touch become one. */
static void marks_merge(struct batch *batch) {
    size_t kept = 0;
    for (size_t i = 0; i < batch->mark_count; i++) {
        struct batch_row *last = kept ? &batch->marks[kept - 1] : NULL;
        const struct batch_row *mark = &batch->marks[i];
        if (last && last->thread_id == mark->thread_id && last->user_id == mark->user_id &&
            mark->from <= last->to + 1)
            last->to = mark->to > last->to ? mark->to : last->to;
        else
            batch->marks[kept++] = *mark;
    }
    batch->mark_count = kept;
}

/* A request says what pair its thread has; they agree where they know it. */
static void thread_pair(struct batch_thread *thread, int64_t lo, int64_t hi) {
    if (!lo)
        return;
    thread->lo = lo;
    thread->hi = hi;
}

/* Both lists ascend by thread: walk them side by side. */
static void threads_index(struct batch *batch) {
    size_t r = 0, m = 0;
    while (r < batch->row_count || m < batch->mark_count) {
        struct batch_thread *thread = &batch->threads[batch->thread_count];
        int64_t id = r < batch->row_count ? batch->rows[r].thread_id : INT64_MAX;
        if (m < batch->mark_count && batch->marks[m].thread_id < id)
            id = batch->marks[m].thread_id;
        *thread = (struct batch_thread){ .id = id, .first = r };
        for (; r < batch->row_count && batch->rows[r].thread_id == id; r++) {
            const struct store_append *append = row_append(&batch->rows[r]);
            batch->rows[r].thread = batch->thread_count;
            thread_pair(thread, append->lo_id, append->hi_id);
        }
        for (; m < batch->mark_count && batch->marks[m].thread_id == id; m++) {
            const struct store_mark *mark = (struct store_mark *)batch->marks[m].request;
            batch->marks[m].thread = batch->thread_count;
            thread_pair(thread, mark->lo_id, mark->hi_id);
        }
        thread->count_all = r - thread->first;
        batch->thread_count++;
    }
}

static enum batch_side side_of(const struct batch_thread *thread, int64_t user_id) {
    return user_id == thread->lo ? SIDE_LO : user_id == thread->hi ? SIDE_HI : SIDE_OTHER;
}

size_t batch_rank(struct batch *batch, struct batch_thread *thread) {
    size_t others = 0;
    thread->count[SIDE_LO] = thread->count[SIDE_HI] = 0;
    for (size_t i = thread->first; i < thread->first + thread->count_all; i++) {
        struct batch_row *row = &batch->rows[i];
        row->side = side_of(thread, row_append(row)->author_id);
        if (row->side == SIDE_OTHER)
            others++;
        else
            row->rank = ++thread->count[row->side];
    }
    return others;
}

static void mark_fold(struct batch_thread *thread, const struct batch_row *mark) {
    enum batch_side side = side_of(thread, mark->user_id);
    if (side == SIDE_OTHER)
        return;
    struct batch_pushed *pushed = &thread->pushed[side];
    pushed->from = pushed->to ? INT64_MAX : mark->from;
    pushed->to = mark->to;
}

void batch_load(struct batch *batch, const struct list *requests, size_t count) {
    size_t order = 0;
    assert(count <= BATCH_ROWS_MAX);
    arena_reset(&batch->arena);
    batch->rows = arena_alloc(&batch->arena, count * sizeof(*batch->rows));
    batch->marks = arena_alloc(&batch->arena, count * sizeof(*batch->marks));
    batch->threads = arena_alloc(&batch->arena, count * sizeof(*batch->threads));
    batch->row_count = batch->mark_count = batch->thread_count = 0;
    list_foreach(it, requests) {
        struct store_request *request = container_of(it, struct store_request, link);
        struct batch_row row = { .request = request, .order = order++ };
        if (request->kind == STORE_APPEND) {
            row.thread_id = ((struct store_append *)request)->thread_id;
            batch->rows[batch->row_count++] = row;
            continue;
        }
        const struct store_mark *mark = (const struct store_mark *)request;
        if (mark->from < 1 || mark->from > mark->to || mark->to > INT64_MAX)
            continue;
        row.thread_id = mark->thread_id;
        row.user_id = mark->user_id;
        row.from = mark->from;
        row.to = mark->to;
        batch->marks[batch->mark_count++] = row;
    }
    if (batch->row_count > 1)
        qsort(batch->rows, batch->row_count, sizeof(*batch->rows), compare_rows);
    if (batch->mark_count > 1)
        qsort(batch->marks, batch->mark_count, sizeof(*batch->marks), compare_marks);
    marks_merge(batch);
    threads_index(batch);
    for (size_t i = 0; i < batch->thread_count; i++)
        if (batch_rank(batch, &batch->threads[i]))
            batch->threads[i].lo = batch->threads[i].hi = 0;
    for (size_t i = 0; i < batch->mark_count; i++)
        mark_fold(&batch->threads[batch->marks[i].thread], &batch->marks[i]);
}

static void encode_threads(const struct batch *batch, struct pg_args *args) {
    pg_args_array(args, PG_INT8);
    for (size_t i = 0; i < batch->thread_count; i++) {
        const struct batch_thread *t = &batch->threads[i];
        const struct batch_pushed *lo = &t->pushed[SIDE_LO];
        const struct batch_pushed *hi = &t->pushed[SIDE_HI];
        const int64_t fields[THREAD_FIELDS] = {
            t->id, t->lo, t->hi, t->count[SIDE_LO], t->count[SIDE_HI],
            (int64_t)lo->from, (int64_t)lo->to, (int64_t)hi->from, (int64_t)hi->to,
            (int64_t)t->first + 1, (int64_t)t->count_all,
        };
        for (size_t k = 0; k < THREAD_FIELDS; k++)
            pg_args_item_int8(args, fields[k]);
    }
    pg_args_array_end(args);
}

/* The text form of a text[]: f and a file's id, or u and a URL. */
static void encode_attachments(const struct store_append *append, struct buf *buf) {
    buf_reset(buf);
    buf_append_char(buf, '{');
    for (size_t i = 0; i < append->attachment_count; i++) {
        struct dm_slice url = append->urls ? append->urls[i] : DM_SLICE_NONE;
        buf_append_str(buf, i ? ",\"" : "\"");
        if (!url.ptr) {
            buf_append_char(buf, 'f');
            buf_append_i64(buf, append->file_ids ? append->file_ids[i] : 0);
        } else {
            buf_append_char(buf, 'u');
            for (size_t k = 0; k < url.len; k++) {
                if (url.ptr[k] == '"' || url.ptr[k] == '\\')
                    buf_append_char(buf, '\\');
                buf_append_char(buf, url.ptr[k]);
            }
        }
        buf_append_char(buf, '"');
    }
    buf_append_char(buf, '}');
}

static void encode_all_attachments(const struct batch *batch, struct pg_args *args) {
    struct buf buf = BUF_INIT;
    size_t any = 0;
    for (size_t i = 0; i < batch->row_count; i++)
        any += row_append(&batch->rows[i])->attachment_count;
    if (!any) {
        pg_args_null(args);
        return;
    }
    pg_args_array(args, PG_TEXT);
    for (size_t i = 0; i < batch->row_count; i++) {
        const struct store_append *append = row_append(&batch->rows[i]);
        if (append->attachment_count) {
            encode_attachments(append, &buf);
            pg_args_item(args, buf.data, buf.len);
        } else {
            pg_args_item_null(args);
        }
    }
    pg_args_array_end(args);
    buf_fini(&buf);
}

static void encode_authors(const struct batch *batch, struct pg_args *args) {
    pg_args_array(args, PG_INT8);
    for (size_t i = 0; i < batch->row_count; i++)
        pg_args_item_int8(args, row_append(&batch->rows[i])->author_id);
    pg_args_array_end(args);
}

static void encode_uuids(const struct batch *batch, struct pg_args *args) {
    pg_args_array(args, PG_UUID);
    for (size_t i = 0; i < batch->row_count; i++)
        pg_args_item(args, row_append(&batch->rows[i])->uuid.bytes, 16);
    pg_args_array_end(args);
}

static void encode_pushed(int64_t user_id, const struct batch_pushed *pushed,
                          struct pg_args *args) {
    pg_args_int8(args, user_id);
    pg_args_int8(args, (int64_t)pushed->from);
    pg_args_int8(args, (int64_t)pushed->to);
}

static enum store_statement encode_append(const struct batch *batch, struct pg_args *args) {
    const struct store_append *append = row_append(&batch->rows[0]);
    const struct batch_thread *thread = &batch->threads[0];
    pg_args_int8(args, append->thread_id);
    pg_args_int8(args, append->author_id);
    pg_args_bytea(args, append->uuid.bytes, sizeof(append->uuid.bytes));
    pg_args_text(args, append->text);
    encode_pushed(thread->lo, &thread->pushed[SIDE_LO], args);
    encode_pushed(thread->hi, &thread->pushed[SIDE_HI], args);
    return ST_APPEND_ONE;
}

static enum store_statement encode_mark(const struct batch_row *mark, struct pg_args *args) {
    const struct batch_pushed range = { mark->from, mark->to };
    pg_args_int8(args, mark->thread_id);
    encode_pushed(mark->user_id, &range, args);
    return ST_MARK_ONE;
}

/* 1 when a batch is a message and nothing else, but for a mark of each side of its thread. */
static int is_lone_append(const struct batch *batch) {
    size_t sides = 0;
    if (batch->row_count != 1 || row_append(&batch->rows[0])->attachment_count)
        return 0;
    for (size_t side = SIDE_LO; side <= SIDE_HI; side++)
        sides += batch->threads[0].pushed[side].to ? 1 : 0;
    return batch->thread_count == 1 && batch->mark_count == sides;
}

enum store_statement batch_encode(const struct batch *batch, struct pg_args *args) {
    if (is_lone_append(batch))
        return encode_append(batch, args);
    if (!batch->row_count && batch->mark_count == 1)
        return encode_mark(&batch->marks[0], args);
    encode_threads(batch, args);
    pg_args_array(args, PG_INT8);
    for (size_t i = 0; i < batch->row_count; i++)
        pg_args_item_int8(args, (int64_t)batch->rows[i].thread);
    pg_args_array_end(args);
    encode_authors(batch, args);
    encode_uuids(batch, args);
    pg_args_array(args, PG_TEXT);
    for (size_t i = 0; i < batch->row_count; i++)
        pg_args_item(args, row_append(&batch->rows[i])->text.ptr,
                     row_append(&batch->rows[i])->text.len);
    pg_args_array_end(args);
    encode_all_attachments(batch, args);
    pg_args_array(args, PG_INT8);
    for (size_t i = 0; i < batch->mark_count; i++) {
        const struct batch_row *mark = &batch->marks[i];
        pg_args_item_int8(args, (int64_t)mark->thread);
        pg_args_item_int8(args, mark->user_id);
        pg_args_item_int8(args, (int64_t)mark->from);
        pg_args_item_int8(args, (int64_t)mark->to);
    }
    pg_args_array_end(args);
    return ST_BATCH;
}

void batch_lookup_encode(const struct batch *batch, struct pg_args *args) {
    pg_args_array(args, PG_INT8);
    for (size_t i = 0; i < batch->row_count; i++)
        pg_args_item_int8(args, batch->rows[i].thread_id);
    pg_args_array_end(args);
    encode_authors(batch, args);
    encode_uuids(batch, args);
}
