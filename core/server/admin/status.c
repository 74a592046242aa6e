/* How the process is, what it was told, and its end. */
#include <string.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/metrics.h"
#include "core/server/admin/internal.h"
#include "core/adapter/inspect.h"
#include "core/server/measure.h"
#include "version.h"

#define START_SERIES_MAX 64

static void respond_text(struct admin_request *request, const char *type, struct dm_slice body) {
    const struct http_field fields[] = {
        { DM_SLICE("Content-Type"), dm_slice_str(type) },
        { DM_SLICE("Cache-Control"), DM_SLICE("no-store") },
    };
    http_respond(request->exchange, 200, fields, 2, body);
}

void admin_healthz(struct admin_request *request) {
    respond_text(request, "text/plain", DM_SLICE("ok\n"));
}

/* Why it cannot serve, as gateway_unready; "starting" before there is a gateway. */
static const char *unready(const struct admin *admin) {
    return admin->gateway ? gateway_unready(admin->gateway) : "starting";
}

/* What there is to say before there is a gateway. */
static void measure_start(struct admin *admin, struct buf *text) {
    struct metrics *metrics = metrics_new(START_SERIES_MAX);
    struct measure measure;
    measure_init(&measure, admin->loop, metrics);
    measure_process(&measure);
    measure_ready(&measure, unready(admin));
    metrics_write_prometheus(metrics, text);
    measure_fini(&measure);
    metrics_free(metrics);
}

void admin_metrics(struct admin_request *request) {
    struct gateway *gateway = request->admin->gateway;
    struct buf text = BUF_INIT;
    if (gateway) {
        gateway_measure(gateway);
        metrics_write_prometheus(gateway_metrics(gateway), &text);
    } else {
        measure_start(request->admin, &text);
    }
    respond_text(request, "text/plain; version=0.0.4; charset=utf-8", buf_slice(&text));
    buf_fini(&text);
}

static void put_readiness(const struct admin *admin, yyjson_mut_doc *doc,
                          yyjson_mut_val *object) {
    const char *reason = unready(admin);
    yyjson_mut_obj_add_bool(doc, object, "ready", !reason);
    if (reason)
        yyjson_mut_obj_add_str(doc, object, "reason", reason);
    else
        yyjson_mut_obj_add_null(doc, object, "reason");
}

void admin_readyz(struct admin_request *request) {
    yyjson_mut_val *root;
    yyjson_mut_doc *doc = admin_document(&root);
    put_readiness(request->admin, doc, root);
    admin_reply(request, unready(request->admin) ? 503 : 200, doc);
}

/* ---- status ---- */

static void put_database(struct gateway *gateway, yyjson_mut_doc *doc, yyjson_mut_val *root) {
    struct backend *backend = gateway_backend(gateway);
    yyjson_mut_val *database = yyjson_mut_obj_add_obj(doc, root, "database");
    yyjson_mut_obj_add_str(doc, database, "state",
                           backend_state(backend) == STORE_UP ? "up" : "down");
    yyjson_mut_obj_add_bool(doc, database, "private",
                            !config_string(gateway_config(gateway), "database.url").ptr);
    yyjson_mut_obj_add_uint(doc, database, "pending", store_pending(backend_store(backend)));
}

static void put_socket_url(struct admin_request *request, yyjson_mut_doc *doc,
                           yyjson_mut_val *root) {
    struct buf url = BUF_INIT;
    admin_socket_url(request, &url);
    admin_put(doc, root, "socket_url", url.len ? buf_slice(&url) : DM_SLICE_NONE);
    buf_fini(&url);
}

void admin_status(struct admin_request *request) {
    static const char *const none[] = { NULL };
    struct gateway *gateway = request->admin->gateway;
    yyjson_mut_val *root;
    if (admin_query_check(request, none))
        return;
    yyjson_mut_doc *doc = admin_document(&root);
    yyjson_mut_obj_add_str(doc, root, "version", DRAGOMAN_VERSION);
    yyjson_mut_obj_add_int(doc, root, "pid", getpid());
    admin_put_time(doc, root, "time", clock_real_us());
    put_readiness(request->admin, doc, root);
    yyjson_mut_obj_add_str(doc, root, "listen", gateway_address(gateway));
    admin_put(doc, root, "public_url", config_string(gateway_config(gateway), "public_url"));
    put_socket_url(request, doc, root);
    put_database(gateway, doc, root);
    yyjson_mut_val *bus = yyjson_mut_obj_add_obj(doc, root, "bus");
    yyjson_mut_obj_add_str(doc, bus, "state", gateway_bus_is_up(gateway) ? "up" : "down");
    yyjson_mut_obj_add_uint(doc, root, "sessions",
                            host_session_count(gateway_host(gateway)));
    admin_reply(request, 200, doc);
}

/* ---- configuration ---- */

struct shown {
    yyjson_mut_doc *doc;
    yyjson_mut_val *rows;
};

static void show_setting(void *owner, const struct config_shown *setting) {
    struct shown *shown = owner;
    yyjson_mut_val *row = yyjson_mut_arr_add_obj(shown->doc, shown->rows);
    yyjson_mut_obj_add_strcpy(shown->doc, row, "path", setting->path);
    admin_put(shown->doc, row, "value", setting->value);
    yyjson_mut_obj_add_strcpy(shown->doc, row, "given_by", setting->place);
    if (setting->doc)
        yyjson_mut_obj_add_str(shown->doc, row, "doc", setting->doc);
}

void admin_config(struct admin_request *request) {
    static const char *const none[] = { NULL };
    yyjson_mut_val *root;
    if (admin_query_check(request, none))
        return;
    struct shown shown = { .doc = admin_document(&root) };
    shown.rows = yyjson_mut_obj_add_arr(shown.doc, root, "settings");
    config_each_shown(gateway_config(request->admin->gateway), show_setting, &shown);
    admin_reply(request, 200, shown.doc);
}

/* ---- the end ---- */

void admin_drain(struct admin_request *request) {
    struct admin *admin = request->admin;
    yyjson_mut_val *root;
    if (yyjson_obj_size(yyjson_doc_get_root(request->document))) {
        admin_reply_error(request, 400, "nothing can be asked of a drain", NULL);
        return;
    }
    yyjson_mut_doc *doc = admin_document(&root);
    yyjson_mut_obj_add_str(doc, root, "state", "draining");
    admin_reply(request, 202, doc);
    admin->events->drain(admin->events_owner);
}
