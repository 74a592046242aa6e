"""activate.py NAME=ADDRESS... -- COMMAND...: binds and listens, and becomes COMMAND with those sockets
from descriptor 3 on, announced as sd_listen_fds(3) has it. ADDRESS is HOST:PORT or a path.

As systemd does it, the sockets are blocking. An empty NAME announces none at all."""

import os
import socket
import sys

FIRST = 3


def listen(address):
    if "/" in address:
        sock = socket.socket(socket.AF_UNIX)
        sock.bind(address)
    else:
        host, _, port = address.rpartition(":")
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, int(port)))
    sock.listen(64)
    return sock


def main():
    split = sys.argv.index("--")
    pairs = [arg.split("=", 1) for arg in sys.argv[1:split]]
    # Out of the way of the numbers they are to have.
    high = [os.dup2(listen(address).detach(), 100 + i) for i, (_, address) in enumerate(pairs)]
    for i, fd in enumerate(high):
        os.dup2(fd, FIRST + i, inheritable=True)
        os.close(fd)
    environment = {**os.environ, "LISTEN_PID": str(os.getpid()), "LISTEN_FDS": str(len(pairs))}
    if any(name for name, _ in pairs):
        environment["LISTEN_FDNAMES"] = ":".join(name for name, _ in pairs)
    command = sys.argv[split + 1:]
    os.execvpe(command[0], command, environment)


main()
