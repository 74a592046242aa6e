/* Outcomes of a command. Part of the adapter contract. */
#ifndef DRAGOMAN_BASE_STATUS_H
#define DRAGOMAN_BASE_STATUS_H

/* Domain outcomes, each of which a caller must be ready for. System failures are negative errno
 * values and never mixed into this enum. New members are appended; values never change. */
enum dm_status {
    DM_OK = 0,
    DM_HELD,             /* stored, but a request gate holds it back; its release is an event */
    DM_INVALID,          /* an argument is missing, ill-typed, too long, or no valid text */
    DM_UNAUTHENTICATED,  /* no credentials, or bad ones */
    DM_TOKEN_EXPIRED,    /* credentials that were good once */
    DM_FORBIDDEN,        /* authenticated, but not allowed to */
    DM_NO_USER,          /* the user named does not exist (or is inactive) */
    DM_NO_THREAD,        /* the thread named does not exist, or the caller is no member */
    DM_NO_MESSAGE,       /* the message named does not exist, or is not the caller's to touch */
    DM_NO_FILE,          /* the file named does not exist, or is not the caller's to read */
    DM_NO_REQUEST,       /* there is no pending request from that user */
    DM_SELF,             /* the command names its own sender where another is needed */
    DM_BLOCKED,          /* the thread is blocked, or waits for the other side's approval */
    DM_OFFLINE,          /* the recipient has no session, and the command asked for one */
    DM_NOT_FRIEND,       /* the command asked for friendship, and there is none */
    DM_EXISTS,           /* the name, or the direct thread, is taken already */
    DM_TOO_LARGE,        /* over a documented limit of size */
    DM_LIMITED,          /* over a documented limit of rate */
    DM_UNAVAILABLE,      /* the core cannot serve now: database away, queue full, draining */
    DM_INTERNAL,         /* a fault of the gateway's own; logged */
    DM_STATUS_COUNT
};

/* A stable lower-case word for logs and metric labels ("ok", "no_user", ...); "unknown" for a
 * value out of range. Static storage. */
static inline const char *dm_status_name(enum dm_status status) {
    static const char *const names[DM_STATUS_COUNT] = {
        [DM_OK] = "ok", [DM_HELD] = "held", [DM_INVALID] = "invalid",
        [DM_UNAUTHENTICATED] = "unauthenticated", [DM_TOKEN_EXPIRED] = "token_expired",
        [DM_FORBIDDEN] = "forbidden", [DM_NO_USER] = "no_user", [DM_NO_THREAD] = "no_thread",
        [DM_NO_MESSAGE] = "no_message", [DM_NO_FILE] = "no_file", [DM_NO_REQUEST] = "no_request",
        [DM_SELF] = "self", [DM_BLOCKED] = "blocked", [DM_OFFLINE] = "offline",
        [DM_NOT_FRIEND] = "not_friend", [DM_EXISTS] = "exists", [DM_TOO_LARGE] = "too_large",
        [DM_LIMITED] = "limited", [DM_UNAVAILABLE] = "unavailable", [DM_INTERNAL] = "internal",
    };
    return (unsigned)status < DM_STATUS_COUNT ? names[status] : "unknown";
}

#endif
