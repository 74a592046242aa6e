#include "core/engine/attachment.h"

/* The one place that tells the gateway's own URLs, which become references to files, from foreign
 * ones, which are kept as they are. No own URL is ever handed out so far. */
static int64_t own_file_id(struct dm_slice url) {
    (void)url;
    return 0;
}

void attachment_store(struct operation *op) {
    const struct dm_command *command = &op->command;
    struct store_append *append = &op->at.append;
    size_t count = command->url_count;
    struct dm_slice *urls;
    int64_t *file_ids;
    if (!count)
        return;
    urls = arena_alloc(&op->arena, count * sizeof(*urls));
    file_ids = arena_alloc(&op->arena, count * sizeof(*file_ids));
    for (size_t i = 0; i < count; i++) {
        file_ids[i] = own_file_id(command->urls[i]);
        urls[i] = file_ids[i] ? DM_SLICE_NONE : command->urls[i];
    }
    append->urls = urls;
    append->file_ids = file_ids;
    append->attachment_count = count;
}

struct dm_slice attachment_name(struct dm_slice url) {
    const char *end = url.ptr;
    const char *begin = url.ptr;
    const char *limit = url.ptr + url.len;
    while (end < limit && *end != '?' && *end != '#')
        end++;
    for (const char *at = url.ptr; at < end; at++) {
        if (*at == '/')
            begin = at + 1;
    }
    return (struct dm_slice){ begin, (size_t)(end - begin) };
}

const struct dm_attachment *const *attachment_show(struct operation *op, int64_t created_us) {
    const struct store_append *append = &op->at.append;
    size_t count = append->attachment_count;
    const struct dm_attachment **shown;
    if (!count)
        return NULL;
    shown = arena_alloc(&op->arena, count * sizeof(*shown));
    for (size_t i = 0; i < count; i++) {
        struct dm_attachment *attachment = arena_zalloc(&op->arena, sizeof(*attachment));
        attachment->file_id = append->file_ids[i];
        attachment->url = append->urls[i];
        attachment->name = attachment_name(append->urls[i]);
        attachment->size = -1;
        attachment->created_us = created_us;
        shown[i] = attachment;
    }
    return shown;
}
