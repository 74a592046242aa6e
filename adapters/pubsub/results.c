/* The answers of calls. Only what succeeded is acknowledged, and reading about nobody. */
#include "adapters/pubsub/pubsub.h"

#include <stdlib.h>

/* As many as commands of a session may wait; of the names in all of them, so much at once. */
#define LISTINGS_MAX 1024
#define LISTING_BYTES_MAX (16u << 20)
#define NAME_HEAD 5

/* ---- lists of users, page by page ---- */

struct pubsub_listing *pubsub_listing_new(struct pubsub_session *state) {
    struct pubsub_listing *listing;

    if (state->listing_count == LISTINGS_MAX)
        return NULL;
    listing = calloc(1, sizeof(*listing));
    if (!listing)
        return NULL;
    listing->number = state->next_listing++;
    listing->next = state->listings;
    state->listings = listing;
    state->listing_count++;
    return listing;
}

static struct pubsub_listing **find_listing(struct pubsub_session *state, uint32_t number) {
    struct pubsub_listing **at = &state->listings;

    while (*at && (*at)->number != number)
        at = &(*at)->next;
    return at;
}

static void drop_listing(struct pubsub_session *state, struct pubsub_listing **at) {
    struct pubsub_listing *listing = *at;

    *at = listing->next;
    state->listing_bytes -= listing->cap;
    state->listing_count--;
    free(listing->names);
    free(listing);
}

void pubsub_listings_free(struct pubsub_session *state) {
    while (state->listings)
        drop_listing(state, &state->listings);
}

static int make_room(struct pubsub_session *state, struct pubsub_listing *listing, size_t need) {
    size_t cap = need * 2;
    char *names;

    if (need <= listing->cap)
        return 0;
    if (state->listing_bytes - listing->cap + cap > LISTING_BYTES_MAX)
        return -1;
    names = realloc(listing->names, cap);
    if (!names)
        return -1;
    state->listing_bytes += cap - listing->cap;
    listing->names = names;
    listing->cap = cap;
    return 0;
}

static int add_name(struct pubsub_session *state, struct pubsub_listing *listing,
                    const struct dm_user *user) {
    struct dm_slice name = dm_user_name(user);
    uint32_t len = (uint32_t)name.len;
    size_t need = listing->len + NAME_HEAD + len;

    if (make_room(state, listing, need) != 0)
        return -1;
    listing->names[listing->len] = (char)!!(user->flags & DM_USER_ONLINE);
    memcpy(listing->names + listing->len + 1, &len, sizeof(len));
    if (len)
        memcpy(listing->names + listing->len + NAME_HEAD, name.ptr, len);
    listing->len = need;
    return 0;
}

static void put_users(struct dm_out *out, const struct pubsub_listing *listing) {
    size_t at = 0;

    dm_put_array(out, "users");
    while (at < listing->len) {
        uint32_t len;

        memcpy(&len, listing->names + at + 1, sizeof(len));
        dm_put_object(out, NULL);
        dm_put_string(out, "username", (struct dm_slice){ listing->names + at + NAME_HEAD, len });
        dm_put_bool(out, "isOnline", listing->names[at]);
        dm_put_end(out);
        at += NAME_HEAD + len;
    }
    dm_put_end(out);
}

static void tell_users(struct dm_session *session, const struct pubsub_listing *listing,
                       const struct pubsub_cookie *cookie) {
    struct dm_out *out;

    if (cookie->reply.wanted == REPLY_NONE)
        return;
    out = dm_out(session);
    pubsub_begin_answer(out, cookie);
    put_users(out, listing);
    pubsub_end_answer(out, cookie);
}

static void take_users(struct dm_session *session, const struct dm_result *result,
                       const struct pubsub_cookie *cookie) {
    struct pubsub_session *state = session->state;
    struct pubsub_listing **at = find_listing(state, cookie->reply.listing);
    struct dm_command next = { .size = sizeof(next), .kind = DM_CMD_USER_LIST, .limit = 500,
                               .cursor = result->next_cursor };
    int good = result->status == DM_OK;

    if (!*at)
        return;
    for (size_t i = 0; good && i < result->user_count; i++)
        good = add_name(state, *at, result->users[i]) == 0;
    if (good && result->next_cursor) {
        dm_submit(session, &next, pubsub_cookie_slice(cookie));
        return;
    }
    if (good)
        tell_users(session, *at, cookie);
    drop_listing(state, at);
}

/* ---- everything else ---- */

static void put_chats(struct dm_out *out, const struct dm_result *result) {
    dm_put_array(out, "chats");
    for (size_t i = 0; i < result->message_count; i++)
        if (result->messages[i]->author && result->messages[i]->recipient)
            pubsub_put_chat(out, NULL, result->messages[i]);
    dm_put_end(out);
}

static void put_answer(struct dm_out *out, const struct dm_result *result) {
    switch (result->kind) {
    case DM_CMD_HISTORY:
        put_chats(out, result);
        break;
    case DM_CMD_UNREAD_COUNT:
        dm_put_int(out, "unreadChatsCount", (int64_t)result->count);
        break;
    case DM_CMD_SEND:
        pubsub_put_chat(out, "chat", result->message);
        break;
    default:
        break;
    }
}

/* Asking about somebody who is not there has the answer of nothing. */
static int is_answered(const struct dm_result *result) {
    if (result->status == DM_OK)
        return result->kind != DM_CMD_SEND || (result->message && result->message->recipient);
    return (result->kind == DM_CMD_HISTORY || result->kind == DM_CMD_UNREAD_COUNT)
           && (result->status == DM_NO_USER || result->status == DM_SELF);
}

/* What a call leads to beside its acknowledgement, and before it. */
static void tell_effect(struct dm_session *session, const struct dm_result *result) {
    const struct pubsub_session *state = session->state;

    if (result->status != DM_OK)
        return;
    if (result->kind == DM_CMD_WATCH && result->user && (result->user->flags & DM_USER_ONLINE))
        pubsub_put_user_event(dm_out(session), state->form, "user-online", result->user);
    if (result->kind == DM_CMD_READ_ONE && (result->flags & DM_RESULT_CHANGED)
        && result->message->author && result->thread->kind == DM_THREAD_DIRECT)
        pubsub_put_unread(dm_out(session), state->form, result->count, result->message->author);
}

static void take_result(struct dm_session *session, const struct dm_result *result,
                        const struct pubsub_cookie *cookie) {
    struct dm_out *out;

    tell_effect(session, result);
    if (cookie->reply.wanted == REPLY_NONE || !is_answered(result))
        return;
    out = dm_out(session);
    pubsub_begin_answer(out, cookie);
    put_answer(out, result);
    pubsub_end_answer(out, cookie);
}

void pubsub_result(struct dm_session *session, const struct dm_result *result,
                   struct dm_slice slice) {
    struct pubsub_cookie cookie;

    if (session->kind == DM_SESSION_REQUEST)
        pubsub_rest_result(session, result);
    else if (result->kind == DM_CMD_AUTHENTICATE)
        pubsub_authenticated(session, result, slice);
    else if (pubsub_cookie_read(slice, &cookie) != 0)
        return;
    else if (result->kind == DM_CMD_USER_LIST)
        take_users(session, result, &cookie);
    else
        take_result(session, result, &cookie);
}
