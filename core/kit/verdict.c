#include "core/kit/verdict.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void verdict_init(struct verdict *verdict) {
    *verdict = (struct verdict){ BUF_INIT, 0, 0 };
}

void verdict_fini(struct verdict *verdict) {
    buf_fini(&verdict->lines);
}

enum tone { GOOD, NOTE, BAD };

__attribute__((format(printf, 4, 5)))
static void say(struct verdict *verdict, enum tone tone, const char *about, const char *format,
                ...) {
    static const char *const tones[] = { "ok", "note", "BAD" };
    char text[ADAPTER_ERROR_SIZE];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    buf_printf(&verdict->lines, "  %-5s%-10s%s\n", tones[tone], about, text);
    verdict->problems += tone == BAD;
    verdict->notes += tone == NOTE;
}

/* ---- hooks ---- */

struct hook {
    const char *name;
    int is_there;
    const char *without; /* what its absence means; NULL: nothing worth a note */
};

static int has_route(const struct dm_adapter *adapter, enum dm_transport transport) {
    struct dm_route route;
    for (uint32_t i = 0; i < adapter->routes.count; i++) {
        adapter_row(&adapter->routes, i, &route, sizeof(route));
        if (route.transport == transport)
            return 1;
    }
    return 0;
}

static void judge_hooks(struct verdict *verdict, const struct dm_adapter *a) {
    int http = has_route(a, DM_HTTP);
    int sockets = has_route(a, DM_WEBSOCKET) || has_route(a, DM_SOCKETIO)
                  || has_route(a, DM_ENGINEIO);
    const struct hook hooks[] = {
        { "start", a->start != NULL, NULL },
        { "stop", a->stop != NULL, NULL },
        { "upgrade", a->upgrade != NULL, NULL },
        { "open", a->open != NULL, NULL },
        { "frame", a->frame != NULL, NULL },
        { "request", a->request != NULL, NULL },
        { "fault", a->fault != NULL,
          http ? "requests that the host refuses get plain answers" : NULL },
        { "result", a->result != NULL, "answers of the core are passed over" },
        { "event", a->event != NULL, NULL },
        { "notice", a->notice != NULL,
          sockets ? "a late login, a limit or a revoked token closes with 1008" : NULL },
        { "close", a->close != NULL, NULL },
        { "redact", a->redact != NULL, sockets ? "its frames are never shown" : NULL },
        { "configure", a->configure != NULL,
          a->start && a->settings.count ? "settings that start reads change by a restart only"
                                        : NULL },
    };
    char names[160] = "";
    for (size_t i = 0; i < sizeof(hooks) / sizeof(hooks[0]); i++)
        if (hooks[i].is_there)
            snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%s",
                     names[0] ? " " : "", hooks[i].name);
    say(verdict, GOOD, "hooks", "%s", names);
    for (size_t i = 0; i < sizeof(hooks) / sizeof(hooks[0]); i++)
        if (!hooks[i].is_there && hooks[i].without)
            say(verdict, NOTE, "hooks", "no %s: %s", hooks[i].name, hooks[i].without);
}

/* ---- tables ---- */

static const char *transport_name(const struct dm_route *route) {
    switch (route->transport) {
    case DM_WEBSOCKET: return "WebSocket";
    case DM_HTTP: return route->method;
    case DM_SOCKETIO: return "Socket.IO";
    case DM_ENGINEIO: return "Engine.IO";
    }
    return "";
}

static void judge_routes(struct verdict *verdict, const struct dm_adapter *adapter) {
    static const char *const auths[] = { "", ", token if there is one", ", token required" };
    struct dm_route route;
    for (uint32_t i = 0; i < adapter->routes.count; i++) {
        adapter_row(&adapter->routes, i, &route, sizeof(route));
        say(verdict, GOOD, "route", "%s %s%s%s%s", transport_name(&route), route.path,
            route.ns ? " namespace " : "", route.ns ? route.ns : "", auths[route.auth]);
    }
}

