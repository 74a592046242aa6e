#!/usr/bin/python3
"""Writes dragoman.yaml(5) from the commented example: settings_page.py EXAMPLE OUT.

The example is the one place where settings are described: `key: value  # comment`, a comment above
a key, or lines of comment below one. A list that is empty is `key:  # none`, without a value, and an
example of it stands in comments below its key: without their signs they are its value."""

import re
import sys

KEY = re.compile(r"(?P<indent> *)(?P<key>[a-z_]+):(?: +(?P<value>[^#\s]\S*(?: [^#\s]\S*)*))?"
                 r"(?: +# ?(?P<note>.*))?$")
EXAMPLE = re.compile(r"- |  +|adapters:")
COMMENT = re.compile(r"(?P<indent> *)# ?(?P<text>.*)$")

HEAD = """.Dd $Mdocdate$
.Dt DRAGOMAN.YAML 5
.Os
.Sh NAME
.Nm dragoman.yaml
.Nd settings of the Dragoman chat gateway
.Sh DESCRIPTION
"""
TAIL = """.Sh FILES
.Bl -tag -width Ds
.It Pa /etc/dragoman/dragoman.yaml
read by the system service
.It Pa /usr/share/doc/dragoman/examples/dragoman.example.yaml
what this page is made of
.El
.Sh SEE ALSO
.Xr dragoman 1
"""


class Setting:
    def __init__(self, path, value):
        self.path, self.value, self.text, self.example = path, value, [], []


def escape(text):
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\\&" + text if text.startswith((".", "'")) else text


def read(lines):
    """(words of introduction, settings)"""
    intro, settings, above, path = [], [], [], []
    last, taking = None, False
    for line in lines:
        comment, key = COMMENT.match(line), KEY.match(line)
        if not line.strip():
            if not settings and not intro:
                intro, above = above, []
            last, taking = None, False
        elif comment:
            text = comment["text"]
            example = EXAMPLE.match(text)
            if last is not None and len(comment["indent"]) > 12:
                last.text.append(text)
            elif example and (taking or line.startswith("  ") or last is not None):
                settings[-1].example.append(text)
                taking = True
            else:
                above.append(text)
        elif key:
            depth = len(key["indent"]) // 2
            path = path[:depth] + [key["key"]]
            value, note = key["value"], key["note"]
            if value is None:
                value, note = note, None
            if value is None:
                continue
            last = Setting(".".join(path), value)
            last.text = above + ([note] if note else [])
            above = []
            settings.append(last)
        else:
            sys.exit(f"settings_page: cannot read: {line}")
    return intro, settings, above


def write(out, intro, settings, rest):
    out.write(HEAD)
    for line in intro:
        out.write(escape(line) + "\n")
    out.write(".Sh SETTINGS\n.Bl -tag -width Ds\n")
    for setting in settings:
        out.write(f".It Ic {escape(setting.path)} Pq default: {escape(setting.value)}\n")
        for line in setting.text:
            out.write(escape(line.strip()) + "\n")
        if setting.example:
            out.write(".Bd -literal -compact\n")
            for line in setting.example:
                out.write(escape(line) + "\n")
            out.write(".Ed\n")
    out.write(".El\n.Sh ADAPTERS\n")
    prose = [line for line in rest if not EXAMPLE.match(line)]
    for line in prose:
        out.write(escape(line) + "\n")
    out.write(".Bd -literal\n")
    for line in rest[len(prose):]:
        out.write(escape(line) + "\n")
    out.write(".Ed\n")
    out.write(TAIL)


def main(example, target):
    with open(example, encoding="utf-8") as file:
        intro, settings, rest = read(file.read().splitlines())
    with open(target, "w", encoding="utf-8") as out:
        write(out, intro, settings, rest)


if __name__ == "__main__":
    main(*sys.argv[1:])
