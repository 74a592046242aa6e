#include "core/capture/capture.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/decimal.h"
#include "core/base/mem.h"
#include "core/capture/output.h"
#include "core/capture/tap.h"
#include "core/replay/target.h"

#define HEAD_MAX 65536
#define WAITING_MAX ((size_t)1 << 20) /* bytes for a slow side; the other one is not read then */
#define EXIT_USAGE 64

static const char usage[] =
    "usage: dragoman capture --listen HOST:PORT --upstream URL [options]\n"
    "  --listen HOST:PORT   where clients connect instead; port 0: a free one\n"
    "  --upstream URL       the server that is recorded: ws://HOST[:PORT] or http://...\n"
    "  --out DIR            where the transcript is written, made if need be (default: .)\n"
    "  --mask NAME          a further key, parameter or header that holds secrets (repeatable)\n"
    "Prints `capturing HOST:PORT`, and writes the transcript when SIGINT or SIGTERM ends it.\n"
    "Look it through before you pass it on: secrets under other names stand in it.\n";

struct capture {
    uv_loop_t loop;
    uv_tcp_t listener;
    uv_signal_t interrupt, terminate;
    struct target upstream;
    struct record record;
    struct list links;
    struct masks masks;
    const char *listen, *out;
    struct output output;
    char host[256];
    int port;
};

/* One side of a link. */
struct end {
    uv_tcp_t tcp;
    struct link *link;
    enum said_by by;
    int is_closed;
    int is_paused;
};

/* A client's connection and the one to the server. */
struct link {
    struct list link;
    struct capture *capture;
    struct tap *tap;
    struct end ends[2]; /* by enum said_by */
    uv_connect_t connect;
    struct buf head; /* the client's first request, until it is whole */
    int head_passed;
    int open_handles;
    char buffer[65536];
};

struct write {
    uv_write_t request;
    struct end *to;
    char bytes[];
};

static void end_link(struct link *link, enum said_by by);

static void on_closed(uv_handle_t *handle) {
    struct link *link = ((struct end *)handle->data)->link;
    if (--link->open_handles)
        return;
    list_remove(&link->link);
    tap_free(link->tap);
    buf_fini(&link->head);
    free(link);
}

static struct end *other(const struct end *end) {
    return &end->link->ends[end->by == BY_CLIENT ? BY_SERVER : BY_CLIENT];
}

/* ---- passing on ---- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret) {
    struct link *link = ((struct end *)handle->data)->link;
    *ret = uv_buf_init(link->buffer, sizeof(link->buffer));
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buf);

static void on_written(uv_write_t *request, int status) {
    struct write *write = container_of(request, struct write, request);
    struct end *to = write->to, *from = other(to);
    free(write);
    if (status == 0 && from->is_paused && !from->is_closed &&
        uv_stream_get_write_queue_size((uv_stream_t *)&to->tcp) < WAITING_MAX / 2) {
        from->is_paused = 0;
        uv_read_start((uv_stream_t *)&from->tcp, on_alloc, on_read);
    }
}

static void pass(struct end *from, struct dm_slice bytes) {
    struct end *to = other(from);
    struct write *write;
    if (bytes.len == 0 || to->is_closed)
        return;
    write = mem_alloc(sizeof(*write) + bytes.len);
    write->to = to;
    memcpy(write->bytes, bytes.ptr, bytes.len);
    uv_buf_t buf = uv_buf_init(write->bytes, (unsigned)bytes.len);
    if (uv_write(&write->request, (uv_stream_t *)&to->tcp, &buf, 1, on_written) < 0)
        free(write);
    if (uv_stream_get_write_queue_size((uv_stream_t *)&to->tcp) > WAITING_MAX) {
        from->is_paused = 1;
        uv_read_stop((uv_stream_t *)&from->tcp);
    }
    tap_feed(from->link->tap, from->by, bytes);
}

/* A compressed conversation could not be read: the client's offer to compress is left out. */
static void pass_head(struct end *from) {
    static const char offer[] = "\r\nsec-websocket-extensions:";
    struct buf *head = &from->link->head;
    for (size_t i = 0; i + sizeof(offer) - 1 < head->len; i++) {
        if (strncasecmp(head->data + i, offer, sizeof(offer) - 1) != 0)
            continue;
        char *line_end = memmem(head->data + i + 2, head->len - i - 2, "\r\n", 2);
        size_t len = line_end ? (size_t)(line_end - head->data) - i : head->len - i;
        memmove(head->data + i, head->data + i + len, head->len - i - len);
        head->len -= len;
        break;
    }
    from->link->head_passed = 1;
    pass(from, buf_slice(head));
    buf_fini(head);
}

