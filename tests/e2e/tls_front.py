"""A door for clients that speak no TLS: what comes in plainly goes on over TLS, and back."""

import asyncio
import contextlib
import threading

from wire import trusting


class TlsFront:
    """`with TlsFront(host, port) as url`: http://127.0.0.1:N leads to the TLS server there."""

    def __init__(self, host, port, name=None):
        self._target, self._name = (host, port), name or host
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
            asyncio.start_server(self._serve, "127.0.0.1", 0))
        self._loop.call_soon(started.set)
        self._loop.run_forever()
        self._server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0.05))
        self._loop.close()

    async def _serve(self, reader, writer):
        to_reader, to_writer = await asyncio.open_connection(
            *self._target, ssl=trusting(), server_hostname=self._name)
        await asyncio.gather(self._copy(reader, to_writer), self._copy(to_reader, writer))

    @staticmethod
    async def _copy(reader, writer):
        with contextlib.suppress(OSError, asyncio.CancelledError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()
