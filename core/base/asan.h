/* Marks memory that a pool holds, so that AddressSanitizer reports its use; nothing without it.
 * Private to core/base. */
#ifndef DRAGOMAN_BASE_ASAN_H
#define DRAGOMAN_BASE_ASAN_H

#if defined(__SANITIZE_ADDRESS__)
#define BASE_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define BASE_ASAN 1
#endif
#endif

#ifdef BASE_ASAN
#include <sanitizer/asan_interface.h>
#define asan_poison(ptr, size) __asan_poison_memory_region((ptr), (size))
#define asan_unpoison(ptr, size) __asan_unpoison_memory_region((ptr), (size))
#else
#define asan_poison(ptr, size) ((void)(ptr), (void)(size))
#define asan_unpoison(ptr, size) ((void)(ptr), (void)(size))
#endif

#endif
