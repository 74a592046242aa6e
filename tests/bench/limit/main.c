#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/bench/limit/limit.h"

struct run {
    struct limit_lane lanes[LANES_MAX];
    uint64_t begun_ns, ended_ns; /* of what is measured */
    uint64_t before;             /* rows of the warm-up */
    uint64_t backends_before_ns;
};

_Noreturn void limit_fail(const char *what, const char *why) {
    fprintf(stderr, "limit: %s: %s\n", what, why);
    exit(1);
}

uint64_t limit_now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

PGresult *limit_query(PGconn *pg, const char *sql) {
    PGresult *result = PQexec(pg, sql);
    if (PQresultStatus(result) != PGRES_COMMAND_OK && PQresultStatus(result) != PGRES_TUPLES_OK)
        limit_fail(sql, PQerrorMessage(pg));
    return result;
}

static PGconn *connect_to(const struct limit_options *options) {
    PGconn *pg = PQconnectdb(options->conninfo);
    if (PQstatus(pg) != CONNECTION_OK)
        limit_fail("connection", PQerrorMessage(pg));
    return pg;
}

/* ---- options ---- */

static _Noreturn void usage(const char *what) {
    fprintf(stderr,
            "limit: %s\n"
            "usage: limit --conninfo TEXT --work batch|rows [--rows N] [--connections N]\n"
            "             [--threads N] [--bytes N] [--seconds S] [--warmup S]\n", what);
    exit(64);
}

static double number(const char *text, double least, double most) {
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end || !(value >= least && value <= most))
        usage(text);
    return value;
}

static void take(struct limit_options *options, int key, const char *value) {
    switch (key) {
    case 'c': options->conninfo = value; break;
    case 'w': options->work = !strcmp(value, "batch") ? &limit_batch
                              : !strcmp(value, "rows") ? &limit_rows : NULL; break;
    case 'r': options->rows = (unsigned)number(value, 2, 1024); break;
    case 'n': options->lanes = (unsigned)number(value, 1, LANES_MAX); break;
    case 't': options->threads = (unsigned)number(value, LANES_MAX, 1e6); break;
    case 'b': options->bytes = (unsigned)number(value, 1, 60000); break;
    case 's': options->seconds = number(value, 0.1, 86400); break;
    case 'W': options->warmup = number(value, 0, 3600); break;
    default: usage("");
    }
}

static void read_options(int argc, char **argv, struct limit_options *ret_options) {
    static const struct option known[] = {
        { "conninfo", required_argument, NULL, 'c' },
        { "work", required_argument, NULL, 'w' },
        { "rows", required_argument, NULL, 'r' },
        { "connections", required_argument, NULL, 'n' },
        { "threads", required_argument, NULL, 't' },
        { "bytes", required_argument, NULL, 'b' },
        { "seconds", required_argument, NULL, 's' },
        { "warmup", required_argument, NULL, 'W' },
        { NULL, 0, NULL, 0 },
    };
    *ret_options = (struct limit_options){
        .rows = 256, .lanes = 2, .threads = 100, .bytes = 100, .seconds = 4, .warmup = 1,
    };
    for (int key; (key = getopt_long(argc, argv, "", known, NULL)) != -1;)
        take(ret_options, key, optarg);
    if (!ret_options->conninfo || !ret_options->work || optind < argc)
        usage("--conninfo and --work are wanted");
}

/* ---- batches ---- */

static void send_batch(struct limit_lane *lane) {
    const char *sql;
    pg_args_reset(&lane->args);
    const char *name = lane->options->work->fill(lane, &sql);
    pg_args_finish(&lane->args);
    /* Prepared by its first use, like every later one. */
    static const char *prepared[LANES_MAX];
    if (prepared[lane->index] != name) {
        PGresult *result = PQprepare(lane->pg, name, sql, 0, NULL);
        if (PQresultStatus(result) != PGRES_COMMAND_OK)
            limit_fail(name, PQerrorMessage(lane->pg));
        PQclear(result);
        prepared[lane->index] = name;
    }
    if (!PQsendQueryPrepared(lane->pg, name, lane->args.count, lane->args.values,
                             lane->args.lengths, lane->args.formats, 1))
        limit_fail(name, PQerrorMessage(lane->pg));
}

