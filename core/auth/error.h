/* Error texts for the operator. */
#ifndef DRAGOMAN_AUTH_ERROR_H
#define DRAGOMAN_AUTH_ERROR_H

#include <stdio.h>

#include "core/auth/auth.h"

/* Writes a formatted sentence to an error text of AUTH_ERROR_SIZE bytes, cut when it is longer. */
#define error_set(error, ...) ((void)snprintf((error), AUTH_ERROR_SIZE, __VA_ARGS__))

#endif