static void on_client_bytes(struct end *from, struct dm_slice bytes) {
    struct buf *head = &from->link->head;
    if (from->link->head_passed) {
        pass(from, bytes);
        return;
    }
    buf_append_slice(head, bytes);
    if (head->len > HEAD_MAX || memmem(head->data, head->len, "\r\n\r\n", 4))
        pass_head(from);
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buf) {
    struct end *from = stream->data;
    struct dm_slice bytes = { buf->base, count > 0 ? (size_t)count : 0 };
    if (count < 0)
        end_link(from->link, from->by);
    else if (from->by == BY_CLIENT)
        on_client_bytes(from, bytes);
    else
        pass(from, bytes);
}

/* ---- links ---- */

static void close_end(struct end *end) {
    if (end->is_closed)
        return;
    end->is_closed = 1;
    uv_close((uv_handle_t *)&end->tcp, on_closed);
}

static void on_shut(uv_shutdown_t *request, int status) {
    struct end *end = request->data;
    free(request);
    close_end(end);
}

/* What was passed on before still arrives. */
static void end_link(struct link *link, enum said_by by) {
    struct end *left = &link->ends[by == BY_CLIENT ? BY_SERVER : BY_CLIENT];
    tap_end(link->tap, by);
    close_end(&link->ends[by]);
    if (left->is_closed)
        return;
    uv_shutdown_t *request = mem_zalloc(sizeof(*request));
    request->data = left;
    uv_read_stop((uv_stream_t *)&left->tcp);
    if (uv_shutdown(request, (uv_stream_t *)&left->tcp, on_shut) < 0) {
        free(request);
        close_end(left);
    }
}

static void on_connect(uv_connect_t *connect, int status) {
    struct link *link = connect->data;
    if (status == UV_ECANCELED || link->ends[BY_SERVER].is_closed)
        return;
    if (status < 0) {
        fprintf(stderr, "dragoman capture: %s: %s\n", link->capture->upstream.authority,
                uv_strerror(status));
        end_link(link, BY_SERVER);
        return;
    }
    for (int by = 0; by < 2; by++)
        uv_read_start((uv_stream_t *)&link->ends[by].tcp, on_alloc, on_read);
}

static void init_end(struct link *link, enum said_by by) {
    struct end *end = &link->ends[by];
    end->link = link;
    end->by = by;
    end->tcp.data = end;
    uv_tcp_init(&link->capture->loop, &end->tcp);
    link->open_handles++;
}

static void on_connection(uv_stream_t *listener, int status) {
    struct capture *capture = listener->data;
    struct link *link;
    if (status < 0)
        return;
    link = mem_zalloc(sizeof(*link));
    link->capture = capture;
    link->connect.data = link;
    link->tap = tap_new(&capture->record);
    list_push_back(&capture->links, &link->link);
    init_end(link, BY_CLIENT);
    init_end(link, BY_SERVER);
    if (uv_accept(listener, (uv_stream_t *)&link->ends[BY_CLIENT].tcp) < 0 ||
        uv_tcp_connect(&link->connect, &link->ends[BY_SERVER].tcp,
                       (const struct sockaddr *)&capture->upstream.address, on_connect) < 0) {
        close_end(&link->ends[BY_CLIENT]);
        close_end(&link->ends[BY_SERVER]);
        return;
    }
    uv_tcp_nodelay(&link->ends[BY_CLIENT].tcp, 1);
    uv_tcp_nodelay(&link->ends[BY_SERVER].tcp, 1);
}

/* ---- the end ---- */

static void on_signal(uv_signal_t *handle, int signum) {
    struct capture *capture = handle->data;
    uv_close((uv_handle_t *)&capture->listener, NULL);
    uv_close((uv_handle_t *)&capture->interrupt, NULL);
    uv_close((uv_handle_t *)&capture->terminate, NULL);
    list_foreach_safe(it, &capture->links) {
        struct link *link = container_of(it, struct link, link);
        close_end(&link->ends[BY_CLIENT]);
        close_end(&link->ends[BY_SERVER]);
    }
}

static int write_transcript(struct capture *capture) {
    struct buf text = BUF_INIT;
    record_write(&capture->record, &capture->masks, &text);
    int r = output_write(&capture->output, buf_slice(&text));
    if (r < 0)
        fprintf(stderr, "dragoman capture: %s: %s\n", capture->output.path, strerror(-r));
    else
        printf("wrote %s\n", capture->output.path);
    buf_fini(&text);
    return r < 0;
}

/* ---- the beginning ---- */

static int fail(const char *what, const char *why) {
    fprintf(stderr, "dragoman capture: %s: %s\n", what, why);
    return -1;
}

