/* Error texts for the operator. */
#ifndef DRAGOMAN_AUTH_ERROR_H
#define DRAGOMAN_AUTH_ERROR_H

#include <stdarg.h>
#include <stdio.h>

#include "core/auth/auth.h"

/* Writes a formatted sentence; what is too long is cut. */
static inline void __attribute__((format(printf, 2, 3)))
error_set(char error[AUTH_ERROR_SIZE], const char *format, ...) {
    va_list args;
    va_start(args, format);
    (void)vsnprintf(error, AUTH_ERROR_SIZE, format, args);
    va_end(args);
}

#endif
