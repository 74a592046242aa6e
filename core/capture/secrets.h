/* Which keys hold secrets. Internal to the capture. */
#ifndef DRAGOMAN_CAPTURE_SECRETS_H
#define DRAGOMAN_CAPTURE_SECRETS_H

#include "core/base/slice.h"

enum secrecy {
    SECRECY_NONE = 0,
    SECRECY_ABOUT, /* the key speaks of a secret: a number or a time under it is none */
    SECRECY_FULL,  /* whatever stands under the key is one */
};

/* Goes by the words of the key, without regard to case: `newPassword`, `user_pin`, `X-Api-Key`. */
enum secrecy secrets_of_key(struct dm_slice key);

#endif
