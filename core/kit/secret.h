/* What counts as a secret that is shown. Internal to the kit. */
#ifndef DRAGOMAN_KIT_SECRET_H
#define DRAGOMAN_KIT_SECRET_H

#include "core/base/slice.h"

#define SECRET_MIN 8       /* bytes: from here on it is a secret wherever it stands */
#define SHORT_SECRET_MIN 4 /* ... and from here on as a word */

/* Whether the text has the secret as a word of its own, and it is long enough for that. Short ones
 * come up by chance in longer words: in ids, in the names that plays make up. */
int secret_is_word(struct dm_slice text, const char *secret);

#endif
