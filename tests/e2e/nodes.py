"""Several gateway processes on one database.

    with Nodes(3) as nodes:
        nodes[0].kill9()
        ...

Where a test takes a Gateway, it may take Nodes instead: each socket and each request then goes to
the next of them, everything else to the first."""

import itertools

from gateway import Gateway


class Nodes:
    def __init__(self, count, **how):
        first = Gateway(**how)
        self.all = [first] + [Gateway(**{**how, "state": first.state}) for _ in range(count - 1)]
        self._turn = itertools.cycle(range(count))

    def start(self):
        for node in self.all:
            node.start()
        return self

    def close(self, check=True):
        for node in reversed(self.all):
            node.close(check=check)

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, value, trace):
        self.close(check=kind is None)

    def __getitem__(self, index):
        return self.all[index]

    def __getattr__(self, name):
        return getattr(self.all[0], name)

    def _next(self):
        return self.all[next(self._turn)]

    @property
    def ws_url(self):
        return self._next().ws_url

    @property
    def url(self):
        return self._next().url
