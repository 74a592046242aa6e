/* /api/v1/adapters: routes, settings and capabilities of each. */
#include "core/adapter/inspect.h"
#include "core/server/admin/internal.h"

static const char *const transports[] = {
    [DM_WEBSOCKET] = "websocket", [DM_HTTP] = "http", [DM_SOCKETIO] = "socketio",
    [DM_ENGINEIO] = "engineio",
};

static const char *const auths[] = {
    [DM_AUTH_NONE] = "none", [DM_AUTH_OPTIONAL] = "optional", [DM_AUTH_REQUIRED] = "required",
};

static void put_routes(yyjson_mut_doc *doc, yyjson_mut_val *object,
                       const struct dm_adapter *adapter) {
    yyjson_mut_val *rows = yyjson_mut_obj_add_arr(doc, object, "routes");
    for (uint32_t i = 0; i < adapter->routes.count; i++) {
        yyjson_mut_val *row = yyjson_mut_arr_add_obj(doc, rows);
        struct dm_route route;
        adapter_row(&adapter->routes, i, &route, sizeof(route));
        yyjson_mut_obj_add_str(doc, row, "transport", transports[route.transport]);
        admin_put(doc, row, "method", dm_slice_str(route.method));
        admin_put(doc, row, "path", dm_slice_str(route.path));
        admin_put(doc, row, "namespace", dm_slice_str(route.ns));
        yyjson_mut_obj_add_str(doc, row, "auth", auths[route.auth]);
        admin_put(doc, row, "token_parameter", dm_slice_str(route.auth_query));
    }
}

static void put_settings(yyjson_mut_doc *doc, yyjson_mut_val *object,
                         const struct adapter_values *values) {
    yyjson_mut_val *rows = yyjson_mut_obj_add_arr(doc, object, "settings");
    for (uint32_t i = 0; i < adapter_values_count(values); i++) {
        const struct dm_setting *setting = adapter_values_setting(values, i);
        yyjson_mut_val *row = yyjson_mut_arr_add_obj(doc, rows);
        admin_put(doc, row, "key", dm_slice_str(setting->key));
        admin_put(doc, row, "value", adapter_values_shown(values, setting->key));
        yyjson_mut_obj_add_bool(doc, row, "given", adapter_values_is_set(values, setting->key));
        admin_put(doc, row, "doc", dm_slice_str(setting->doc));
    }
}

static void put_events(yyjson_mut_doc *doc, yyjson_mut_val *object,
                       const struct dm_adapter *adapter) {
    yyjson_mut_val *rows = yyjson_mut_obj_add_arr(doc, object, "events");
    for (int kind = DM_EVENT_NONE + 1; kind < DM_EVENT_KIND_COUNT; kind++) {
        yyjson_mut_val *row = yyjson_mut_arr_add_obj(doc, rows);
        const char *note;
        enum dm_treatment treatment = adapter_treatment(adapter, (enum dm_event_kind)kind, &note);
        yyjson_mut_obj_add_str(doc, row, "event", dm_event_name((enum dm_event_kind)kind));
        yyjson_mut_obj_add_str(doc, row, "treatment", adapter_treatment_name(treatment));
        admin_put(doc, row, "note", dm_slice_str(note));
    }
}

static void put_adapter(yyjson_mut_doc *doc, yyjson_mut_val *object, const struct host *host,
                        size_t index) {
    const struct dm_instance *instance = host_instance_at(host, index);
    struct dm_adapter adapter;
    adapter_copy(host_adapter_at(host, index), &adapter);
    admin_put(doc, object, "name", dm_slice_str(instance->name));
    admin_put(doc, object, "dialect", dm_slice_str(adapter.name));
    admin_put(doc, object, "title", dm_slice_str(adapter.title));
    admin_put(doc, object, "version", dm_slice_str(adapter.version));
    admin_put(doc, object, "mount", dm_slice_str(instance->mount));
    yyjson_mut_obj_add_str(doc, object, "state", "started");
    yyjson_mut_obj_add_uint(doc, object, "sessions", host_sessions_at(host, index));
    put_routes(doc, object, &adapter);
    put_settings(doc, object, host_values_at(host, index));
    put_events(doc, object, &adapter);
}

void admin_adapters(struct admin_request *request) {
    static const char *const none[] = { NULL };
    const struct host *host = gateway_host(request->admin->gateway);
    yyjson_mut_val *root;
    if (admin_query_check(request, none))
        return;
    yyjson_mut_doc *doc = admin_document(&root);
    yyjson_mut_val *rows = yyjson_mut_obj_add_arr(doc, root, "adapters");
    for (size_t i = 0; host_instance_at(host, i); i++)
        put_adapter(doc, yyjson_mut_arr_add_obj(doc, rows), host, i);
    admin_reply(request, 200, doc);
}

void admin_adapter_show(struct admin_request *request) {
    const struct host *host = gateway_host(request->admin->gateway);
    yyjson_mut_val *root;
    for (size_t i = 0; host_instance_at(host, i); i++) {
        if (!dm_slice_eq(request->param, dm_slice_str(host_instance_at(host, i)->name)))
            continue;
        yyjson_mut_doc *doc = admin_document(&root);
        put_adapter(doc, root, host, i);
        admin_reply(request, 200, doc);
        return;
    }
    admin_reply_error(request, 404, "there is no such adapter", NULL);
}
