#!/usr/bin/python3
"""Writes files as C: embed.py OUT.c NAME=FILE..."""

import pathlib
import sys


def main(out, pairs):
    rows = []
    with open(out, "w", encoding="ascii") as file:
        file.write('#include "core/server/admin/assets.h"\n\n')
        for number, pair in enumerate(pairs):
            name, _, path = pair.partition("=")
            data = pathlib.Path(path).read_bytes()
            # As bytes: a string literal of this length is more than C compilers must take.
            file.write(f"static const char data_{number}[] = {{ "
                       f"{','.join(str(b if b < 128 else b - 256) for b in data)} }};\n")
            rows.append(f'    {{ "{name}", {{ data_{number}, sizeof(data_{number}) }} }},\n')
        file.write("\nconst struct asset assets[] = {\n" + "".join(rows) + "    { 0 },\n};\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
