/* The steps of file requests: what is sent for each, and what its answer means. */
#ifndef DRAGOMAN_STORAGE_FILE_STEP_H
#define DRAGOMAN_STORAGE_FILE_STEP_H

#include "core/engine/file_store.h"
#include "storage/pg_conn.h"

enum file_statement {
    FILE_ST_WRITE,
    FILE_ST_FIND,
    FILE_ST_READ,
    FILE_ST_DROP,
    FILE_ST_COLLECT,
    FILE_ST_COUNT
};

extern const struct pg_statement file_statements[FILE_ST_COUNT];

enum file_step {
    FILE_STEP_MORE,   /* another step follows, or the same one again */
    FILE_STEP_DONE,   /* that was the last one; the status tells the outcome */
    FILE_STEP_BROKEN, /* nothing to be had from this connection now */
};

/* Sends the request's next step, without a sync. Returns 0 or -EIO. */
int file_step_send(struct file_request *request, struct pg_conn *conn, struct pg_args *args);

/* Takes the answer of the step. ret_status is set for DONE. */
enum file_step file_step_answer(struct file_request *request, const PGresult *result,
                                enum dm_status *ret_status);

/* Forgets a piece that was read but whose step did not end well. */
void file_step_undo(struct file_request *request);

#endif
