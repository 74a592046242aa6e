/* What adapters have in common: the SDK's library, libdragoman-adapter.a. It is linked into the
 * adapter and stands on adapter.h alone, so it is no part of the ABI: an adapter keeps the helpers
 * it was built with.
 *
 * All of them may be called in any hook; none blocks, and none allocates. */
#ifndef DRAGOMAN_SDK_HELPERS_H
#define DRAGOMAN_SDK_HELPERS_H

#include "core/adapter/adapter.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- text ---- */

/* The number that decimal digits stand for, without sign or blanks; -1 for anything else. What is
 * larger than 2^53 - 1, beyond every id, counts as that. */
int64_t dm_number(struct dm_slice text);

/* 1 when both are the same but for the case of ASCII letters, else 0. Not for secrets. */
int dm_slice_eq_nocase(struct dm_slice a, struct dm_slice b);

/* The row of a table whose first member, a `const char *`, is that name; NULL when there is none.
 * Names a verb's handler: struct verb { const char *name; ... }. */
const void *dm_find(const struct dm_table *table, struct dm_slice name);

/* ---- JSON ---- */

/* Parses text that must be a JSON object; NULL when it is none. Lives until the hook returns. */
const struct dm_json *dm_json_object(const struct dm_host *host, struct dm_slice text);

/* The string of that member; absent when there is none, or it is no string. */
struct dm_slice dm_json_member(const struct dm_host *host, const struct dm_json *object,
                               const char *key);

/* For `redact`: puts an object that shows these members of `object` as they are, where it has them,
 * and the masked ones as "***". Nothing else of it is shown. Both lists end with NULL, or are
 * NULL. */
void dm_put_redacted(struct dm_out *out, const struct dm_json *object, const char *const *shown,
                     const char *const *masked);

/* ---- HTTP ---- */

/* The HTTP status that says the outcome of a command best: 200 for OK, 202 for HELD, 400, 401, 403,
 * 404, 409, 413, 429, 503 or 500. */
int dm_http_status(enum dm_status status);

/* What the status is called (RFC 9110 section 15), for the ones that the host and dm_http_status
 * use; "Error" for others. Static storage. */
const char *dm_http_reason(int status);

/* Responds with {key: text}. text NULL: what the status is called. */
void dm_respond_text(struct dm_session *session, int status, const char *key, const char *text);

#ifdef __cplusplus
}
#endif

#endif
