#include "tests/unit/engine/fake_files.h"

#include <stdio.h>
#include <stdlib.h>

static void submit(struct file_store *store, struct file_request *request) {
    struct fake_files *fake = (struct fake_files *)store;
    list_push_back(&fake->pending, &request->link);
}

void fake_files_init(struct fake_files *fake) {
    static const struct file_store_ops ops = { submit };
    memset(fake, 0, sizeof(*fake));
    fake->store.ops = &ops;
    list_init(&fake->pending);
}

static struct fake_file *find(struct fake_files *fake, int64_t id) {
    for (size_t i = 0; i < fake->count; i++)
        if (fake->files[i].id == id && !fake->files[i].dropped)
            return &fake->files[i];
    return NULL;
}

int64_t fake_files_add(struct fake_files *fake, int64_t owner_id, const char *name) {
    struct fake_file *file = &fake->files[fake->count];
    file->id = 501 + (int64_t)fake->count++;
    file->owner_id = owner_id;
    snprintf(file->name, sizeof(file->name), "%s", name);
    return file->id;
}

static enum dm_status put(struct fake_files *fake, struct file_put *put) {
    char name[256];
    if (fake->fail && !fake->fail_after)
        return fake->fail;
    fake->fail_after -= fake->fail != DM_OK;
    snprintf(name, sizeof(name), "%.*s", DM_SLICE_FMT(put->name));
    put->ret_id = fake_files_add(fake, put->owner_id, name);
    put->ret_created_us = 1000 + put->ret_id;
    struct fake_file *file = find(fake, put->ret_id);
    file->size = put->data.len;
    memcpy(file->data, put->data.ptr,
           put->data.len < sizeof(file->data) ? put->data.len : sizeof(file->data));
    return DM_OK;
}

static enum dm_status look(struct fake_files *fake, struct file_find *request) {
    const struct fake_file *file = find(fake, request->id);
    fake->asked_reader = request->reader_id;
    if (!file || (request->reader_id && request->reader_id != file->owner_id
                  && request->reader_id != file->reader_id))
        return DM_NO_FILE;
    request->ret_info = (struct file_info){
        .id = file->id, .owner_id = file->owner_id, .size = (int64_t)file->size,
        .name = arena_slice(request->arena, dm_slice_str(file->name)),
        .piece_size = (uint32_t)FILE_PIECE_SIZE, .created_us = 77,
    };
    return DM_OK;
}

static enum dm_status drop(struct fake_files *fake, const struct file_drop *request) {
    for (size_t i = 0; i < request->count; i++)
        find(fake, request->ids[i])->dropped = 1;
    return DM_OK;
}

static enum dm_status answer(struct fake_files *fake, struct file_request *request) {
    switch (request->kind) {
    case FILE_PUT:
        return put(fake, (struct file_put *)request);
    case FILE_FIND:
        return look(fake, (struct file_find *)request);
    case FILE_DROP:
        return drop(fake, (const struct file_drop *)request);
    case FILE_READ:
        break;
    }
    return DM_INTERNAL;
}

size_t fake_files_run(struct fake_files *fake) {
    struct list batch, *link;
    size_t count = 0;
    list_init(&batch);
    list_splice_back(&batch, &fake->pending);
    for (; (link = list_pop_front(&batch)); count++) {
        struct file_request *request = container_of(link, struct file_request, link);
        request->done(request, answer(fake, request));
    }
    return count;
}

enum file_url_kind fake_files_check(void *owner, struct dm_slice url, int64_t *ret_id) {
    static const char *const words[] = { "http", "signed", "unsigned", "forged" };
    char text[64];
    snprintf(text, sizeof(text), "%.*s", DM_SLICE_FMT(url));
    char *colon = strchr(text, ':');
    if (!colon)
        return FILE_URL_FOREIGN;
    *colon = '\0';
    *ret_id = atoll(colon + 1);
    for (int i = FILE_URL_SIGNED; i <= FILE_URL_FORGED; i++)
        if (strcmp(words[i], text) == 0)
            return (enum file_url_kind)i;
    return FILE_URL_FOREIGN;
}
