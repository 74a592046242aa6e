/* Lists of threads, page by page. Private to core/engine.
 *
 * Threads move in the list while its pages are asked for. So the first page comes with the ids of
 * all behind it, which the session keeps: what it asks for by the cursor that it was given last is
 * the next of those. Any other cursor means the threads that are behind it now. */
#ifndef DRAGOMAN_ENGINE_THREAD_LIST_H
#define DRAGOMAN_ENGINE_THREAD_LIST_H

#include "core/engine/operation.h"

/* Says in the call, prepared for THREAD_LIST, what the store is to find. */
void thread_list_ask(struct operation *op, struct store_call *call);

/* It was found: fills what the store left open, and keeps what further pages need. */
void thread_list_answered(struct operation *op);

#endif
