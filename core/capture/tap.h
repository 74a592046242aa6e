/* Reads along on one connection: HTTP, and WebSocket after an upgrade. Internal to the capture.
 *
 * It only looks: nothing it finds changes what is passed on, and what it cannot read it leaves out
 * of the record from there on. */
#ifndef DRAGOMAN_CAPTURE_TAP_H
#define DRAGOMAN_CAPTURE_TAP_H

#include "core/capture/record.h"

struct tap;

struct tap *tap_new(struct record *record);
void tap_free(struct tap *tap);

/* Bytes that passed. */
void tap_feed(struct tap *tap, enum said_by by, struct dm_slice bytes);

/* The connection ended; by whom first. */
void tap_end(struct tap *tap, enum said_by by);

#endif
