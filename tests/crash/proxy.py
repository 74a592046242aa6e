"""A TCP proxy that can fall silent and be cut, while what is behind it lives on."""

import select
import socket
import threading


class Link:
    """One connection through the proxy."""

    def __init__(self, near, far):
        self.near, self.far = near, far


class Proxy:
    """with Proxy(port) as proxy: clients connect to proxy.port instead.

    hold_answers()/hold_requests()  bytes of that direction wait in the proxy
    release()                       and go on
    cut()                           clients see a reset; the server's side stays open and unread,
                                    so that the server goes on with what it has
    refuse()/accept()               new connections are closed at once, or served again"""

    def __init__(self, port):
        self._target = ("127.0.0.1", port)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self._listener.getsockname()[1]
        self._lock = threading.Lock()
        self._links = []
        self._orphans = []
        self._held = set()
        self._refusing = False
        self._wake, self._waker = socket.socketpair()
        self._ending = False
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ending = True
        self._rouse()
        self._thread.join(10)
        for link in self._links:
            link.near.close()
            link.far.close()
        for orphan in self._orphans:
            orphan.close()
        for sock in (self._listener, self._wake, self._waker):
            sock.close()

    def hold_answers(self):
        self._hold("far")

    def hold_requests(self):
        self._hold("near")

    def release(self):
        with self._lock:
            self._held.clear()
        self._rouse()

    def refuse(self):
        self._refusing = True

    def accept(self):
        self._refusing = False

    def cut(self):
        with self._lock:
            for link in self._links:
                # A reset, as from a machine that has lost its state.
                link.near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                link.near.close()
                self._orphans.append(link.far)
            self._links.clear()
            self._held.clear()
        self._rouse()

    def drop_orphans(self):
        """The servers' sides of the connections that were cut end now."""
        with self._lock:
            for orphan in self._orphans:
                orphan.close()
            self._orphans.clear()

    def _hold(self, side):
        with self._lock:
            self._held.add(side)
        self._rouse()

    def _rouse(self):
        self._waker.send(b"!")

    def _serve(self):
        while not self._ending:
            with self._lock:
                sources = {}
                for link in self._links:
                    if "near" not in self._held:
                        sources[link.near] = link
                    if "far" not in self._held:
                        sources[link.far] = link
            try:
                ready = select.select([self._listener, self._wake, *sources], [], [], 5)[0]
            except (OSError, ValueError):
                continue  # cut meanwhile
            with self._lock:
                for sock in ready:
                    self._handle(sock, sources)

    def _handle(self, sock, sources):
        if sock is self._wake:
            self._wake.recv(4096)
        elif sock is self._listener:
            self._open(self._listener.accept()[0])
        elif sources[sock] in self._links:
            self._carry(sock, sources[sock])

    def _open(self, near):
        if self._refusing:
            near.close()
            return
        try:
            far = socket.create_connection(self._target, 10)
        except OSError:
            near.close()
            return
        for sock in (near, far):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._links.append(Link(near, far))

    def _carry(self, sock, link):
        side = "near" if sock is link.near else "far"
        if side in self._held:
            return
        other = link.far if sock is link.near else link.near
        try:
            data = sock.recv(1 << 16)
            if data:
                other.sendall(data)
                return
        except OSError:
            pass
        link.near.close()
        link.far.close()
        self._links.remove(link)
