#include "core/engine/attachment.h"

#include "core/base/url.h"
#include "core/base/utf8.h"
#include "core/engine/commands.h"
#include "core/engine/core.h"

#define NAME_MAX_BYTES 255

struct attachments {
    operation_fn then;
    size_t count;
    size_t first_upload;      /* uploads stand behind the URLs */
    size_t ready;
    struct dm_slice *urls;    /* foreign ones; absent: own files, by ... */
    int64_t *file_ids;
    struct dm_attachment *items;
    enum file_url_kind url_kind; /* of the one being asked about */
    union {
        struct file_find find;
        struct file_put put;
        struct file_drop drop;
    } at;
};

static void advance(struct operation *op);

int attachment_name_is_good(struct dm_slice name) {
    if (!name.len || name.len > NAME_MAX_BYTES || !text_storable(name)
        || dm_slice_eq(name, DM_SLICE(".")) || dm_slice_eq(name, DM_SLICE("..")))
        return 0;
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.ptr[i];
        unsigned char before = i ? (unsigned char)name.ptr[i - 1] : 0;
        /* U+0080 to U+009F are C2 80 to C2 9F. */
        if (c < 0x20 || c == 0x7f || c == '/' || c == '\\' || (before == 0xc2 && c < 0xa0))
            return 0;
    }
    return 1;
}

/* ---- asking the file store ---- */

static void fail(struct operation *op, enum dm_status status, const char *field) {
    attachment_drop(op);
    operation_refuse(op, status, field);
}

static void take_file(struct operation *op, int64_t id, struct dm_slice name, int64_t size,
                      int64_t created_us) {
    struct attachments *all = op->attachments;
    all->file_ids[all->ready] = id;
    all->items[all->ready] = (struct dm_attachment){
        .file_id = id, .name = name, .size = size, .created_us = created_us,
    };
    all->ready++;
}

static void take_found(struct operation *op, enum dm_status status) {
    struct attachments *all = op->attachments;
    const struct file_info *info = &all->at.find.ret_info;
    if (status == DM_OK && all->url_kind == FILE_URL_UNSIGNED
        && info->owner_id != op->actor->id)
        status = DM_NO_FILE;
    if (status != DM_OK) {
        fail(op, status == DM_NO_FILE ? DM_INVALID : status,
             status == DM_NO_FILE ? "urls" : NULL);
        return;
    }
    take_file(op, info->id, info->name, info->size, info->created_us);
    advance(op);
}

static void take_put(struct operation *op, enum dm_status status) {
    const struct file_put *put = &op->attachments->at.put;
    if (status != DM_OK) {
        fail(op, status, status == DM_INVALID ? "uploads" : NULL);
        return;
    }
    take_file(op, put->ret_id, put->name, (int64_t)put->data.len, put->ret_created_us);
    advance(op);
}

static void answered(struct file_request *request, enum dm_status status) {
    struct operation *op = request->owner;
    operation_ref(op);
    if (request->kind == FILE_FIND)
        take_found(op, status);
    else
        take_put(op, status);
    operation_settle(op);
    operation_unref(op);
}

static void dropped(struct file_request *request, enum dm_status status) {
    operation_unref(request->owner);
}

static void submit(struct operation *op, struct file_request *request, enum file_kind kind,
                   file_done_fn done) {
    request->kind = kind;
    request->corr = op->corr;
    request->done = done;
    request->owner = op;
    file_store_submit(op->engine->files.store, request);
}

static void ask_find(struct operation *op, int64_t id) {
    struct file_find *find = &op->attachments->at.find;
    *find = (struct file_find){ .id = id, .reader_id = op->actor->id, .arena = &op->arena };
    submit(op, &find->base, FILE_FIND, answered);
}

static void ask_put(struct operation *op, const struct dm_upload *upload) {
    struct file_put *put = &op->attachments->at.put;
    *put = (struct file_put){ .owner_id = op->actor->id, .name = upload->name,
                              .data = upload->data };
    submit(op, &put->base, FILE_PUT, answered);
}

