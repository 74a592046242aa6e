/* What a commit costs on this disk when nothing stands before it: blocks as PostgreSQL's log writes
 * them, one at each due time, each durable before the next.
 *
 *     disk FOLDER RATE SECONDS WARMUP
 *
 * Prints one line of JSON. The file is removed. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/load/histogram.h"

/* A segment of the log, which is written over and over. */
#define BLOCK 8192
#define BLOCKS 2048
/* Messages that share a block, at a usual length. */
#define WRITES_A_BLOCK 10

static char block[BLOCK];

static _Noreturn void fail(const char *what) {
    fprintf(stderr, "disk: %s: %s\n", what, strerror(errno));
    exit(1);
}

static uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void sleep_until(uint64_t ns) {
    const struct timespec at = { (time_t)(ns / 1000000000u), (long)(ns % 1000000000u) };
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
        continue;
}

static void write_block(int fd, uint64_t number) {
    if (pwrite(fd, block, BLOCK, (off_t)(number % BLOCKS * BLOCK)) != BLOCK)
        fail("write");
}

static int make_file(const char *folder) {
    char path[4096];
    snprintf(path, sizeof(path), "%s/disk-XXXXXX", folder);
    int fd = mkstemp(path);
    if (fd < 0)
        fail(path);
    unlink(path);
    for (uint64_t i = 0; i < BLOCKS; i++)
        write_block(fd, i);
    if (fsync(fd))
        fail("fsync");
    return fd;
}

int main(int argc, char **argv) {
    static struct histogram histogram;
    if (argc != 5) {
        fprintf(stderr, "usage: disk FOLDER RATE SECONDS WARMUP\n");
        return 64;
    }
    double rate = strtod(argv[2], NULL), seconds = strtod(argv[3], NULL);
    double warmup = strtod(argv[4], NULL);
    int fd = make_file(argv[1]);
    uint64_t begun = now_ns(), total = (uint64_t)((seconds + warmup) * rate);
    for (uint64_t i = 0; i < total; i++) {
        uint64_t due = begun + (uint64_t)((double)i * 1e9 / rate);
        sleep_until(due);
        write_block(fd, i / WRITES_A_BLOCK);
        if (fdatasync(fd))
            fail("fdatasync");
        if ((double)i >= warmup * rate)
            histogram_add(&histogram, (now_ns() - due) / 1000);
    }
    close(fd);
    printf("{\"rate\":%.1f,\"total\":%llu,\"confirm_us\":{\"p50\":%llu,\"p90\":%llu,\"p99\":%llu,"
           "\"max\":%llu}}\n", (double)total * 1e9 / (double)(now_ns() - begun),
           (unsigned long long)total,
           (unsigned long long)histogram_quantile(&histogram, 0.50),
           (unsigned long long)histogram_quantile(&histogram, 0.90),
           (unsigned long long)histogram_quantile(&histogram, 0.99),
           (unsigned long long)histogram.max);
    return 0;
}
