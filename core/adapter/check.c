/* Is a descriptor one that this host can serve? */
#include "core/adapter/values.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "core/adapter/internal.h"
#include "core/base/utf8.h"

#define ROWS_MAX 256
#define ROW_SIZE_MAX 4096
#define STATE_SIZE_MAX (1u << 20)

/* Rows as the first minor had them. */
#define ROUTE_ROW_MIN (offsetof(struct dm_route, ns) + sizeof(const char *))
#define SETTING_ROW_MIN (offsetof(struct dm_setting, doc) + sizeof(const char *))
#define CAPABILITY_ROW_MIN (offsetof(struct dm_capability, note) + sizeof(const char *))

int adapter_fail(struct adapter_error *ret_error, const char *format, ...) {
    va_list args;

    va_start(args, format);
    (void)vsnprintf(ret_error->text, sizeof(ret_error->text), format, args);
    va_end(args);
    return -EINVAL;
}

void adapter_row(const struct dm_table *table, uint32_t index, void *ret_row, size_t row_size) {
    const char *row = (const char *)table->rows + (size_t)index * table->row_size;
    size_t known = table->row_size < row_size ? table->row_size : row_size;

    memcpy(ret_row, row, known);
    memset((char *)ret_row + known, 0, row_size - known);
}

void adapter_copy(const struct dm_adapter *adapter, struct dm_adapter *ret_adapter) {
    size_t known = adapter->size < sizeof(*adapter) ? adapter->size : sizeof(*adapter);

    memset(ret_adapter, 0, sizeof(*ret_adapter));
    memcpy(ret_adapter, adapter, known);
}

int adapter_name_is_good(const char *name) {
    size_t len = name ? strlen(name) : 0;

    if (len == 0 || len > ADAPTER_NAME_MAX || name[0] < 'a' || name[0] > 'z')
        return 0;
    return strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-") == len;
}

static int table_is_good(const struct dm_table *table, size_t row_min) {
    if (table->count == 0)
        return 1;
    return table->rows && table->count <= ROWS_MAX && table->row_size >= row_min
           && table->row_size <= ROW_SIZE_MAX && table->row_size % sizeof(void *) == 0;
}

static int takes_pieces(const struct dm_adapter *adapter) {
    struct dm_adapter known;

    adapter_copy(adapter, &known);
    return known.body != NULL;
}

/* Whether its transport can be served. Returns what is wrong, or NULL. */
static const char *transport_fault(const struct dm_adapter *adapter,
                                   const struct dm_route *route) {
    switch (route->transport) {
    case DM_WEBSOCKET:
        return adapter->frame ? NULL : "WebSocket routes need the hook frame";
    case DM_HTTP:
        if (!adapter->request)
            return "HTTP routes need the hook request";
        if ((route->flags & DM_ROUTE_PIECES) && !takes_pieces(adapter))
            return "bodies in pieces need the hook body";
        return router_method(dm_slice_str(route->method)) < 0 ? "unknown method" : NULL;
    case DM_SOCKETIO:
        return adapter->frame && route->auth == DM_AUTH_NONE && route->ns && route->ns[0] == '/'
                   ? NULL : "Socket.IO needs the hook frame, a namespace and no auth";
    case DM_ENGINEIO:
        return adapter->frame && route->auth == DM_AUTH_NONE
                   ? NULL : "Engine.IO needs the hook frame and no auth";
    }
    return "unknown transport";
}

/* Namespaces share a path. */
static int routes_clash(const struct dm_route *a, const struct dm_route *b) {
    return router_rows_clash(a, "", b, "")
           && (a->transport != DM_SOCKETIO || b->transport != DM_SOCKETIO
               || strcmp(a->ns, b->ns) == 0);
}

static int check_route(const struct dm_adapter *adapter, uint32_t i,
                       struct adapter_error *ret_error) {
    struct dm_route route, other;
    const char *fault;

    adapter_row(&adapter->routes, i, &route, sizeof(route));
    if (router_pattern_check(route.path) != 0)
        return adapter_fail(ret_error, "adapter %s: route %u: bad path", adapter->name, i);
    if (route.auth < DM_AUTH_NONE || route.auth > DM_AUTH_REQUIRED)
        return adapter_fail(ret_error, "adapter %s: route %s: bad auth", adapter->name,
                            route.path);
    fault = transport_fault(adapter, &route);
    if (fault)
        return adapter_fail(ret_error, "adapter %s: route %s: %s", adapter->name, route.path,
                            fault);
    for (uint32_t j = 0; j < i; j++) {
        adapter_row(&adapter->routes, j, &other, sizeof(other));
        if (routes_clash(&route, &other))
            return adapter_fail(ret_error, "adapter %s: route %s is there twice", adapter->name,
                                route.path);
    }
    return 0;
}

static int check_routes(const struct dm_adapter *adapter, struct adapter_error *ret_error) {
    int r = 0;

    if (!table_is_good(&adapter->routes, ROUTE_ROW_MIN) || adapter->routes.count == 0)
        return adapter_fail(ret_error, "adapter %s: no routes, or an ill-formed table of them",
                            adapter->name);
    for (uint32_t i = 0; i < adapter->routes.count && r == 0; i++)
        r = check_route(adapter, i, ret_error);
    return r;
}

