/* A file store in memory, driven by the test.
 *
 * URLs of the gateway's own: "signed:ID", "unsigned:ID", "forged:ID". */
#ifndef DRAGOMAN_TESTS_ENGINE_FAKE_FILES_H
#define DRAGOMAN_TESTS_ENGINE_FAKE_FILES_H

#include "core/engine/file_store.h"

#define FAKE_FILES 32

struct fake_file {
    int64_t id;
    int64_t owner_id;
    int64_t reader_id; /* may open it beside the owner */
    char name[256];
    size_t size;
    char data[16];     /* its beginning */
    int dropped;
};

struct fake_files {
    struct file_store store;
    struct list pending;
    struct fake_file files[FAKE_FILES];
    size_t count;
    enum dm_status fail; /* the answer to every put */
    size_t fail_after;   /* puts that go well before */
    int64_t asked_reader; /* of the last find */
};

void fake_files_init(struct fake_files *fake);

/* Adds a file; returns its id. */
int64_t fake_files_add(struct fake_files *fake, int64_t owner_id, const char *name);

/* Answers what waits; returns how many. */
size_t fake_files_run(struct fake_files *fake);

enum file_url_kind fake_files_check(void *owner, struct dm_slice url, int64_t *ret_id);

#endif
