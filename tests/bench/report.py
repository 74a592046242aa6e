"""Tables of medians and ratios."""

import statistics
import sys

from cases import MORE, ROWS

complaints = []


def complain(text):
    complaints.append(text)
    print(f"  ! {text}", flush=True)


def progress(case, label, result):
    line = f"  {case:>10} {label:<17}"
    if "value" in result:
        line += f"{result['value']:>10.1f}"
    else:
        line += f"{result['rate']:>10.0f}/s"
    if result.get("confirm_us", {}).get("p50"):
        line += (f"   confirm p50 {result['confirm_us']['p50']:>7} us, "
                 f"p99 {result['confirm_us']['p99']:>7}")
    if "cpu" in result:
        line += "   CPU us: " + ", ".join(f"{k} {v:.1f}" for k, v in result["cpu"].items())
    print(line, flush=True)


def print_durability(servers):
    """A figure got without durability counts as nothing."""
    for server in servers:
        values = {name: server.psql(f"show {name}")[0][0] for name in
                  ("fsync", "synchronous_commit", "full_page_writes", "shared_buffers")}
        print(f"{server.name}: {values}")
        if (values["fsync"], values["synchronous_commit"], values["full_page_writes"]) != \
                ("on", "on", "on"):
            complain(f"{server.name}: the database is not durable")


def median(rounds, of):
    return statistics.median(map(of, rounds))


def cell(rounds, of, digits=0):
    try:
        return f"{median(rounds, of):.{digits}f}"
    except KeyError:
        return "-"


def print_medians(results):
    print(f"\n{'case':<11}{'server':<17}{'rate/s':>10}{'spread':>18}{'confirm p50':>13}"
          f"{'p99 us':>9}{'deliver p50':>13}{'p99 us':>9}{'CPU server':>12}{'postgres':>10}")
    for case, labels in results.items():
        for label, rounds in labels.items():
            if not rounds or "value" in rounds[0]:
                continue
            rates = sorted(r["rate"] for r in rounds)
            print(f"{case:<11}{label:<17}{median(rounds, lambda r: r['rate']):>10.0f}"
                  f"{f'{rates[0]:.0f}..{rates[-1]:.0f}':>18}"
                  f"{cell(rounds, lambda r: r['confirm_us']['p50']):>13}"
                  f"{cell(rounds, lambda r: r['confirm_us']['p99']):>9}"
                  f"{cell(rounds, lambda r: r['deliver_us']['p50']):>13}"
                  f"{cell(rounds, lambda r: r['deliver_us']['p99']):>9}"
                  f"{cell(rounds, lambda r: r['cpu']['server'], 1):>12}"
                  f"{cell(rounds, lambda r: r['cpu']['postgres'], 1):>10}")
    print("(CPU: microseconds a message)")


def measured(results, case, ours, theirs, of):
    """The median of the ratios of rounds that ran next to each other; None without any."""
    mine = results.get(case, {}).get(ours)
    if not mine:
        return None
    if theirs is None:
        return median(mine, of)
    others = results[case].get(theirs)
    if not others:
        return None
    return statistics.median(of(a) / of(b) for a, b in zip(mine, others))


def print_rows(results):
    """Prints the table of what is asked; returns its rows for JSON."""
    print(f"\n{'what':<44}{'measured':>10}   {'asked':<15}aim")
    rows = []
    for what, case, ours, theirs, of, way, asked, aim in ROWS:
        if case not in results:
            continue
        number = measured(results, case, ours, theirs, of)
        holds = number is not None and (number >= asked if way == MORE else number <= asked)
        reached = number is not None and (number >= aim if way == MORE else number <= aim)
        verdict = "not measured" if number is None else "" if holds else "FELL SHORT"
        rows.append({"what": what, "case": case, "measured": number, "way": way, "asked": asked,
                     "aim": aim, "holds": holds, "reached": reached})
        shown = "-" if number is None else f"{number:.2f}"
        print(f"{what:<44}{shown:>10}   {way + f' {asked:g}':<15}{aim:<8g}"
              f"{verdict or ('aim reached' if reached else '')}")
        if verdict:
            complaints.append(f"{what}: {verdict.lower()}")
    sys.stdout.flush()
    return rows
