/* The SQL files beside this header, as the build embeds them. */
#ifndef DRAGOMAN_STORAGE_TRANSFER_SQL_H
#define DRAGOMAN_STORAGE_TRANSFER_SQL_H

extern const char transfer_sql_import[];
extern const char transfer_sql_export_users[];
extern const char transfer_sql_export_threads[];
extern const char transfer_sql_export_messages[];

#endif
