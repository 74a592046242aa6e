"""How long a page of a thread takes."""

import http.client
import statistics
import time

REQUESTS = 100
PAGE = 50


def _get(connection, thread, token, page):
    begun = time.perf_counter()
    connection.request("GET", f"/opcode/thread/{thread}?page_size={PAGE}&page={page}",
                       headers={"Authorization": f"Bearer {token}"})
    response = connection.getresponse()
    body = response.read()
    if response.status != 200 or body.count(b'"message_id"') + body.count(b'"id"') < PAGE:
        raise RuntimeError(f"no page of {PAGE}: {response.status} {body[:300]}")
    return time.perf_counter() - begun


def alternate(port, places, rounds):
    """For each round the median time, in microseconds, of a page in each of the places (thread,
    token, which page); requests take turns."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    for _ in range(rounds):
        times = [[] for _ in places]
        for _ in range(REQUESTS):
            for taken, place in zip(times, places):
                taken.append(_get(connection, *place))
        yield [1e6 * statistics.median(taken) for taken in times]
