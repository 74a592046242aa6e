/* What the files of the adapters' functions share. */
#ifndef DRAGOMAN_ADAPTER_API_H
#define DRAGOMAN_ADAPTER_API_H

#include "core/adapter/internal.h"

/* Logs what an adapter did wrong; adapter may be NULL. */
void api_complain(const char *adapter, const char *what);

/* The session behind what an adapter gave; NULL, with a complaint, when there is none. */
struct session *api_session(struct dm_session *pub, const char *function);

/* The host table's functions in api_request.c, as adapter.h describes them. */
struct dm_slice api_request_header(struct dm_session *pub, const char *name);
struct dm_slice api_request_query(struct dm_session *pub, const char *name);
struct dm_slice api_request_form(struct dm_session *pub, const char *name);
int api_request_part(struct dm_session *pub, size_t index, struct dm_part *ret_part);
void api_body_next(struct dm_session *pub);
void api_respond(struct dm_session *pub, const struct dm_response *response,
                 struct dm_out *out);
void api_respond_begin(struct dm_session *pub, const struct dm_response *response);
int api_respond_piece(struct dm_session *pub, struct dm_out *out);
void api_respond_end(struct dm_session *pub);
void api_respond_abort(struct dm_session *pub);

#endif
