/* Answers of the admin API. */
#include <stdio.h>
#include <stdlib.h>

#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/utf8.h"
#include "core/server/admin/internal.h"

static const char *code_of(unsigned status) {
    switch (status) {
    case 400: return "bad_request";
    case 401: return "unauthenticated";
    case 403: return "forbidden";
    case 404: return "not_found";
    case 405: return "method_not_allowed";
    case 409: return "conflict";
    case 413: return "too_large";
    case 415: return "unsupported_media_type";
    case 421: return "misdirected";
    case 503: return "unavailable";
    default: return "internal";
    }
}

static void respond(struct http_exchange *exchange, unsigned status, struct dm_slice body) {
    const struct http_field fields[] = {
        { DM_SLICE("Content-Type"), DM_SLICE("application/json") },
        { DM_SLICE("Cache-Control"), DM_SLICE("no-store") },
        { DM_SLICE("X-Content-Type-Options"), DM_SLICE("nosniff") },
        { DM_SLICE("WWW-Authenticate"), DM_SLICE("Bearer realm=\"dragoman\"") },
    };
    http_respond(exchange, status, fields, status == 401 ? 4 : 3, body);
}

yyjson_mut_doc *admin_document(yyjson_mut_val **ret_root) {
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    *ret_root = yyjson_mut_obj(doc);
    yyjson_mut_doc_set_root(doc, *ret_root);
    return doc;
}

static void write_document(struct http_exchange *exchange, unsigned status, yyjson_mut_doc *doc) {
    size_t len;
    char *text = yyjson_mut_write(doc, YYJSON_WRITE_NEWLINE_AT_END, &len);
    yyjson_mut_doc_free(doc);
    respond(exchange, text ? status : 500,
            text ? (struct dm_slice){ text, len }
                 : DM_SLICE("{\"error\":{\"code\":\"internal\",\"message\":\"\"}}\n"));
    free(text);
}

void admin_reply(struct admin_request *request, unsigned status, yyjson_mut_doc *doc) {
    if (request->exchange)
        write_document(request->exchange, status, doc);
    else
        yyjson_mut_doc_free(doc);
}

void admin_reply_empty(struct admin_request *request, unsigned status) {
    const struct http_field field = { DM_SLICE("Cache-Control"), DM_SLICE("no-store") };
    if (request->exchange)
        http_respond(request->exchange, status, &field, 1, DM_SLICE_NONE);
}

static yyjson_mut_doc *error_document(unsigned status, const char *message, const char *field) {
    yyjson_mut_val *root;
    yyjson_mut_doc *doc = admin_document(&root);
    yyjson_mut_val *error = yyjson_mut_obj_add_obj(doc, root, "error");
    yyjson_mut_obj_add_str(doc, error, "code", code_of(status));
    yyjson_mut_obj_add_str(doc, error, "message", message);
    if (field)
        yyjson_mut_obj_add_strcpy(doc, error, "field", field);
    return doc;
}

void admin_reply_error(struct admin_request *request, unsigned status, const char *message,
                       const char *field) {
    admin_reply(request, status, error_document(status, message, field));
}

void admin_refuse(struct http_exchange *exchange, unsigned status, const char *message) {
    write_document(exchange, status, error_document(status, message, NULL));
}

void admin_reply_status(struct admin_request *request, enum dm_status status) {
    switch (status) {
    case DM_NO_USER:
        admin_reply_error(request, 404, "there is no such user", NULL);
        break;
    case DM_EXISTS:
        admin_reply_error(request, 409, "the name, e-mail, id or UUID is taken", NULL);
        break;
    case DM_INVALID:
        admin_reply_error(request, 400, "a value cannot be stored", NULL);
        break;
    case DM_UNAVAILABLE:
        admin_reply_error(request, 503, "the database cannot be used now", NULL);
        break;
    default:
        admin_reply_error(request, 500, dm_status_name(status), NULL);
    }
}

void admin_put(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key,
               struct dm_slice text) {
    struct buf clean = BUF_INIT;
    if (!text.ptr) {
        yyjson_mut_obj_add_null(doc, object, key);
        return;
    }
    while (!utf8_valid(text)) {
        size_t len = 0, step;
        while (len < text.len
               && (step = utf8_sequence((struct dm_slice){ text.ptr + len, text.len - len })))
            len += step;
        buf_append(&clean, text.ptr, len);
        buf_append_str(&clean, "\xef\xbf\xbd");
        text = (struct dm_slice){ text.ptr + len + 1, text.len - len - 1 };
    }
    buf_append_slice(&clean, text);
    yyjson_mut_obj_add_strncpy(doc, object, key, buf_slice(&clean).ptr, clean.len);
    buf_fini(&clean);
}

void admin_put_time(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key, int64_t us) {
    char text[TIME_ISO_SIZE];
    size_t len = time_format_iso(us, TIME_Z, text);
    yyjson_mut_obj_add_strncpy(doc, object, key, text, len);
}
