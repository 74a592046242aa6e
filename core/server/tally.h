/* How many connections each of several workers has, in memory that they share: who has more than
 * the others lets them take the next one. The kernel wakes the same process first again and again,
 * and sockets that live for days would stay where they landed. */
#ifndef DRAGOMAN_SERVER_TALLY_H
#define DRAGOMAN_SERVER_TALLY_H

#include <stdint.h>

struct tally;

#define TALLY_ABSENT UINT32_MAX /* a worker that accepts nothing */

/* For a supervisor: all absent. Returns 0 or a negative errno. */
int tally_new(unsigned workers, struct tally **ret_tally);

/* Its descriptor, to be inherited; borrowed. */
int tally_fd(const struct tally *tally);

/* For a worker; fd becomes the tally's in any case. Returns 0 or a negative errno. */
int tally_open(int fd, unsigned own, struct tally **ret_tally);

void tally_set(struct tally *tally, unsigned worker, uint32_t connections);

/* This worker accepts nothing any more. NULL does nothing. */
void tally_leave(struct tally *tally);

/* Notes that this worker has so many, and returns 1 when another one has fewer, else 0. */
int tally_is_ahead(struct tally *tally, uint32_t connections);

/* NULL does nothing. */
void tally_free(struct tally *tally);

#endif
