/* Descriptors and the values of their settings: checked and read without a running host, for
 * check-config and for whoever judges a shared object. */
#ifndef DRAGOMAN_ADAPTER_VALUES_H
#define DRAGOMAN_ADAPTER_VALUES_H

#include "core/adapter/adapter.h"

#define ADAPTER_ERROR_SIZE 512

/* One line, without a newline. */
struct adapter_error {
    char text[ADAPTER_ERROR_SIZE];
};

/* Judges a descriptor: ABI, size, name, required hooks, and every row of its tables. Calls no
 * hook. Returns 0, or -EINVAL with the reason. */
int adapter_check(const struct dm_adapter *adapter, struct adapter_error *ret_error);

/* 1 for what an adapter, an instance or a setting may be called: [a-z][a-z0-9_-]*, at most 31
 * characters. 0 for anything else, NULL included. */
int adapter_name_is_good(const char *name);

/* A copy of the descriptor with what its build did not know of set to zero. */
void adapter_copy(const struct dm_adapter *adapter, struct dm_adapter *ret_adapter);

/* Copies row `index` of a table into ret_row, which has room for row_size bytes: a shorter row is
 * filled up with zero, a longer one cut. index must be below table->count. */
void adapter_row(const struct dm_table *table, uint32_t index, void *ret_row, size_t row_size);

/* 1 when one of its routes is Socket.IO's or Engine.IO's, else 0. */
int adapter_has_engineio(const struct dm_adapter *adapter);

/* How an adapter treats an event; DM_DROPPED for kinds without a row. ret_note may be NULL, and is
 * set to NULL when there is no note. */
enum dm_treatment adapter_treatment(const struct dm_adapter *adapter, enum dm_event_kind event,
                                    const char **ret_note);

/* "supported", "translated", "stored only", "dropped"; static storage. */
const char *adapter_treatment_name(enum dm_treatment treatment);

/* The settings of one adapter with their values: those it declares, and the common ones that the
 * host adds:
 *
 *   frame_max_unauthenticated, frame_max, body_max (bytes), auth_timeout_ms, ping_interval_ms
 *   (0: none), rate (frames a second; 0: none), burst, public_url, and, for an adapter that does
 *   not know chats, chats (drop or flatten); for one with Socket.IO or Engine.IO routes
 *   ping_timeout_ms, heartbeat_ms, payload_max, connect_timeout_ms and cors_origins (by default
 *   any); for one with HTTP routes cors_origins (by default none).
 *
 * A declared setting with the name of a common one is refused by adapter_check. */
struct adapter_values;

/* All at their defaults. The descriptor must have passed adapter_check and must outlive the
 * values. */
struct adapter_values *adapter_values_new(const struct dm_adapter *adapter);

/* 1 when the descriptor has a default of its own for that common setting, else 0. */
int adapter_has_default(const struct dm_adapter *adapter, const char *key);

/* The descriptor they were made for. */
const struct dm_adapter *adapter_values_adapter(const struct adapter_values *values);

/* An independent copy. */
struct adapter_values *adapter_values_copy(const struct adapter_values *values);

/* NULL does nothing. */
void adapter_values_free(struct adapter_values *values);

/* Number of settings, and each one; index must be below the count. Borrowed from the values. */
uint32_t adapter_values_count(const struct adapter_values *values);
const struct dm_setting *adapter_values_setting(const struct adapter_values *values,
                                                uint32_t index);

/* Reads text as the setting's kind says and keeps a copy. Ints are decimal; bools are true, yes,
 * on, 1, false, no, off, 0. Returns 0; -ENOENT for a key that is no setting of the adapter, -EINVAL
 * for a value it cannot take, both with the reason, and the old value stays. */
int adapter_values_set(struct adapter_values *values, const char *key, struct dm_slice text,
                       struct adapter_error *ret_error);

/* The value as it would stand in a file; absent when it has none, or there is no such key.
 * Borrowed until the next set. */
struct dm_slice adapter_values_text(const struct adapter_values *values, const char *key);

/* The same, to be shown: "***" for a secret that has a value. */
struct dm_slice adapter_values_shown(const struct adapter_values *values, const char *key);

/* The value of an int or bool; 0 for anything else. */
int64_t adapter_values_int(const struct adapter_values *values, const char *key);

/* 1 when adapter_values_set gave the value, 0 when it is the default (or no setting). */
int adapter_values_is_set(const struct adapter_values *values, const char *key);

#endif
