#include "tests/unit/storage/shelf.h"

void shelf_open(struct shelf *shelf, const struct file_pg_config *given) {
    struct file_pg_config config = given ? *given : (struct file_pg_config){ 0 };
    memset(shelf, 0, sizeof(*shelf));
    rig_open(&shelf->rig);
    rig_users(&shelf->rig, 4);
    shelf->thread = rig_direct(&shelf->rig, OWNER, FRIEND, 0);
    if (!config.conninfo)
        config.conninfo = shelf->rig.conninfo;
    cr_assert(eq(int, file_pg_open(&shelf->rig.loop, &config, &shelf->store), 0));
    shelf->port = file_pg_port(shelf->store);
}

void shelf_closed(void *owner) {
    ((struct shelf *)owner)->closed = 1;
}

void shelf_close(struct shelf *shelf) {
    if (!shelf->closed) {
        file_pg_close(shelf->store, shelf_closed, shelf);
        cr_assert(eq(int, shelf->closed, 0));
        rig_wait(&shelf->rig, &shelf->closed);
    }
    rig_close(&shelf->rig);
}

static int ended;

static void on_done(struct file_request *request, enum dm_status status) {
    struct ask *ask = request->owner;
    cr_assert(eq(int, ask->done, 0), "done twice");
    ask->done = 1;
    ask->order = ++ended;
    ask->status = status;
}

void ask_submit(struct shelf *shelf, struct ask *ask, enum file_kind kind) {
    ask->base.kind = kind;
    ask->base.done = on_done;
    ask->base.owner = ask;
    file_store_submit(shelf->port, &ask->base);
    cr_assert(eq(int, ask->done, 0), "done inside submit");
}

enum dm_status ask_wait(struct shelf *shelf, struct ask *ask, enum file_kind kind) {
    ask_submit(shelf, ask, kind);
    rig_wait(&shelf->rig, &ask->done);
    return ask->status;
}

int64_t shelf_put(struct shelf *shelf, struct dm_slice data) {
    struct ask ask = { .put = { .owner_id = OWNER, .name = DM_SLICE("a.png"), .data = data } };
    cr_assert(eq(int, ask_wait(shelf, &ask, FILE_PUT), DM_OK));
    check_true(ask.put.ret_created_us > INT64_C(1700000000000000));
    return ask.put.ret_id;
}

enum dm_status shelf_find(struct shelf *shelf, int64_t id, int64_t reader,
                          struct file_info *ret_info) {
    struct ask ask = { .find = { .id = id, .reader_id = reader, .arena = &shelf->rig.arena } };
    enum dm_status status = ask_wait(shelf, &ask, FILE_FIND);
    if (ret_info)
        *ret_info = ask.find.ret_info;
    return status;
}

int shelf_may_read(struct shelf *shelf, int64_t id, int64_t reader) {
    return shelf_find(shelf, id, reader, NULL) == DM_OK;
}

struct blob *shelf_read(struct shelf *shelf, int64_t id, uint32_t piece) {
    struct ask ask = { .read = { .id = id, .piece = piece } };
    enum dm_status status = ask_wait(shelf, &ask, FILE_READ);
    check_true(status == (ask.read.ret_data ? DM_OK : DM_NO_FILE));
    return ask.read.ret_data;
}

void shelf_drop(struct shelf *shelf, int64_t id) {
    struct ask ask = { .drop = { .ids = &id, .count = 1 } };
    cr_assert(eq(int, ask_wait(shelf, &ask, FILE_DROP), DM_OK));
}
