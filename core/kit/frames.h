/* The client frames of the transcripts, one of each kind. Internal to the kit. */
#ifndef DRAGOMAN_KIT_FRAMES_H
#define DRAGOMAN_KIT_FRAMES_H

#include "core/kit/mutant.h"
#include "core/kit/trial.h"

#define FRAMES_CLIENTS_MAX 32

/* A message or request of a transcript's outermost steps, as it was sent in a play. */
struct frame {
    const struct script *script;
    const struct step *step;
    struct dm_slice bytes; /* the message, or the whole request */
    struct dm_slice body;  /* the message, or the request's body */
    struct dm_slice target; /* requests: path and query */
    struct dm_slice upgrade; /* messages: the request that opened the WebSocket */
};

struct frames {
    struct arena arena;
    struct frame *items;
    size_t count;
    size_t cap;
    const struct script *script; /* being played */
    struct dm_slice upgrades[FRAMES_CLIENTS_MAX]; /* of its clients, the last one each */
    struct buf shapes;           /* seen so far, each ended by a NUL */
};

/* Plays every script that needs no settings, and keeps one frame of each shape. The users of these
 * plays stay, so the frames' tokens stay good; their sessions are gone. */
void frames_collect(struct frames *frames, struct trial *trial);
void frames_free(struct frames *frames);

/* Plays the frame's script up to it, with fresh users. Returns 0; -1 when the trial failed by it.
 * play_close is due in both cases. */
int frame_reach(struct trial *trial, const struct frame *frame, struct play *play);

/* Sends these bytes in the frame's place (an absent slice: the frame itself), and waits until the
 * gateway is through with it. Whatever comes back is left where it arrives. */
void frame_send(struct play *play, const struct frame *frame, struct dm_slice bytes);

/* Likewise what is wrong with it. */
void frame_send_mutant(struct play *play, const struct frame *frame,
                       const struct mutant *mutant);

/* The client that sends the frame. */
struct peer *frame_peer(const struct play *play, const struct frame *frame);

#endif
