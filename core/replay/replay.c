#include "core/replay/replay.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/replay/known.h"
#include "core/replay/options.h"

#define EXIT_FAULT 2

struct replay {
    struct replay_options options;
    struct transcript **transcripts; /* one for each file */
    yyjson_doc *users;
    uv_loop_t loop;
    size_t failed;
    size_t faults;
};

static int load_file(const char *path, struct transcript **ret_transcript) {
    struct buf text = BUF_INIT;
    struct transcript_error error;
    int result = known_read_file(path, &text);
    if (result == 0) {
        result = transcript_parse(buf_slice(&text), ret_transcript, &error);
        if (result < 0)
            fprintf(stderr, "%s:%u: %s\n", path, error.line, error.text);
    }
    buf_fini(&text);
    return result;
}

/* All files are read before the first is played: a half-played set proves nothing. */
static int load_all(struct replay *replay) {
    const struct replay_options *o = &replay->options;
    unsigned *used = mem_calloc(o->var_count + 1, sizeof(*used));
    int result = known_read_users(o->users_file, &replay->users);
    for (size_t i = 0; i < o->file_count; i++) {
        if (load_file(o->files[i], &replay->transcripts[i]) < 0)
            result = -1;
        for (size_t v = 0; v < o->var_count && result == 0; v++)
            used[v] += (unsigned)transcript_give(replay->transcripts[i], o->vars[v]);
    }
    for (size_t i = 0; i < o->var_count && result == 0; i++) {
        if (!used[i]) {
            fprintf(stderr, "dragoman replay: --var %s: no transcript has it\n", o->vars[i]);
            result = -1;
        }
    }
    free(used);
    return result;
}

static void print_prefixed(const char *prefix, const char *file, struct dm_slice report) {
    int first = 1;
    while (report.len) {
        const char *end = memchr(report.ptr, '\n', report.len);
        size_t len = end ? (size_t)(end - report.ptr) : report.len;
        printf("%s%s%s%.*s\n", prefix, first ? file : "", first ? ":" : "", (int)len, report.ptr);
        len += end != NULL;
        report.ptr += len;
        report.len -= len;
        first = 0;
    }
}

static void print_result(const struct replay *replay, size_t index, enum player_result result,
                         struct dm_slice report) {
    const char *file = replay->options.files[index];
    struct dm_slice title = replay->transcripts[index]->title;
    const char *colon = title.len ? ": " : "";
    if (replay->options.format == REPLAY_TAP) {
        printf("%sok %zu - %s%s%.*s\n", result == PLAYER_PASSED ? "" : "not ", index + 1, file,
               colon, DM_SLICE_FMT(title));
        print_prefixed("# ", file, report);
    } else if (result == PLAYER_PASSED) {
        printf("passed %s%s%.*s\n", file, colon, DM_SLICE_FMT(title));
    } else {
        printf("FAILED %s%s%.*s\n", file, colon, DM_SLICE_FMT(title));
        print_prefixed("", file, report);
    }
    fflush(stdout);
}

static void play_one(struct replay *replay, size_t index) {
    const struct transcript *transcript = replay->transcripts[index];
    struct vars vars;
    struct buf report = BUF_INIT;
    enum player_result result = PLAYER_FAULT;
    vars_init(&vars);
    if (known_bind(transcript, replay->users, &vars, &report) == 0)
        result = player_play(transcript, &vars, &replay->options.player, &replay->loop, &report);
    print_result(replay, index, result, buf_slice(&report));
    replay->failed += result == PLAYER_DIFFERS;
    replay->faults += result == PLAYER_FAULT;
    buf_fini(&report);
    vars_fini(&vars);
}

static int play_all(struct replay *replay) {
    const struct replay_options *o = &replay->options;
    int result = target_resolve(&replay->options.target, &replay->loop);
    if (result < 0) {
        fprintf(stderr, "dragoman replay: %s: %s\n", o->target.host, uv_strerror(result));
        return EXIT_FAULT;
    }
    if (o->format == REPLAY_TAP)
        printf("TAP version 13\n1..%zu\n", o->file_count);
    for (size_t i = 0; i < o->file_count; i++)
        play_one(replay, i);
    if (o->format == REPLAY_PLAIN)
        printf("%zu passed, %zu failed\n", o->file_count - replay->failed - replay->faults,
               replay->failed + replay->faults);
    return replay->faults ? EXIT_FAULT : replay->failed ? 1 : 0;
}

static int print_headers(const struct replay *replay) {
    struct buf out = BUF_INIT;
    for (size_t i = 0; i < replay->options.file_count; i++)
        known_print_header(replay->transcripts[i], replay->options.files[i], &out);
    fwrite(out.data, 1, out.len, stdout);
    buf_fini(&out);
    return 0;
}

static void replay_fini(struct replay *replay) {
    for (size_t i = 0; i < replay->options.file_count; i++)
        transcript_free(replay->transcripts[i]);
    free(replay->transcripts);
    yyjson_doc_free(replay->users);
    replay_options_free(&replay->options);
    uv_loop_close(&replay->loop);
}

int replay_main(int argc, char **argv) {
    struct replay replay = { .failed = 0 };
    int read = replay_options_read(argc, argv, &replay.options);
    int status = EXIT_FAULT;
    /* The server may close while something is written to it. */
    signal(SIGPIPE, SIG_IGN);
    uv_loop_init(&replay.loop);
    replay.transcripts = mem_calloc(replay.options.file_count + 1, sizeof(*replay.transcripts));
    if (read > 0)
        status = 0;
    else if (read == 0 && load_all(&replay) == 0)
        status = replay.options.what == REPLAY_HEADER ? print_headers(&replay)
                                                      : play_all(&replay);
    replay_fini(&replay);
    return status;
}