static int read_listen(struct capture *capture, const char *text) {
    const char *colon = strrchr(text, ':');
    int64_t port;
    if (!colon || (size_t)(colon - text) >= sizeof(capture->host))
        return fail(text, "HOST:PORT is expected");
    memcpy(capture->host, text, (size_t)(colon - text));
    if (decimal_parse(dm_slice_str(colon + 1), UINT16_MAX, &port))
        return fail(text, "the port is no number");
    capture->port = (int)port;
    capture->listen = text;
    return 0;
}

static int read_upstream(struct capture *capture, const char *text) {
    const char *error = target_parse(text, &capture->upstream);
    if (!error && *capture->upstream.prefix)
        error = "paths are passed on as they come: the URL has none";
    return error ? fail("--upstream", error) : 0;
}

enum option_key { KEY_LISTEN = 256, KEY_UPSTREAM, KEY_OUT, KEY_MASK, KEY_HELP };

static const struct option long_options[] = {
    { "listen", required_argument, NULL, KEY_LISTEN },
    { "upstream", required_argument, NULL, KEY_UPSTREAM },
    { "out", required_argument, NULL, KEY_OUT },
    { "mask", required_argument, NULL, KEY_MASK },
    { "help", no_argument, NULL, KEY_HELP },
    { NULL, 0, NULL, 0 },
};

/* 0, -1 when something is wrong, 1 when help was asked for. */
static int read_options(struct capture *capture, int argc, char **argv) {
    size_t masks = 0;
    int key, r = 0;
    optind = 1;
    capture->out = ".";
    capture->masks.names = mem_calloc((size_t)argc + 1, sizeof(*capture->masks.names));
    while (r == 0 && (key = getopt_long(argc, argv, "", long_options, NULL)) != -1)
        switch (key) {
        case KEY_LISTEN: r = read_listen(capture, optarg); break;
        case KEY_UPSTREAM: r = read_upstream(capture, optarg); break;
        case KEY_OUT: capture->out = optarg; break;
        case KEY_MASK: capture->masks.names[masks++] = optarg; break;
        case KEY_HELP: return 1;
        default: r = -1;
        }
    if (r == 0 && (optind < argc || !capture->listen || !capture->upstream.host[0]))
        r = fail("arguments", "--listen and --upstream are needed, and nothing else");
    return r;
}

/* Before anything is recorded: what could not be written down in the end would be lost. */
static int open_transcript(struct capture *capture) {
    int r = output_open(&capture->output, capture->out);
    return r < 0 ? fail(capture->output.path, strerror(-r)) : 0;
}

static int begin(struct capture *capture) {
    struct sockaddr_in address;
    int len = sizeof(address);
    int r = uv_ip4_addr(strcmp(capture->host, "localhost") ? capture->host : "127.0.0.1",
                        capture->port, &address);
    if (r == 0)
        r = target_resolve(&capture->upstream, &capture->loop);
    uv_tcp_init(&capture->loop, &capture->listener);
    capture->listener.data = capture->interrupt.data = capture->terminate.data = capture;
    if (r == 0)
        r = uv_tcp_bind(&capture->listener, (const struct sockaddr *)&address, 0);
    if (r == 0)
        r = uv_listen((uv_stream_t *)&capture->listener, 128, on_connection);
    if (r < 0) {
        uv_close((uv_handle_t *)&capture->listener, NULL);
        return fail(capture->listen, uv_strerror(r));
    }
    uv_tcp_getsockname(&capture->listener, (struct sockaddr *)&address, &len);
    uv_signal_init(&capture->loop, &capture->interrupt);
    uv_signal_init(&capture->loop, &capture->terminate);
    uv_signal_start(&capture->interrupt, on_signal, SIGINT);
    uv_signal_start(&capture->terminate, on_signal, SIGTERM);
    printf("capturing %s:%d\n", capture->host, ntohs(address.sin_port));
    fflush(stdout);
    return 0;
}

int capture_main(int argc, char **argv) {
    struct capture capture = { .port = 0 };
    int status = 1;
    int read = read_options(&capture, argc, argv);
    if (read != 0) {
        fputs(usage, read > 0 ? stdout : stderr);
        free(capture.masks.names);
        return read > 0 ? 0 : EXIT_USAGE;
    }
    if (open_transcript(&capture) != 0) {
        free(capture.masks.names);
        return status;
    }
    signal(SIGPIPE, SIG_IGN);
    uv_loop_init(&capture.loop);
    record_init(&capture.record);
    list_init(&capture.links);
    if (begin(&capture) == 0) {
        uv_run(&capture.loop, UV_RUN_DEFAULT);
        status = write_transcript(&capture);
    } else {
        output_discard(&capture.output);
    }
    uv_run(&capture.loop, UV_RUN_DEFAULT);
    uv_loop_close(&capture.loop);
    record_fini(&capture.record);
    free(capture.masks.names);
    return status;
}
