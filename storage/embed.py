#!/usr/bin/python3
"""Writes the migrations as C: embed.py OUT.c NNNN_name.sql..."""

import pathlib
import re
import sys


def main(out, paths):
    rows = []
    for number, path in enumerate(sorted(map(pathlib.Path, paths), key=lambda p: p.name), 1):
        match = re.fullmatch(r"(\d{4})_(\w+)\.sql", path.name)
        if not match or int(match.group(1)) != number:
            sys.exit(f"{path}: migrations are numbered from 0001 without gaps")
        # As bytes: a string literal of this length is more than C compilers must take.
        data = path.read_bytes() + b"\0"
        body = ",".join(str(byte) for byte in data)
        rows.append((number, match.group(2), body))
    with open(out, "w", encoding="ascii") as file:
        file.write('#include "storage/migrate.h"\n\n')
        for number, _name, body in rows:
            file.write(f"static const char sql_{number}[] = {{ {body} }};\n")
        file.write("\nconst struct migration migrations[] = {\n")
        for number, name, _body in rows:
            file.write(f'    {{ {number}, "{name}", sql_{number} }},\n')
        file.write("};\n")
        file.write("const size_t migration_count = sizeof(migrations) / sizeof(migrations[0]);\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
