/* Users as operators name them, on the command line and in paths of the admin API. */
#ifndef DRAGOMAN_SERVER_USER_WORD_H
#define DRAGOMAN_SERVER_USER_WORD_H

#include "core/model/command.h"

/* A word of digits alone is an id, one in the form of a UUID is a UUID, all else a username or an
 * e-mail. There is no second guess: people choose their usernames themselves, and one who took
 * another's id for a name would be taken for them. The reference borrows from the word. */
struct dm_ref user_word(struct dm_slice word);

#endif
