/* The SQL files beside this header. */
#ifndef DRAGOMAN_STORAGE_TRANSFER_SQL_H
#define DRAGOMAN_STORAGE_TRANSFER_SQL_H

#include "core/base/embedded.h"

/* "import" is import.sql. */
extern const struct embedded transfer_sql[];

#endif
