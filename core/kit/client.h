/* A client of no transcript. Internal to the kit. */
#ifndef DRAGOMAN_KIT_CLIENT_H
#define DRAGOMAN_KIT_CLIENT_H

#include "core/kit/frames.h"

struct client {
    struct stage *stage;
    struct peer peer;
};

/* Connects with the request that opened a transcript's WebSocket, or, for a frame that is a
 * request, not at all. Returns 0, or -1 when it was refused; client_close is due in both cases. */
enum credentials { CREDENTIALS_KEPT, CREDENTIALS_STRIPPED };
int client_open(struct client *client, struct stage *stage, const struct frame *frame,
                enum credentials credentials);

/* Sends a frame as it was sent in its transcript, without waiting for anything. */
void client_send(struct client *client, const struct frame *frame, enum credentials credentials);

/* 1 while its WebSocket is open; 0 for one that needs none. */
int client_is_open(const struct client *client);

/* Closes the WebSocket with 1000, lets the gateway see it, and frees what came. */
void client_close(struct client *client);

/* Whether the frame itself, not the request before it, bears what logs somebody in. */
int frame_has_login(const struct stage *stage, const struct frame *frame);

#endif
