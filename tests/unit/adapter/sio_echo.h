/* An adapter at /echo/io with the namespaces "/" and "/custom": says ["auth", what CONNECT brought]
 * and sends back what comes, as an acknowledgement where one is wanted, attachments included.
 * ["leave"] closes with 1008, ["again"] with 1011. */
#ifndef DRAGOMAN_TESTS_ADAPTER_SIO_ECHO_H
#define DRAGOMAN_TESTS_ADAPTER_SIO_ECHO_H

#include "core/adapter/adapter.h"

extern const struct dm_adapter sio_echo;

/* Sessions so far. */
extern unsigned sio_echo_opened, sio_echo_ended;

#endif
