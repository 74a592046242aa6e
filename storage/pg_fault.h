/* What an error of PostgreSQL means for whoever sent the statement. */
#ifndef DRAGOMAN_STORAGE_PG_FAULT_H
#define DRAGOMAN_STORAGE_PG_FAULT_H

#include <libpq-fe.h>

enum pg_fault {
    PG_FAULT_NONE,
    PG_FAULT_RETRY,    /* 40001, 40P01, 26* (prepared statement gone): send it again */
    PG_FAULT_DATA,     /* 22*, 23*, 54*: this very input */
    PG_FAULT_RESOURCE, /* 53*, 57*, 58*, 25006, 55P03: the server cannot now */
    PG_FAULT_SCHEMA,   /* 42*, 3D*, 3F*: the schema is not what this binary expects */
    PG_FAULT_DONE,     /* DM001: this unit is committed already */
    PG_FAULT_UNKNOWN_WRITER, /* DM002 */
    PG_FAULT_OTHER,
};

enum pg_fault pg_result_fault(const PGresult *result);

#endif
