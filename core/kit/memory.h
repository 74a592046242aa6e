/* The engine's ports in memory: a store and a file store for the conformance kit, so that the real
 * engine can be run without a database.
 *
 * They do what storage/ does, for a few users and a few hundred messages: every look-up walks a
 * list. Requests are answered in the order submitted, at the end of the turn of the loop, or as
 * memory_set says. */
#ifndef DRAGOMAN_KIT_MEMORY_H
#define DRAGOMAN_KIT_MEMORY_H

#include "core/engine/file_store.h"
#include "core/engine/store.h"
#include "core/net/loop.h"

struct memory;

/* What becomes of requests. */
enum memory_mood {
    MEMORY_ANSWERS = 0,
    MEMORY_HOLDS, /* they wait */
    MEMORY_AWAY,  /* they end DM_UNAVAILABLE, and the store says that it is down */
};

/* Told of each request to the store before it is carried out. */
typedef void memory_watch_fn(void *owner, const struct store_request *request);

struct memory *memory_new(struct loop *loop);

/* Nothing may be pending. NULL does nothing. */
void memory_free(struct memory *memory);

struct store *memory_store(struct memory *memory);
struct file_store *memory_files(struct memory *memory);

/* Requests that waited are answered as the new mood has it. */
void memory_set(struct memory *memory, enum memory_mood mood);

enum memory_mood memory_mood(const struct memory *memory);

/* watch NULL: nobody. */
void memory_set_watch(struct memory *memory, memory_watch_fn *watch, void *owner);

#endif
