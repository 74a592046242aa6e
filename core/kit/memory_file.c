/* Files in memory. */
#include "core/base/clock.h"
#include "core/kit/memory_internal.h"

struct memory_file *memory_file(struct memory *memory, int64_t id) {
    list_foreach(it, &memory->files) {
        struct memory_file *file = container_of(it, struct memory_file, link);
        if (file->id == id && !file->dropped)
            return file;
    }
    return NULL;
}

static enum dm_status put(struct memory *memory, struct file_put *request) {
    struct memory_file *file = arena_zalloc(&memory->arena, sizeof(*file));
    file->id = ++memory->last_file;
    file->owner_id = request->owner_id;
    file->name = arena_slice(&memory->arena, request->name);
    file->data = arena_slice(&memory->arena, request->data);
    file->created_us = clock_real_us();
    list_push_back(&memory->files, &file->link);
    request->ret_id = file->id;
    request->ret_created_us = file->created_us;
    return DM_OK;
}

static int message_has(const struct memory_message *message, int64_t file_id) {
    for (size_t i = 0; i < message->attachment_count; i++)
        if (message->attachments[i]->file_id == file_id)
            return 1;
    return 0;
}

/* An own one that is in no message yet, or one in a message that the reader sees. */
static int may_open(struct memory *memory, const struct memory_file *file, int64_t reader_id) {
    int used = 0;
    list_foreach(t, &memory->threads) {
        struct memory_thread *thread = container_of(t, struct memory_thread, link);
        list_foreach(m, &thread->messages) {
            struct memory_message *message = container_of(m, struct memory_message, link);
            if (!message_has(message, file->id))
                continue;
            used = 1;
            if (memory_visible(message, reader_id))
                return 1;
        }
    }
    return !used && file->owner_id == reader_id;
}

static enum dm_status find(struct memory *memory, struct file_find *request) {
    struct memory_file *file = memory_file(memory, request->id);
    if (!file || (request->reader_id && !may_open(memory, file, request->reader_id)))
        return DM_NO_FILE;
    request->ret_info = (struct file_info){
        .id = file->id, .owner_id = file->owner_id, .name = file->name,
        .size = (int64_t)file->data.len, .piece_size = FILE_PIECE_SIZE,
        .created_us = file->created_us,
    };
    return DM_OK;
}

static enum dm_status read_piece(struct memory *memory, struct file_read *request) {
    const struct memory_file *file = memory_file(memory, request->id);
    size_t at = request->piece * FILE_PIECE_SIZE;
    if (!file || at >= file->data.len)
        return DM_NO_FILE;
    size_t left = file->data.len - at;
    request->ret_data = blob_new(file->data.ptr + at,
                                 left < FILE_PIECE_SIZE ? left : FILE_PIECE_SIZE);
    return DM_OK;
}

static enum dm_status drop(struct memory *memory, const struct file_drop *request) {
    for (size_t i = 0; i < request->count; i++) {
        struct memory_file *file = memory_file(memory, request->ids[i]);
        if (file && may_open(memory, file, file->owner_id))
            file->dropped = 1;
    }
    return DM_OK;
}

static enum dm_status carry_out(struct memory *memory, struct file_request *request) {
    switch (request->kind) {
    case FILE_PUT: return put(memory, (struct file_put *)request);
    case FILE_FIND: return find(memory, (struct file_find *)request);
    case FILE_READ: return read_piece(memory, (struct file_read *)request);
    case FILE_DROP: return drop(memory, (struct file_drop *)request);
    }
    return DM_INTERNAL;
}

void memory_file_request(struct memory *memory, struct file_request *request) {
    request->done(request, memory->mood == MEMORY_AWAY ? DM_UNAVAILABLE
                                                       : carry_out(memory, request));
}