void attachment_drop(struct operation *op) {
    struct attachments *all = op->attachments;
    if (!all || all->ready <= all->first_upload)
        return;
    all->at.drop = (struct file_drop){ .ids = &all->file_ids[all->first_upload],
                                       .count = all->ready - all->first_upload };
    all->ready = all->first_upload;
    operation_ref(op);
    submit(op, &all->at.drop.base, FILE_DROP, dropped);
}

/* ---- one after the other ---- */

static enum file_url_kind kind_of(const struct operation *op, struct dm_slice url,
                                  int64_t *ret_id) {
    const struct engine_files *files = &op->engine->files;
    return files->check ? files->check(files->check_owner, url, ret_id) : FILE_URL_FOREIGN;
}

static void take_foreign(struct attachments *all, struct dm_slice url) {
    all->urls[all->ready] = url;
    all->items[all->ready] = (struct dm_attachment){
        .name = url_last_segment(url), .url = url, .size = -1,
    };
    all->ready++;
}

/* Returns 0 when the next one was taken without asking. */
static int begin_next(struct operation *op) {
    struct attachments *all = op->attachments;
    int64_t id;
    if (all->ready >= all->first_upload) {
        if (op->engine->files.store)
            ask_put(op, &op->command.uploads[all->ready - all->first_upload]);
        else
            fail(op, DM_UNAVAILABLE, NULL);
        return 1;
    }
    struct dm_slice url = op->command.urls[all->ready];
    all->url_kind = kind_of(op, url, &id);
    if (all->url_kind == FILE_URL_FOREIGN) {
        take_foreign(all, url);
        return 0;
    }
    if (all->url_kind == FILE_URL_FORGED)
        fail(op, DM_INVALID, "urls");
    else
        ask_find(op, id);
    return 1;
}

static void advance(struct operation *op) {
    struct attachments *all = op->attachments;
    while (all->ready < all->count)
        if (begin_next(op))
            return;
    all->then(op);
}

void attachment_prepare(struct operation *op, operation_fn then) {
    const struct dm_command *command = &op->command;
    size_t count = command->url_count + command->upload_count;
    if (!count) {
        then(op);
        return;
    }
    struct attachments *all = arena_zalloc(&op->arena, sizeof(*all));
    all->then = then;
    all->count = count;
    all->first_upload = command->url_count;
    all->urls = arena_zalloc(&op->arena, count * sizeof(*all->urls));
    all->file_ids = arena_zalloc(&op->arena, count * sizeof(*all->file_ids));
    all->items = arena_zalloc(&op->arena, count * sizeof(*all->items));
    op->attachments = all;
    advance(op);
}

/* ---- the outcome ---- */

void attachment_store(struct operation *op) {
    const struct attachments *all = op->attachments;
    struct store_append *append = &op->at.append;
    if (!all)
        return;
    append->urls = all->urls;
    append->file_ids = all->file_ids;
    append->attachment_count = all->count;
}

const struct dm_attachment *const *attachment_show(struct operation *op, int64_t created_us) {
    const struct attachments *all = op->attachments;
    const struct dm_attachment **shown;
    if (!all)
        return NULL;
    shown = arena_alloc(&op->arena, all->count * sizeof(*shown));
    for (size_t i = 0; i < all->count; i++) {
        if (!all->items[i].file_id)
            all->items[i].created_us = created_us;
        shown[i] = &all->items[i];
    }
    return shown;
}

/* ---- FILE_PUT ---- */

static void put_all(struct operation *op) {
    op->result.files = attachment_show(op, 0);
    op->result.file_count = op->attachments->count;
    operation_finish(op, DM_OK);
}

void file_put_begin(struct operation *op) {
    op->command.url_count = 0;
    if (op->command.upload_count)
        attachment_prepare(op, put_all);
    else
        operation_refuse(op, DM_INVALID, "uploads");
}