/* Returns 1 when the batch is answered. */
static int take_answers(struct limit_lane *lane) {
    if (!PQconsumeInput(lane->pg))
        limit_fail("connection", PQerrorMessage(lane->pg));
    while (!PQisBusy(lane->pg)) {
        PGresult *result = PQgetResult(lane->pg);
        if (!result)
            return 1;
        if (PQresultStatus(result) != PGRES_TUPLES_OK)
            limit_fail("batch", PQresultErrorMessage(result));
        lane->options->work->answered(lane, result);
        PQclear(result);
    }
    return 0;
}

static uint64_t rows_done(const struct run *run, unsigned lanes) {
    uint64_t done = 0;
    for (unsigned i = 0; i < lanes; i++)
        done += run->lanes[i].done;
    return done;
}

/* What the lanes' backends have run, if they run on this machine. */
static uint64_t backends_ns(const struct run *run, unsigned lanes) {
    uint64_t sum = 0;
    for (unsigned i = 0; i < lanes; i++) {
        char path[64];
        unsigned long long ns = 0;
        snprintf(path, sizeof(path), "/proc/%d/schedstat", PQbackendPID(run->lanes[i].pg));
        FILE *file = fopen(path, "re");
        if (file && fscanf(file, "%llu", &ns) == 1)
            sum += ns;
        if (file)
            fclose(file);
    }
    return sum;
}

static void drive(struct run *run, const struct limit_options *options) {
    struct pollfd polls[LANES_MAX];
    unsigned busy = options->lanes;
    for (unsigned i = 0; i < options->lanes; i++) {
        send_batch(&run->lanes[i]);
        polls[i] = (struct pollfd){ .fd = PQsocket(run->lanes[i].pg), .events = POLLIN };
    }
    while (busy) {
        poll(polls, options->lanes, -1);
        for (unsigned i = 0; i < options->lanes; i++) {
            if (!polls[i].revents || !take_answers(&run->lanes[i]))
                continue;
            uint64_t now = limit_now_ns();
            if (!run->before && now >= run->begun_ns) {
                run->before = rows_done(run, options->lanes);
                run->backends_before_ns = backends_ns(run, options->lanes);
                run->begun_ns = now;
                run->ended_ns = now + (uint64_t)(options->seconds * 1e9);
            }
            if (run->before && now >= run->ended_ns) {
                polls[i].fd = -1;
                busy--;
            } else {
                send_batch(&run->lanes[i]);
            }
        }
    }
}

int main(int argc, char **argv) {
    struct limit_options options;
    struct run run = { 0 };
    read_options(argc, argv, &options);
    PGconn *pg = connect_to(&options);
    options.work->prepare(&options, pg);
    PQfinish(pg);
    for (unsigned i = 0; i < options.lanes; i++) {
        struct limit_lane *lane = &run.lanes[i];
        lane->options = &options;
        lane->index = i;
        lane->pg = connect_to(&options);
        options.work->open(lane);
    }
    run.begun_ns = limit_now_ns() + (uint64_t)(options.warmup * 1e9);
    drive(&run, &options);
    uint64_t total = rows_done(&run, options.lanes);
    double seconds = (double)(limit_now_ns() - run.begun_ns) / 1e9;
    double cpu_us = (double)(backends_ns(&run, options.lanes) - run.backends_before_ns) / 1e3;
    printf("{\"work\":\"%s\",\"rows\":%u,\"connections\":%u,\"seconds\":%.3f,\"rate\":%.1f,"
           "\"total\":%llu,\"backend_us\":%.2f}\n", options.work->name, options.rows, options.lanes,
           seconds, (double)(total - run.before) / seconds, (unsigned long long)total,
           cpu_us / (double)(total - run.before));
    for (unsigned i = 0; i < options.lanes; i++)
        PQfinish(run.lanes[i].pg);
    return 0;
}