static void judge_settings(struct verdict *verdict, const struct dm_adapter *adapter) {
    struct dm_setting setting;
    for (uint32_t i = 0; i < adapter->settings.count; i++) {
        adapter_row(&adapter->settings, i, &setting, sizeof(setting));
        say(verdict, GOOD, "setting", "%s: %s (default: %s)", setting.key,
            setting.kind == DM_SETTING_DEFAULT ? "as all adapters have it" : setting.doc,
            setting.fallback ? setting.fallback : "none");
    }
}

static int is_declared(const struct dm_adapter *adapter, int kind) {
    struct dm_capability row;
    for (uint32_t i = 0; i < adapter->capabilities.count; i++) {
        adapter_row(&adapter->capabilities, i, &row, sizeof(row));
        if ((int)row.event == kind)
            return 1;
    }
    return 0;
}

static void judge_events(struct verdict *verdict, const struct dm_adapter *adapter) {
    char missing[512] = "";
    for (int kind = DM_EVENT_NONE + 1; kind < DM_EVENT_KIND_COUNT; kind++) {
        const char *note, *name = dm_event_name((enum dm_event_kind)kind);
        enum dm_treatment treatment = adapter_treatment(adapter, (enum dm_event_kind)kind, &note);
        if (!is_declared(adapter, kind))
            snprintf(missing + strlen(missing), sizeof(missing) - strlen(missing), " %s", name);
        else if (treatment != DM_DROPPED && !note)
            say(verdict, NOTE, "event", "%s: %s, without a word on what becomes of it", name,
                adapter_treatment_name(treatment));
        else
            say(verdict, GOOD, "event", "%s: %s%s%s", name, adapter_treatment_name(treatment),
                note ? ", " : "", note ? note : "");
    }
    if (missing[0])
        say(verdict, NOTE, "events", "not declared, so dropped:%s", missing);
}

void verdict_adapter(struct verdict *verdict, const struct dm_adapter *adapter) {
    struct dm_adapter known;
    struct adapter_error error;
    if (adapter_check(adapter, &error) != 0) {
        say(verdict, BAD, "adapter", "%s", error.text);
        return;
    }
    adapter_copy(adapter, &known);
    say(verdict, GOOD, "adapter", "%s %s: %s", known.name, known.version, known.title);
    say(verdict, GOOD, "abi", "built for %u.%u, this gateway has %u.%u",
        (unsigned)known.abi_major, (unsigned)known.abi_minor, DM_ABI_MAJOR, DM_ABI_MINOR);
    judge_hooks(verdict, &known);
    judge_routes(verdict, &known);
    judge_settings(verdict, &known);
    judge_events(verdict, &known);
}

/* ---- shared objects ---- */

static int is_libc(const char *library) {
    static const char *const names[] = { "libc.so.", "libm.so.", "libgcc_s.so.", "ld-linux",
                                         "libpthread.so.", "libdl.so.", "librt.so." };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (!strncmp(library, names[i], strlen(names[i])))
            return 1;
    return 0;
}

static void note_link(void *owner, enum shared_object_link link, const char *name) {
    struct verdict *verdict = owner;
    if (link == SHARED_OBJECT_STRAY)
        say(verdict, BAD, "symbols", "needs %s, which no library has that it is linked with", name);
    else if (is_libc(name))
        say(verdict, GOOD, "symbols", "of %s", name);
    else
        say(verdict, NOTE, "symbols", "of %s, which must be there where the gateway runs", name);
}

static void judge_links(struct verdict *verdict, const struct shared_object *object) {
    size_t before = verdict->lines.len;
    shared_object_each_link(object, note_link, verdict);
    if (verdict->lines.len == before)
        say(verdict, GOOD, "symbols", "of itself alone");
}

void verdict_file(struct verdict *verdict, const char *path) {
    struct shared_object *object;
    struct adapter_error error;
    if (shared_object_open(path, &object, &error) != 0) {
        say(verdict, BAD, "file", "%s", error.text);
        return;
    }
    verdict_adapter(verdict, shared_object_adapter(object));
    judge_links(verdict, object);
    shared_object_close(object);
}