/* Notes are cells of a table: one line, without tabs. */
static int note_is_good(const char *note) {
    for (const char *at = note; at && *at; at++)
        if ((unsigned char)*at < ' ' || *at == 0x7f)
            return 0;
    return !note || utf8_valid(dm_slice_str(note));
}

static int check_capabilities(const struct dm_adapter *adapter, struct adapter_error *ret_error) {
    uint32_t seen = 0;

    if (!table_is_good(&adapter->capabilities, CAPABILITY_ROW_MIN))
        return adapter_fail(ret_error, "adapter %s: ill-formed table of capabilities",
                            adapter->name);
    for (uint32_t i = 0; i < adapter->capabilities.count; i++) {
        struct dm_capability row;

        adapter_row(&adapter->capabilities, i, &row, sizeof(row));
        if ((unsigned)row.event >= DM_EVENT_KIND_COUNT || row.event == DM_EVENT_NONE)
            return adapter_fail(ret_error, "adapter %s: capability %u: unknown event",
                                adapter->name, i);
        if (row.treatment < DM_SUPPORTED || row.treatment > DM_DROPPED)
            return adapter_fail(ret_error, "adapter %s: capability %s: unknown treatment",
                                adapter->name, dm_event_name(row.event));
        if (!note_is_good(row.note))
            return adapter_fail(ret_error, "adapter %s: the note of capability %s holds a control "
                                "character, or no UTF-8", adapter->name,
                                dm_event_name(row.event));
        if (seen & 1u << row.event)
            return adapter_fail(ret_error, "adapter %s: capability %s is there twice",
                                adapter->name, dm_event_name(row.event));
        if (row.treatment <= DM_TRANSLATED && !adapter->event)
            return adapter_fail(ret_error, "adapter %s: capability %s needs the hook event",
                                adapter->name, dm_event_name(row.event));
        seen |= 1u << row.event;
    }
    return 0;
}

static int check_identity(const struct dm_adapter *adapter, struct adapter_error *ret_error) {
    if (!adapter)
        return adapter_fail(ret_error, "no descriptor");
    if (adapter->abi_major != DM_ABI_MAJOR || adapter->abi_minor > DM_ABI_MINOR)
        return adapter_fail(ret_error, "built for ABI %u.%u, this gateway has %u.%u: build it with "
                            "this gateway's header", (unsigned)adapter->abi_major,
                            (unsigned)adapter->abi_minor, DM_ABI_MAJOR, DM_ABI_MINOR);
    /* The first minor had every member up to and including redact. */
    if (adapter->size < offsetof(struct dm_adapter, redact) + sizeof(adapter->redact))
        return adapter_fail(ret_error, "descriptor of %u bytes is too short", adapter->size);
    if (!adapter_name_is_good(adapter->name))
        return adapter_fail(ret_error, "bad name \"%.40s\": wanted is [a-z][a-z0-9_-]*, at most "
                            "%d characters", adapter->name ? adapter->name : "",
                            ADAPTER_NAME_MAX);
    if (!adapter->title || !adapter->version)
        return adapter_fail(ret_error, "adapter %s: no title or version", adapter->name);
    if (adapter->instance_size > STATE_SIZE_MAX || adapter->session_size > STATE_SIZE_MAX)
        return adapter_fail(ret_error, "adapter %s: state of more than %u bytes", adapter->name,
                            STATE_SIZE_MAX);
    return 0;
}

int adapter_check(const struct dm_adapter *adapter, struct adapter_error *ret_error) {
    int r = check_identity(adapter, ret_error);

    if (r == 0)
        r = check_routes(adapter, ret_error);
    if (r == 0 && !table_is_good(&adapter->settings, SETTING_ROW_MIN))
        r = adapter_fail(ret_error, "adapter %s: ill-formed table of settings", adapter->name);
    if (r == 0)
        r = adapter_check_settings(adapter, ret_error);
    if (r == 0)
        r = check_capabilities(adapter, ret_error);
    return r;
}

enum dm_treatment adapter_treatment(const struct dm_adapter *adapter, enum dm_event_kind event,
                                    const char **ret_note) {
    if (ret_note)
        *ret_note = NULL;
    for (uint32_t i = 0; i < adapter->capabilities.count; i++) {
        struct dm_capability row;

        adapter_row(&adapter->capabilities, i, &row, sizeof(row));
        if (row.event != event)
            continue;
        if (ret_note)
            *ret_note = row.note;
        return row.treatment;
    }
    return DM_DROPPED;
}

const char *adapter_treatment_name(enum dm_treatment treatment) {
    switch (treatment) {
    case DM_SUPPORTED: return "supported";
    case DM_TRANSLATED: return "translated";
    case DM_STORED_ONLY: return "stored only";
    case DM_DROPPED: break;
    }
    return "dropped";
}
