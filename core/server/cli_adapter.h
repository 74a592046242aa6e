/* What the command line does with single adapters, without a configuration. Each takes its own
 * words, argv[0] being the verb, and returns the exit status. */
#ifndef DRAGOMAN_SERVER_CLI_ADAPTER_H
#define DRAGOMAN_SERVER_CLI_ADAPTER_H

/* dragoman adapter check FILE.so|NAME */
int cli_adapter_check(int argc, char **argv);

/* dragoman adapter new NAME [--transport websocket|http|socketio] */
int cli_adapter_new(int argc, char **argv);

#endif
