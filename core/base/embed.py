#!/usr/bin/python3
"""Writes files as a table in C (embedded.h): embed.py OUT.c TABLE NAME=FILE..."""

import pathlib
import sys


def main(out, table, *pairs):
    rows = []
    with open(out, "w", encoding="ascii") as file:
        file.write('#include "core/base/embedded.h"\n\n')
        for number, pair in enumerate(pairs):
            name, _, path = pair.partition("=")
            data = pathlib.Path(path).read_bytes() + b"\0"
            # As bytes: a string literal of this length is more than C compilers must take.
            file.write(f"static const char data_{number}[] = {{ "
                       f"{','.join(str(b if b < 128 else b - 256) for b in data)} }};\n")
            rows.append(f'    {{ "{name}", {{ data_{number}, sizeof(data_{number}) - 1 }} }},\n')
        file.write(f"\nextern const struct embedded {table}[];\n"
                   f"const struct embedded {table}[] = {{\n" + "".join(rows) + "    { 0 },\n};\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
