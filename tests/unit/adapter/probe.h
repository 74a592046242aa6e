/* An adapter that writes down what the host does with it, and does what its frames say:
 *
 *   say TEXT       sends a frame          twice TEXT   two frames
 *   close CODE     dm_close               finish CODE  dm_finish
 *   variant N      dm_set_variant
 *   timer MS       dm_timer               login TOKEN  submits AUTHENTICATE
 *   send TEXT      submits SEND with the cookie "c"    wrong       breaks the contract in many ways
 */
#ifndef DRAGOMAN_TESTS_ADAPTER_PROBE_H
#define DRAGOMAN_TESTS_ADAPTER_PROBE_H

#include "core/adapter/adapter.h"
#include "core/base/buf.h"

struct rig;

/* Without flags; routes: WebSockets /open (no auth), /token (?token=, required), /maybe (optional),
 * /later (upgrade decides by a result), HTTP as probe.c lists them. */
extern const struct dm_adapter probe_adapter;
/* The same, knowing chats, and needing no login. */
extern const struct dm_adapter probe_chats_adapter;

/* What happened since the last call, one line each. Borrowed until the next call. */
const char *probe_log(void);

/* An open socket whose principal is rig_user(user); the log is empty then. */
int probe_log_in(struct rig *rig, unsigned user);

/* How often `event` ran since the last call. */
int probe_encodings(void);

/* What `start` returns from now on. */
void probe_set_start(int result);

#endif
