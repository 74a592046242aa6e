/* Steps of the trace as JSON. Private to the trace. */
#ifndef DRAGOMAN_SERVER_ADMIN_TRACE_JSON_H
#define DRAGOMAN_SERVER_ADMIN_TRACE_JSON_H

#include <yyjson.h>

#include "core/adapter/adapter.h"
#include "core/base/buf.h"

/* {"step": kind, "at": now}; kind is static. The functions below add to it; texts are copied. */
yyjson_mut_doc *trace_json_new(const char *kind);

void trace_json_peer(yyjson_mut_doc *doc, uint64_t session, const struct dm_user *user);

/* Adapter, type and size. frame is NULL for an HTTP request. */
void trace_json_frame(yyjson_mut_doc *doc, const char *adapter, const char *type,
                      const struct dm_frame *frame);

/* The frame as it may be shown. */
void trace_json_text(yyjson_mut_doc *doc, struct dm_slice text);

void trace_json_response(yyjson_mut_doc *doc, const char *adapter, int status);

/* Everything a command says but its secrets. */
void trace_json_command(yyjson_mut_doc *doc, uint64_t corr, const struct dm_command *command);

/* 1 when the command has changed what is stored. */
int trace_json_has_row(const struct dm_result *result);
void trace_json_row(yyjson_mut_doc *doc, const struct dm_result *result);

void trace_json_result(yyjson_mut_doc *doc, uint64_t corr, const struct dm_result *result);
void trace_json_event(yyjson_mut_doc *doc, const struct dm_event *event);

/* The text, with its two numbers; one reference, the caller's. */
struct blob *trace_json_write(yyjson_mut_doc *doc, uint64_t seq, uint64_t chain);

#endif
