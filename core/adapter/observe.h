/* What an observer is shown of the host. Private to core/adapter. */
#ifndef DRAGOMAN_ADAPTER_OBSERVE_H
#define DRAGOMAN_ADAPTER_OBSERVE_H

#include "core/adapter/internal.h"

/* Each asks first whether somebody watches. */
void observe_other(const struct host *host);
void observe_begin(const struct host *host);
void observe_frame_in(const struct session *session, const char *type,
                      const struct dm_frame *frame);
void observe_frame_out(const struct session *session, const char *type, enum dm_frame_kind kind,
                       struct dm_slice payload);
void observe_response(const struct session *session);
/* Keeps a frame that is being encoded; shows those of an encoding that was sent; lets go. */
void observe_encoded(struct encoded *encoded, const char *type, enum dm_frame_kind kind,
                     struct dm_slice payload);
void observe_event(const struct session *session, uint64_t corr, const struct encoded *encoded);
void observed_free(struct encoded *encoded);
extern const struct out_sink redact_sink;

#endif
