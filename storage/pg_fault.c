#include "storage/pg_fault.h"

#include <string.h>

enum pg_fault pg_result_fault(const PGresult *result) {
    static const struct {
        const char *prefix;
        enum pg_fault fault;
    } faults[] = {
        { "40001", PG_FAULT_RETRY }, { "40P01", PG_FAULT_RETRY }, { "DM001", PG_FAULT_DONE },
        { "DM002", PG_FAULT_UNKNOWN_WRITER }, { "22", PG_FAULT_DATA }, { "23", PG_FAULT_DATA },
        { "54", PG_FAULT_DATA }, { "53", PG_FAULT_RESOURCE }, { "57", PG_FAULT_RESOURCE },
        { "25006", PG_FAULT_RESOURCE }, { "55P03", PG_FAULT_RESOURCE }, { "58", PG_FAULT_RESOURCE },
        { "42", PG_FAULT_SCHEMA }, { "3D", PG_FAULT_SCHEMA }, { "3F", PG_FAULT_SCHEMA },
        { "26", PG_FAULT_RETRY },
    };
    ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK || status == PGRES_EMPTY_QUERY)
        return PG_FAULT_NONE;
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    for (size_t i = 0; state && i < sizeof(faults) / sizeof(faults[0]); i++)
        if (strncmp(state, faults[i].prefix, strlen(faults[i].prefix)) == 0)
            return faults[i].fault;
    return PG_FAULT_OTHER;
}
