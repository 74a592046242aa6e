#!/usr/bin/env python3
"""Renders proto-docs/matrix.md from what the adapters declare.

    dragoman adapter list --matrix | tests/specs/matrix.py >proto-docs/matrix.md

An end-to-end test compares the two."""

import sys

INTRO = """# What becomes of each event

What happens in one dialect is announced to all others. A dialect has a word for it (supported), says
it in other words (translated), shows it when asked but does not push it (stored only), or has no
way to show it (dropped). The adapters declare this; `dragoman adapter list --matrix` prints it, and
this page is made from it by `tests/specs/matrix.py`.

`message_released` is a message that a request held back and that is let through. In dialects
without groups the setting `chats: flatten` of an adapter shows messages of groups as direct ones.
"""


def parse(text):
    """[(adapter, event, treatment, note)], in the order printed."""
    rows = []
    for line in text.splitlines():
        fields = line.split("\t")
        if len(fields) != 4:
            raise ValueError(f"not four fields: {line!r}")
        rows.append(tuple(fields))
    return rows


def ordered(values):
    return list(dict.fromkeys(values))


def table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines) + "\n"


def render(rows):
    adapters = ordered(row[0] for row in rows)
    events = ordered(row[1] for row in rows)
    treatment = {(row[0], row[1]): row[2] for row in rows}
    parts = [INTRO, table(["event", *adapters],
                          [[f"`{event}`", *(treatment[adapter, event] for adapter in adapters)]
                           for event in events])]
    for adapter in adapters:
        noted = [[f"`{event}`", what, note] for owner, event, what, note in rows
                 if owner == adapter and note]
        parts.append(f"## {adapter}\n\n" + table(["event", "", "what becomes of it"], noted))
    return "\n".join(parts)


if __name__ == "__main__":
    sys.stdout.write(render(parse(sys.stdin.read())))
