#include "storage/file_step.h"

#include "core/base/log.h"
#include "storage/pg_fault.h"
#include "storage/pg_read.h"

const struct pg_statement file_statements[FILE_ST_COUNT] = {
    [FILE_ST_WRITE] = { "dm_file_write",
                        "SELECT id, created_at FROM file_write($1, $2, $3, $4, $5, $6, $7)" },
    [FILE_ST_FIND] = { "dm_file_find", "SELECT * FROM file_find($1, $2)" },
    [FILE_ST_READ] = { "dm_file_read",
                       "SELECT data FROM file_pieces WHERE file_id = $1 AND piece = $2" },
    [FILE_ST_DROP] = { "dm_file_drop", "SELECT file_drop($1)" },
    [FILE_ST_COLLECT] = { "dm_file_collect", "SELECT file_collect($1, $2)" },
};

static size_t piece_len(const struct file_put *put) {
    size_t left = put->data.len - put->written;
    return left < FILE_PIECE_SIZE ? left : FILE_PIECE_SIZE;
}

static int put_ends(const struct file_put *put) {
    return put->written + piece_len(put) == put->data.len;
}

static enum file_statement encode_put(const struct file_put *put, struct pg_args *args) {
    if (put->ret_id)
        pg_args_int8(args, put->ret_id);
    else
        pg_args_null(args);
    pg_args_int8(args, put->owner_id);
    pg_args_text(args, put->name);
    pg_args_int4(args, (int32_t)FILE_PIECE_SIZE);
    pg_args_int4(args, (int32_t)(put->written / FILE_PIECE_SIZE));
    pg_args_bytea(args, put->data.len ? put->data.ptr + put->written : "", piece_len(put));
    if (put_ends(put))
        pg_args_int8(args, (int64_t)put->data.len);
    else
        pg_args_null(args);
    return FILE_ST_WRITE;
}

static enum file_statement encode(const struct file_request *request, struct pg_args *args) {
    switch (request->kind) {
    case FILE_PUT:
        return encode_put((const struct file_put *)request, args);
    case FILE_FIND:
        pg_args_int8(args, ((const struct file_find *)request)->id);
        pg_args_int8(args, ((const struct file_find *)request)->reader_id);
        return FILE_ST_FIND;
    case FILE_READ:
        pg_args_int8(args, ((const struct file_read *)request)->id);
        pg_args_int4(args, (int32_t)((const struct file_read *)request)->piece);
        return FILE_ST_READ;
    case FILE_DROP:
        break;
    }
    pg_args_int8s(args, ((const struct file_drop *)request)->ids,
                  ((const struct file_drop *)request)->count);
    return FILE_ST_DROP;
}

int file_step_send(struct file_request *request, struct pg_conn *conn, struct pg_args *args) {
    pg_args_reset(args);
    enum file_statement statement = encode(request, args);
    return pg_conn_send(conn, statement, args);
}

static enum file_step done(enum dm_status status, enum dm_status *ret_status) {
    *ret_status = status;
    return FILE_STEP_DONE;
}

static enum file_step take_put(struct file_put *put, const PGresult *result,
                               enum dm_status *ret_status) {
    if (PQntuples(result) == 0) {
        /* Pieces were lost with the server's memory: from the start, as a file of its own. */
        put->ret_id = 0;
        put->written = 0;
        put->base.losses++;
        return FILE_STEP_MORE;
    }
    int ends = put_ends(put);
    put->ret_id = pg_read_int(result, 0, 0);
    put->ret_created_us = pg_read_time(result, 0, 1);
    put->written += piece_len(put);
    return ends ? done(DM_OK, ret_status) : FILE_STEP_MORE;
}

static enum dm_status take_find(struct file_find *find, const PGresult *result) {
    if (PQntuples(result) == 0)
        return DM_NO_FILE;
    find->ret_info = (struct file_info){
        .id = pg_read_int(result, 0, 0),
        .owner_id = pg_read_int(result, 0, 1),
        .name = arena_slice(find->arena, pg_read_text(result, 0, 2)),
        .size = pg_read_int(result, 0, 3),
        .piece_size = (uint32_t)pg_read_int(result, 0, 4),
        .created_us = pg_read_time(result, 0, 5),
    };
    return DM_OK;
}

static enum dm_status take_read(struct file_read *read, const PGresult *result) {
    if (PQntuples(result) == 0)
        return DM_NO_FILE;
    struct dm_slice data = pg_read_text(result, 0, 0);
    read->ret_data = blob_new(data.ptr, data.len);
    return DM_OK;
}

static enum file_step take(struct file_request *request, const PGresult *result,
                           enum dm_status *ret_status) {
    switch (request->kind) {
    case FILE_PUT:
        return take_put((struct file_put *)request, result, ret_status);
    case FILE_FIND:
        return done(take_find((struct file_find *)request, result), ret_status);
    case FILE_READ:
        return done(take_read((struct file_read *)request, result), ret_status);
    case FILE_DROP:
        break;
    }
    return done(DM_OK, ret_status);
}

enum file_step file_step_answer(struct file_request *request, const PGresult *result,
                                enum dm_status *ret_status) {
    enum pg_fault fault = pg_result_fault(result);
    if (fault == PG_FAULT_NONE)
        return take(request, result, ret_status);
    if (fault == PG_FAULT_RETRY) {
        request->losses++;
        return FILE_STEP_MORE;
    }
    log_event(LOG_LEVEL_WARNING, "file request failed", LOG_UINT("corr", request->corr),
              LOG_STR("reason", PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY)));
    if (fault == PG_FAULT_DATA)
        return done(DM_INVALID, ret_status);
    if (fault == PG_FAULT_RESOURCE)
        return done(DM_UNAVAILABLE, ret_status);
    return FILE_STEP_BROKEN;
}

void file_step_undo(struct file_request *request) {
    if (request->kind == FILE_READ) {
        struct file_read *read = (struct file_read *)request;
        read->ret_data = blob_unref(read->ret_data);
    }
}
