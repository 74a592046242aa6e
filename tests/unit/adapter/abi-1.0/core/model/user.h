/* Users. Part of the adapter contract: structs grow only at their tail, and arrays of them are
 * arrays of pointers, so that an adapter built earlier reads a prefix it knows. */
#ifndef DRAGOMAN_MODEL_USER_H
#define DRAGOMAN_MODEL_USER_H

#include "../base/slice.h"
#include "../base/uuid.h"

/* User ids start here, stay below 2^53 and are never reused. */
#define DM_USER_ID_FIRST INT64_C(10000000)

enum dm_user_flag {
    DM_USER_ACTIVE = 1u << 0,
    DM_USER_ONLINE = 1u << 1, /* has at least one session on any node; filled in results */
};

/* A person. Slices that the user lacks are absent, never empty. */
struct dm_user {
    int64_t id;
    struct dm_uuid uuid;
    struct dm_slice username;
    struct dm_slice email;
    struct dm_slice first_name;
    struct dm_slice last_name;
    struct dm_slice photo; /* URL */
    struct dm_slice color; /* "#rrggbb" */
    struct dm_slice role;  /* word such as "TUTOR", kept as given; see dm_user_has_role */
    struct dm_slice location;
    int64_t created_us;    /* microseconds since the Unix epoch, UTC, as all times here */
    uint32_t flags;        /* enum dm_user_flag */
};

/* What names the user where a user name is wanted: the username, else the e-mail. */
static inline struct dm_slice dm_user_name(const struct dm_user *user) {
    return user->username.ptr ? user->username : user->email;
}

/* The first name; else the username; else the e-mail's local part. Never absent for a user that
 * has any name at all. */
static inline struct dm_slice dm_user_first_name(const struct dm_user *user) {
    if (user->first_name.len)
        return user->first_name;
    if (user->username.ptr)
        return user->username;
    const char *at = user->email.ptr ? memchr(user->email.ptr, '@', user->email.len) : NULL;
    return at ? (struct dm_slice){ user->email.ptr, (size_t)(at - user->email.ptr) } : user->email;
}

/* The last name, or an empty (present) slice. */
static inline struct dm_slice dm_user_last_name(const struct dm_user *user) {
    return user->last_name.ptr ? user->last_name : DM_SLICE("");
}

/* 1 when that is the user's role, whatever the case of its letters; 0 otherwise. */
static inline int dm_user_has_role(const struct dm_user *user, struct dm_slice role) {
    if (user->role.len != role.len || !user->role.ptr)
        return 0;
    for (size_t i = 0; i < role.len; i++) {
        unsigned char a = (unsigned char)user->role.ptr[i], b = (unsigned char)role.ptr[i];
        a = (unsigned char)(a >= 'a' && a <= 'z' ? a - 'a' + 'A' : a);
        b = (unsigned char)(b >= 'a' && b <= 'z' ? b - 'a' + 'A' : b);
        if (a != b)
            return 0;
    }
    return 1;
}

#endif
