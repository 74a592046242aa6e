/* `dragoman replay`: plays transcripts against a server. The format and the command line are
 * described in proto-docs/transcripts.md. */
#ifndef DRAGOMAN_REPLAY_REPLAY_H
#define DRAGOMAN_REPLAY_REPLAY_H

/* argv[0] is the verb, the rest its arguments; the strings may be reordered. Runs its own event
 * loop until all is played; results go to stdout, faults to stderr. Returns the exit status: 0 all
 * passed, 1 a difference was found, 2 an argument or a transcript is wrong or the server cannot be
 * reached. */
int replay_main(int argc, char **argv);

#endif
