"""A door for clients that speak no TLS: what comes in plainly goes on over TLS, and back."""

import asyncio
import contextlib
import re
import threading

from wire import trusting

HEAD = re.compile(rb"\A(GET|HEAD|POST|PUT|DELETE|PATCH|OPTIONS) (/\S*) HTTP/1\.1\r\n")
HOST = re.compile(rb"\r\nHost: [^\r]*", re.IGNORECASE)


class TlsFront:
    """`with TlsFront(host, port) as url`: http://127.0.0.1:N leads to the TLS server there.

    name    the server name of the handshake
    host    what the field Host says, where a request begins a packet
    prefix  what is taken off the front of such requests' paths
    source  the address to come from
    """

    def __init__(self, target_host, port, name=None, host=None, prefix=None, source=None):
        self._target, self._name = (target_host, port), name or target_host
        self._host, self._prefix, self._source = host, prefix, source
        self._tls = trusting()
        self._loop = asyncio.new_event_loop()

    def __enter__(self):
        started = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(started,), daemon=True)
        self._thread.start()
        assert started.wait(10)
        return "http://127.0.0.1:%d" % self._server.sockets[0].getsockname()[1]

    def __exit__(self, *_):
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self, started):
        self._server = self._loop.run_until_complete(
            asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=1024))
        self._loop.call_soon(started.set)
        self._loop.run_forever()
        self._server.close()
        self._loop.run_until_complete(self._end())
        self._loop.close()

    @staticmethod
    async def _end():
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader, writer):
        source = (self._source, 0) if self._source else None
        try:
            to_reader, to_writer = await asyncio.open_connection(
                *self._target, ssl=self._tls, server_hostname=self._name, local_addr=source)
        except OSError:
            writer.close()
            return
        await asyncio.gather(self._copy(reader, to_writer, self._edit),
                             self._copy(to_reader, writer, bytes))

    def _edit(self, data):
        head = HEAD.match(data)
        if not head:
            return data
        path = head[2].decode()
        if self._prefix and re.match(re.escape(self._prefix) + r"(?=[/?]|$)", path):
            path = path[len(self._prefix):]
            path = path if path.startswith("/") else "/" + path
        data = b"%s %s HTTP/1.1\r\n%s" % (head[1], path.encode(), data[head.end():])
        if self._host:
            data = HOST.sub(b"\r\nHost: " + self._host.encode(), data, count=1)
        return data

    @staticmethod
    async def _copy(reader, writer, edit):
        with contextlib.suppress(OSError, asyncio.CancelledError):
            while data := await reader.read(65536):
                writer.write(edit(data))
                await writer.drain()
        writer.close()
