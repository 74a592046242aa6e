#!/usr/bin/env python3
"""Turns files into a C array: embed.py OUTPUT FOLDER FILE..., each row { path below it, text }."""

import pathlib
import sys


def literal(text):
    """The text as C string literals, one per line."""
    def line(part):
        return '"' + part.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
    return "\n     ".join(line(part) for part in text.splitlines(keepends=True)) or '""'


def main(output, folder, *files):
    rows = []
    for name in files:
        path = pathlib.Path(name)
        below = path.resolve().relative_to(pathlib.Path(folder).resolve()).as_posix()
        rows.append(f'    {{ "{below}",\n     {literal(path.read_text(encoding="utf-8"))} }},\n')
    pathlib.Path(output).write_text(
        '#include "core/kit/scaffold.h"\n\n'
        "const struct scaffold_template scaffold_templates[] = {\n"
        + "".join(rows) + "    { NULL, NULL },\n};\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
