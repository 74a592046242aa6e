#include "core/server/tally.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/mem.h"

struct tally {
    _Atomic uint32_t *counts; /* shared */
    unsigned workers;
    unsigned own;
    int fd;
};

static int map(struct tally *tally) {
    void *memory = mmap(NULL, tally->workers * sizeof(uint32_t), PROT_READ | PROT_WRITE,
                        MAP_SHARED, tally->fd, 0);
    if (memory == MAP_FAILED)
        return -errno;
    tally->counts = memory;
    return 0;
}

static int start(int fd, unsigned workers, unsigned own, struct tally **ret_tally) {
    struct tally *tally = mem_zalloc(sizeof(*tally));
    *tally = (struct tally){ .fd = fd, .workers = workers, .own = own };
    int r = map(tally);
    if (r) {
        tally_free(tally);
        return r;
    }
    *ret_tally = tally;
    return 0;
}

int tally_new(unsigned workers, struct tally **ret_tally) {
    int fd = memfd_create("dragoman-tally", MFD_CLOEXEC);
    if (fd < 0)
        return -errno;
    if (ftruncate(fd, (off_t)(workers * sizeof(uint32_t))) < 0) {
        int error = errno;
        close(fd);
        return -error;
    }
    int r = start(fd, workers, 0, ret_tally);
    for (unsigned i = 0; !r && i < workers; i++)
        tally_set(*ret_tally, i, TALLY_ABSENT);
    return r;
}

int tally_open(int fd, unsigned own, struct tally **ret_tally) {
    struct stat st;
    if (fstat(fd, &st) < 0 || (off_t)((own + 1) * sizeof(uint32_t)) > st.st_size) {
        close(fd);
        return -EINVAL;
    }
    return start(fd, (unsigned)((size_t)st.st_size / sizeof(uint32_t)), own, ret_tally);
}

int tally_fd(const struct tally *tally) {
    return tally->fd;
}

void tally_set(struct tally *tally, unsigned worker, uint32_t connections) {
    atomic_store_explicit(&tally->counts[worker], connections, memory_order_relaxed);
}

void tally_leave(struct tally *tally) {
    if (tally)
        tally_set(tally, tally->own, TALLY_ABSENT);
}

int tally_is_ahead(struct tally *tally, uint32_t connections) {
    tally_set(tally, tally->own, connections);
    for (unsigned i = 0; i < tally->workers; i++)
        if (atomic_load_explicit(&tally->counts[i], memory_order_relaxed) < connections)
            return 1;
    return 0;
}

void tally_free(struct tally *tally) {
    if (!tally)
        return;
    if (tally->counts)
        munmap((void *)(uintptr_t)tally->counts, tally->workers * sizeof(uint32_t));
    close(tally->fd);
    free(tally);
}
