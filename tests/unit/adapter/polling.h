/* A client of Engine.IO's long-polling, at /echo/io of a rig. */
#ifndef DRAGOMAN_TESTS_ADAPTER_POLLING_H
#define DRAGOMAN_TESTS_ADAPTER_POLLING_H

#include "tests/unit/adapter/rig.h"

/* The body of the last answer. */
extern char polling_answer[65536];

/* Whose server the calls below ask. */
void polling_use(struct rig *rig);

/* Sends a request on a connection; returns the answer's status, 0 while there is none. */
int polling_ask(int fd, const char *method, const char *query, const char *body);
/* On a connection of its own. */
int polling_ask_once(const char *method, const char *query, const char *body);

/* The request is refused with that error of the protocol. */
void polling_expect_refused(const char *method, const char *query, const char *body, int code);

/* A new session; its query for further requests, in static storage. */
const char *polling_open(void);

/* The last answer was that. */
void polling_expect_body(const char *wanted);

#endif
