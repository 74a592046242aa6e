/* The gateway put together: backend, auth, engine, adapters, listeners. */
#ifndef DRAGOMAN_SERVER_GATEWAY_H
#define DRAGOMAN_SERVER_GATEWAY_H

#include "core/server/backend.h"
#include "core/server/config.h"
#include "core/server/inherit.h"
#include "core/server/options.h"

struct auth;
struct engine;
struct entry;
struct gateway;
struct tally;
struct host;

/* Builds everything on the loop and listens: on the INHERIT_PUBLIC sockets of `inherit`, which it
 * claims, or where the configuration says. Runs the loop meanwhile. Returns a CLI exit code; on
 * CLI_OK connections are accepted as soon as the loop runs. What went wrong was said on stderr.
 * tally: see entry.h. */
int gateway_open(struct loop *loop, struct config *config, enum backend_use use,
                 struct inherit *inherit, struct tally *tally, struct gateway **ret_gateway);

struct backend *gateway_backend(struct gateway *gateway);
struct metrics *gateway_metrics(struct gateway *gateway);
struct config *gateway_config(struct gateway *gateway);
struct host *gateway_host(struct gateway *gateway);
struct engine *gateway_engine(struct gateway *gateway);
struct auth *gateway_auth(struct gateway *gateway);

/* Where clients connect, "HOST:PORT", the first place of several; borrowed. */
const char *gateway_address(const struct gateway *gateway);

/* The listeners, for what there is to say about them; borrowed. */
struct entry *gateway_entry(struct gateway *gateway);

/* Why it cannot serve: one word of static storage, "draining" or "database"; NULL when it can. */
const char *gateway_unready(const struct gateway *gateway);

/* Adds its listening sockets, to be passed to another process. They stay its own. */
void gateway_pass(const struct gateway *gateway, struct inherit *sockets);

/* 1 while it hears of what other processes do, else 0. */
int gateway_bus_is_up(const struct gateway *gateway);

/* Puts figures that are not counted as they happen into the metrics. */
void gateway_measure(struct gateway *gateway);

/* error: NULL when the new configuration is in effect, else why nothing has changed. restart: the
 * settings that differ but wait for a restart, separated by ", ". Both borrowed. */
typedef void gateway_reloaded_fn(void *owner, const char *error, const char *restart);

/* Reads the configuration again, as `options` (which must live until then) say, and puts all of it
 * in place or nothing. No session is closed. `done` runs once, on the loop, never inside this call,
 * and before gateway_close returns. Returns 0, or -EBUSY while another reload is under way and once
 * the gateway drains. */
int gateway_reload(struct gateway *gateway, const struct options *options,
                   gateway_reloaded_fn *done, void *owner);

typedef void gateway_drained_fn(void *owner);

enum gateway_end {
    GATEWAY_STOPS,
    GATEWAY_SUCCEEDED, /* another process listens on the same sockets */
};

/* Stops accepting, tells and closes every session once its commands are answered, stores what is
 * lazily stored; then `drained`, on the loop, once: also when limits.drain_ms have passed since the
 * last session was told. Where it is succeeded, what was accepted is served for a moment as ever:
 * who is in the middle of connecting notices nothing. */
void gateway_drain(struct gateway *gateway, enum gateway_end end, gateway_drained_fn *drained,
                   void *owner);

/* Takes everything down; runs the loop meanwhile. Frees the gateway. */
void gateway_close(struct gateway *gateway);

/* For a process that ends where it stands: backend_abandon. */
void gateway_abandon(struct gateway *gateway);

#endif
