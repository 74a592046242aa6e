/* `dragoman capture`: a recording proxy. It passes on what clients and an old server say to each
 * other, and writes it down as a transcript (proto-docs/transcripts.md), secrets masked. */
#ifndef DRAGOMAN_CAPTURE_CAPTURE_H
#define DRAGOMAN_CAPTURE_CAPTURE_H

/* argv[0] is the verb, the rest its arguments. Runs its own event loop until SIGINT or SIGTERM,
 * then writes the transcript. Returns the exit status: 0, 1 when something failed, 64 for wrong
 * arguments. */
int capture_main(int argc, char **argv);

#endif
