#include "core/server/progress.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/base/clock.h"

#define WIDTH 24
#define REDRAW_MS 200
#define LINE_MS 10000

void progress_begin(struct progress *progress, const char *what) {
    *progress = (struct progress){
        .what = what,
        .begun_ms = clock_mono_ms(),
        .drawn_ms = clock_mono_ms(),
        .terminal = isatty(STDERR_FILENO),
    };
}

static void draw_bar(uint64_t done, uint64_t total) {
    char bar[WIDTH + 1];
    size_t full = total ? (size_t)(done * WIDTH / total) : 0;
    full = full < WIDTH ? full : WIDTH;
    memset(bar, ' ', WIDTH);
    memset(bar, '#', full);
    bar[WIDTH] = '\0';
    fprintf(stderr, "[%s] ", bar);
}

void progress_show(struct progress *progress, uint64_t done, uint64_t total, uint64_t lines) {
    uint64_t now = clock_mono_ms();
    uint64_t passed = now - progress->begun_ms;
    if (now - progress->drawn_ms < (progress->terminal ? REDRAW_MS : LINE_MS))
        return;
    progress->drawn_ms = now;
    if (progress->terminal)
        fputs("\r\033[K", stderr);
    fprintf(stderr, "%s ", progress->what);
    if (progress->terminal)
        draw_bar(done, total);
    if (total)
        fprintf(stderr, "%3u%% ", (unsigned)(done * 100 / total));
    fprintf(stderr, "%llu lines, %llu/s", (unsigned long long)lines,
            (unsigned long long)(passed ? lines * 1000 / passed : 0));
    if (total && done) {
        uint64_t left = (uint64_t)((double)passed * (double)(total - done) / (double)done / 1000);
        fprintf(stderr, ", %llu:%02llu left", (unsigned long long)(left / 60),
                (unsigned long long)(left % 60));
    }
    if (!progress->terminal)
        fputc('\n', stderr);
}

void progress_clear(struct progress *progress) {
    if (progress->terminal)
        fputs("\r\033[K", stderr);
    progress->drawn_ms = progress->terminal ? 0 : progress->drawn_ms;
}
