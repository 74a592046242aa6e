/* Lists of words in one text, as settings have them: separated by blanks, tabs, newlines or commas,
 * any number of them. */
#ifndef DRAGOMAN_BASE_WORDS_H
#define DRAGOMAN_BASE_WORDS_H

#include "core/base/slice.h"

/* Takes the next word off the front of *rest. Returns 1, or 0 when there is none left. The word
 * lies in the text. */
int words_next(struct dm_slice *rest, struct dm_slice *ret_word);

/* 1 when that very word is among them, else 0. */
int words_have(struct dm_slice text, struct dm_slice word);

#endif
