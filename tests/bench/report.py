"""Tables of medians and ratios."""

import statistics
import sys

MORE, LESS = "at least", "at most"

# (what, case, value of a round, which way is better, asked, aimed at), gateway over peer. What is
# asked decides about the exit status; None: nothing yet.
RATIOS = [
    ("messages/s, 200 sockets x 8", "200x8", lambda r: r["rate"], MORE, 8, 20),
    ("messages/s, 200 sockets x 1", "200x1", lambda r: r["rate"], MORE, None, 9),
    ("messages per CPU second, 200 x 8", "200x8", lambda r: 1e6 / sum(r["cpu"].values()),
     MORE, 8, 20),
    ("confirmation p50 at 1,000/s", "1000/s", lambda r: r["confirm_us"]["p50"], LESS, None, 0.7),
    ("confirmation p99 at 1,000/s", "1000/s", lambda r: r["confirm_us"]["p99"], LESS, None, 0.2),
]
# The same, of the gateway alone.
BOUNDS = [
    ("confirmation p99 at 20,000/s, us", "20000/s", lambda r: r["confirm_us"]["p99"], LESS, None,
     2000),
]

complaints = []


def complain(text):
    complaints.append(text)
    print(f"  ! {text}", flush=True)


def progress(case, name, result):
    cpu = result["cpu"]
    print(f"  {case:>8} {name:<8} {result['rate']:>10.0f}/s   "
          f"confirm p50 {result['confirm_us']['p50']:>7} us, p99 {result['confirm_us']['p99']:>7}"
          f"   CPU us/message: server {cpu['server']:.1f}, postgres {cpu['postgres']:.1f}",
          flush=True)


def print_durability(servers):
    """A figure got without durability counts as nothing."""
    for server in servers:
        values = {name: server.psql(f"show {name}")[0][0] for name in
                  ("fsync", "synchronous_commit", "full_page_writes", "shared_buffers")}
        print(f"{server.name}: {values}")
        if (values["fsync"], values["synchronous_commit"], values["full_page_writes"]) != \
                ("on", "on", "on"):
            complain(f"{server.name}: the database is not durable")


def median(rounds, value):
    return statistics.median(map(value, rounds))


def spread(rounds, value):
    values = sorted(map(value, rounds))
    return f"{values[0]:.0f}..{values[-1]:.0f}"


def print_medians(results):
    print(f"\n{'case':<9}{'server':<9}{'messages/s':>11}{'spread':>18}{'confirm p50':>13}"
          f"{'p99 us':>9}{'deliver p50':>13}{'p99 us':>9}{'server CPU':>12}{'postgres':>10}")
    for case, servers in results.items():
        for name, rounds in servers.items():
            print(f"{case:<9}{name:<9}{median(rounds, lambda r: r['rate']):>11.0f}"
                  f"{spread(rounds, lambda r: r['rate']):>18}"
                  f"{median(rounds, lambda r: r['confirm_us']['p50']):>13.0f}"
                  f"{median(rounds, lambda r: r['confirm_us']['p99']):>9.0f}"
                  f"{median(rounds, lambda r: r['deliver_us']['p50']):>13.0f}"
                  f"{median(rounds, lambda r: r['deliver_us']['p99']):>9.0f}"
                  f"{median(rounds, lambda r: r['cpu']['server']):>12.1f}"
                  f"{median(rounds, lambda r: r['cpu']['postgres']):>10.1f}")
    print("(CPU: microseconds a message)")


def ratio(results, case, value):
    """The median of the ratios of rounds that ran next to each other."""
    pairs = zip(results[case]["gateway"], results[case]["node"])
    return statistics.median(value(ours) / value(theirs) for ours, theirs in pairs)


def print_row(what, measured, way, asked, aim):
    holds = asked is None or (measured >= asked if way == MORE else measured <= asked)
    if not holds:
        complaints.append(what)
    wanted = "" if asked is None else f"{way} {asked:g}"
    print(f"{what:<36}{measured:>10.2f}   {wanted:<14}{aim:<8g}{'' if holds else 'FELL SHORT'}")
    return holds


def print_tables(results):
    """Prints all; returns whether every row holds."""
    print_medians(results)
    held = True
    print(f"\n{'gateway against node':<36}{'measured':>10}   {'asked':<14}aim")
    for what, case, value, way, asked, aim in RATIOS:
        if case in results:
            held &= print_row(what, ratio(results, case, value), way, asked, aim)
    for what, case, value, way, asked, aim in BOUNDS:
        if case in results:
            held &= print_row(what, median(results[case]["gateway"], value), way, asked, aim)
    sys.stdout.flush()
    return held
