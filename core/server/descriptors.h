/* How many of the process's file descriptors its clients may have. */
#ifndef DRAGOMAN_SERVER_DESCRIPTORS_H
#define DRAGOMAN_SERVER_DESCRIPTORS_H

#include <stdint.h>

/* One descriptor per connection: takes all that the system grants. */
void descriptors_raise(void);

/* What is kept from clients, for the listeners, the admin API, orders to the gateway, the database
 * and files: a tenth, at least 64. */
uint32_t descriptors_reserve(void);

/* All others: at least 1. */
uint32_t descriptors_for_clients(void);

#endif
