#!/usr/bin/python3
"""Writes SQL files as C strings: embed.py OUT.c NAME.sql...  gives transfer_sql_NAME."""

import pathlib
import sys


def main(out, paths):
    with open(out, "w", encoding="ascii") as file:
        file.write('#include "storage/transfer/sql.h"\n')
        for path in map(pathlib.Path, paths):
            # As bytes: a string literal of this length is more than C compilers must take.
            body = ",".join(str(byte) for byte in path.read_bytes() + b"\0")
            file.write(f"\nconst char transfer_sql_{path.stem}[] = {{ {body} }};\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
