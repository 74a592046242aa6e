#include "core/capture/record.h"

void record_init(struct record *record) {
    *record = (struct record){ .clients = 0 };
    arena_init(&record->arena, 65536);
    list_init(&record->said);
}

void record_fini(struct record *record) {
    arena_fini(&record->arena);
}

void record_add(struct record *record, const struct said *said) {
    size_t size = said->path.len + said->head.len + said->body.len + sizeof(*said);
    if (arena_used(&record->arena) + size > RECORD_MAX) {
        record->left_out++;
        return;
    }
    struct said *copy = arena_alloc(&record->arena, sizeof(*copy));
    *copy = *said;
    copy->method = arena_slice(&record->arena, said->method);
    copy->path = arena_slice(&record->arena, said->path);
    copy->type = arena_slice(&record->arena, said->type);
    copy->head = arena_slice(&record->arena, said->head);
    copy->body = arena_slice(&record->arena, said->body);
    list_push_back(&record->said, &copy->link);
}
