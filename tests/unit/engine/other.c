#include "tests/unit/engine/other.h"

#include <stdlib.h>

#include "core/base/buf.h"
#include "core/engine/unit.h"

struct other other;

static void publish(struct bus *bus, struct dm_slice frame) {
    cr_assert(lt(sz, other.count, OTHER_FRAMES));
    other.frames[other.count++] = strndup(frame.ptr, frame.len);
}

void other_forget(void) {
    for (size_t i = 0; i < other.count; i++)
        free(other.frames[i]);
    other.count = 0;
}

void other_open(void) {
    static const struct bus_ops ops = { publish };
    bench_open();
    memset(&other, 0, sizeof(other));
    other.bus = (struct bus){ .ops = &ops, .node = 1, .frame_max = 4000 };
    engine_attach_bus(bench.engine, &other.bus);
}

void other_close(void) {
    engine_leave(bench.engine);
    bench_close();
    other_forget();
}

void other_open_thread(void) {
    struct fake_thread *thread = &bench.store.threads[bench.store.thread_count++];
    thread->id = 501;
    thread->uuid.bytes[0] = 't';
    thread->lo_id = thread->opener_id = bench_id("ann");
    thread->hi_id = bench_id("bob");
}

enum dm_status other_stored(struct store_call *call, const struct store_event *events,
                            size_t count, uint64_t rev) {
    const struct fake_thread *thread = &bench.store.threads[0];
    struct store_event *list;
    if (!call->events) {
        call->ret_threads = &thread->id;
        call->ret_thread_count = 1;
        return DM_OK;
    }
    list = arena_alloc(call->arena, count * sizeof(*list));
    memcpy(list, events, count * sizeof(*list));
    call->events->ret_list = list;
    call->events->ret_count = count;
    call->events->ret_rev = rev;
    return fake_show_thread(call, thread);
}

void other_stored_message(struct store_call *call, uint64_t seq, const char *author) {
    const struct dm_message **messages = arena_alloc(call->arena, sizeof(*messages));
    messages[0] = fake_message(&bench.store, call, &bench.store.threads[0], seq,
                               bench_id(author));
    call->result->messages = messages;
    call->result->message_count = 1;
}

void other_nodes(int64_t now_us, const int64_t *ids, size_t count) {
    other_nodes_while(now_us, now_us, ids, count);
}

void other_nodes_while(int64_t open_us, int64_t now_us, const int64_t *ids, size_t count) {
    struct bus_notice notice = { .kind = BUS_NODES, .nodes = ids, .node_count = count,
                                 .sure_count = count,
                                 .now_us = now_us, .open_us = open_us };
    engine_notice(bench.engine, &notice);
    bench_run();
}

void other_resync(void) {
    struct bus_notice notice = { .kind = BUS_RESYNC };
    engine_notice(bench.engine, &notice);
    bench_run();
}

void other_say_as(uint64_t number, const char *rest, size_t len) {
    struct bus_notice notice = { .kind = BUS_FRAME };
    struct buf frame = BUF_INIT;
    buf_printf(&frame, "1%d %d ", OTHER, (int)number);
    buf_append(&frame, rest, len);
    notice.frame = buf_slice(&frame);
    engine_notice(bench.engine, &notice);
    buf_fini(&frame);
    bench_run();
}

void other_say(const char *rest) {
    other_say_as(++other.number, rest, strlen(rest));
}

/* The other node is there, knows us, and has these users. */
void other_tell(struct buf unit) {
    struct buf frame = BUF_INIT;
    buf_append_char(&frame, 'E');
    buf_append_slice(&frame, buf_slice(&unit));
    other_say_as(++other.number, frame.data, frame.len);
    buf_fini(&frame);
    buf_fini(&unit);
}

void other_meet(const char *state) {
    static const int64_t there[] = { OTHER };
    other_resync();
    other_nodes(1000000000, there, 1);
    other_say(state);
    check_true(engine_is_settled(bench.engine));
    other_forget();
}

const char *other_frame(char kind) {
    for (size_t i = 0; i < other.count; i++) {
        const char *at = strchr(strchr(other.frames[i], ' ') + 1, ' ') + 1;
        if (*at == kind)
            return at + 1;
    }
    return NULL;
}

struct buf other_message(const char *author, uint64_t rev, uint64_t seq, const char *text) {
    struct fake_thread *thread = &bench.store.threads[0];
    const struct dm_user *user = &fake_user_named(&bench.store, author)->user;
    struct dm_message sent = { .id = 900 + (int64_t)seq, .seq = seq, .author = user,
                               .text = dm_slice_str(text) };
    struct dm_thread view = { .last_message = &sent };
    struct dm_event event = { .kind = DM_EVENT_MESSAGE, .actor = user, .message = &sent };
    struct unit_head head = { .thread_id = thread->id, .pair = { thread->lo_id, thread->hi_id },
                              .rev = rev, .span = 1, .seq = seq, .uuid = thread->uuid };
    struct buf unit = BUF_INIT;
    unit_put_head(&unit, &head);
    wire_put_uint(&unit, 1);
    unit_put_event(&unit, UNIT_TO_THREAD, &event, &view, &view);
    return unit;
}
