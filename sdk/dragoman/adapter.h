/* What an adapter includes, in this tree and out of it:
 *
 *     #include <dragoman/adapter.h>
 *
 * The contract, and the helpers of the static library that comes with it. What the compiler and the
 * linker need says `pkg-config --cflags --libs dragoman-adapter`. */
#ifndef DRAGOMAN_SDK_ADAPTER_H
#define DRAGOMAN_SDK_ADAPTER_H

#include "core/adapter/adapter.h"
#include "helpers.h"

#endif
