#!/usr/bin/python3
"""Holds the tree to its directions and sizes: python3 tests/lint/lint.py [ROOT].

Prints one line per rule, each finding as FILE:LINE: RULE: text, and exits 1 if there is any.
The tables below are the rules; everything after them only reads.
"""

import bisect
import pathlib
import re
import sys

# Which folder may include what. A name with a slash is a folder of this tree or one header of it,
# one without is a library of LIBRARIES. Its own folder and libc are open to each. "*" is all.
PORTS = ["core/engine/store.h", "core/engine/bus.h", "core/engine/auth.h",
         "core/engine/file_store.h"]
INCLUDES = {
    "core/base": [],
    "core/model": ["core/base"],
    "core/engine": ["core/base", "core/model"],
    "core/auth": ["core/base", "core/model", *PORTS, "openssl", "argon2", "uv", "yyjson"],
    "core/net": ["core/base", "uv", "llhttp", "wslay", "openssl", "zlib"],
    "core/adapter": ["core/base", "core/model", "core/engine", "core/net", "yyjson"],
    "core/transcript": ["core/base", "yyjson"],
    "core/replay": ["core/base", "core/transcript", "uv", "llhttp", "wslay", "yyjson"],
    "core/capture": ["core/base", "core/transcript", "core/replay", "uv", "llhttp", "wslay",
                     "yyjson"],
    "core/kit": ["core/base", "core/model", "core/engine", "core/auth", "core/net", "core/adapter",
                 "core/transcript", "core/replay", "uv", "yyjson"],
    "core/server": ["*"],
    "storage": ["core/base", "core/model", *PORTS, "libpq", "uv"],
    "sdk": ["core/adapter/adapter.h", "dragoman/adapter.h"],
    "adapters/*": ["dragoman/adapter.h"],
    "examples/*": ["dragoman/adapter.h"],
    "tests": ["*"],
}

LIBRARIES = {
    "argon2": r"argon2\.h",
    "criterion": r"criterion/.*",
    "libpq": r"(postgresql/)?(libpq-fe|libpq/.*|pg_config.*|postgres_ext)\.?h?",
    "llhttp": r"llhttp\.h",
    "openssl": r"openssl/.*",
    "uv": r"uv(\.h|/.*)",
    "wslay": r"wslay/.*",
    "yaml": r"yaml\.h",
    "yyjson": r"yyjson\.h",
    "zlib": r"(zlib|zconf)\.h",
}

# The C library's headers and the system's, so that a new library cannot slip in unnamed.
LIBC = re.compile(
    r"(arpa|asm|bits|linux|net|netinet|sanitizer|sys|valgrind)/.*"
    r"|(aio|assert|byteswap|complex|crypt|ctype|dirent|dlfcn|elf|endian|err|errno|execinfo|fcntl"
    r"|features|fenv|float|fnmatch|ftw|getopt|glob|grp|iconv|ifaddrs|inttypes|iso646|langinfo"
    r"|libgen|limits|link|locale|malloc|math|memory|mntent|netdb|paths|poll|pthread|pwd|regex"
    r"|resolv|sched|search|semaphore|setjmp|shadow|signal|spawn|stdalign|stdarg|stdatomic|stdbool"
    r"|stddef|stdint|stdio|stdio_ext|stdlib|stdnoreturn|string|strings|syslog|termios|threads|time"
    r"|tgmath|uchar|ucontext|unistd|utime|wchar|wctype)\.h"
)

# No dialect's name stands in these folders; the folders of adapters/ join the list.
NEUTRAL = ["core", "storage"]
DIALECTS = ["opcode", "saletick", "pubsub", "casamsa", "pymessage"]
# wslay's own word for the kind of a frame
NEUTRAL_BUT = {"core/net": ["opcode"], "core/replay": ["opcode"], "core/capture": ["opcode"]}

MAX_FILE_LINES = 400
# The whole contract in one header, mostly words; and as it was.
LONGER_FILES = {"core/adapter/adapter.h": 800,
                "tests/unit/adapter/abi-1.0/core/adapter/adapter.h": 800}
MAX_FUNCTION_LINES = 80
MAX_COLUMNS = 100

ROOTS = ["core", "storage", "sdk", "adapters", "examples", "tests"]
SKIPPED = re.compile(r"^(\..*|build.*|node_modules|__pycache__|state.*)$")
TEXT = {".c", ".h", ".sql", ".in", ".build", ".txt", ".py", ".yaml", ".yml", ".md"}


class Source:
    """One file: its path from the root, its lines, and its code without comments or literals."""

    def __init__(self, root, path):
        self.name = path.relative_to(root).as_posix()
        self.text = path.read_text(encoding="utf-8", errors="replace")
        self.lines = self.text.splitlines()
        self.code = blank(self.text)
        self._starts = [0] + [m.end() for m in re.finditer("\n", self.text)]

    def line_of(self, offset):
        return bisect.bisect_right(self._starts, offset)


TOKEN = re.compile(
    r"//(?:[^\n\\]|\\.|\\\n)*"
    r"|/\*.*?(?:\*/|\Z)"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'(?:[^'\\\n]|\\.)*'",
    re.DOTALL,
)
DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n\\]|\\\n|\\.)*", re.MULTILINE)


def blank(text):
    """Comments, literals and preprocessor lines as spaces, so that offsets stay true."""
    def spaces(match):
        return re.sub(r"[^\n]", " ", match.group())
    return DIRECTIVE.sub(spaces, TOKEN.sub(spaces, text))


def walk(root, folder):
    base = root / folder
    if not base.is_dir():
        return
    for path in sorted(base.iterdir()):
        if SKIPPED.match(path.name) or path.is_symlink():
            continue
        if path.is_dir():
            yield from walk(root, path.relative_to(root))
        else:
            yield path


def area_of(name):
    """The key of INCLUDES a file belongs to and its own folder, or None."""
    parts = name.split("/")
    for depth in (2, 1):
        key = "/".join(parts[:depth])
        if len(parts) > depth and key in INCLUDES:
            return key, key
    if f"{parts[0]}/*" in INCLUDES and len(parts) > 2:
        return f"{parts[0]}/*", "/".join(parts[:2])
    return None


def library_of(header):
    for library, pattern in LIBRARIES.items():
        if re.fullmatch(pattern, header):
            return library
    return None


def resolve(root, source, header):
    """Where a quoted include leads, from the root; None when it is no file of the tree."""
    beside = (root / source.name).parent / header
    for path in (beside, root / header):
        if path.is_file():
            try:
                return path.resolve().relative_to(root).as_posix()
            except ValueError:
                return None
    return None


INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:"([^"]+)"|<([^>]+)>|(\w+))')


def check_includes(root, source):
    area = area_of(source.name)
    for number, line in enumerate(source.lines, 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        quoted, angled, _macro = match.groups()
        if area is None:
            yield number, "this folder has no row in the include table"
            return
        key, own = area
        allowed = INCLUDES[key]
        if "*" in allowed:
            continue
        if quoted:
            target = resolve(root, source, quoted) or quoted
            if target.startswith(own + "/"):
                continue
            library = None if "/" in target else library_of(target)
        else:
            target = angled or "a macro"
            library = library_of(target)
            if library is None and LIBC.fullmatch(target):
                continue
        if library in allowed or target in allowed or target.rpartition("/")[0] in allowed:
            continue
        yield number, f"{own} may not include {target}"


def check_dialects(root, source):
    names = set(DIALECTS)
    if (root / "adapters").is_dir():
        names |= {p.name for p in (root / "adapters").iterdir()
                  if p.is_dir() and not SKIPPED.match(p.name)}
    for folder, spared in NEUTRAL_BUT.items():
        if source.name.startswith(folder + "/"):
            names -= set(spared)
    if source.name.split("/")[0] not in NEUTRAL or not names:
        return
    words = "|".join(sorted(map(re.escape, names)))
    # An underscore is a boundary here: opcode_open() is as much a dialect's name as "opcode".
    pattern = re.compile(rf"(?<![a-z0-9])({words})(?![a-z0-9])", re.IGNORECASE)
    for number, line in enumerate([source.name] + source.lines):
        for match in pattern.finditer(line):
            yield max(number, 1), f"a dialect's name: {match.group()}"


def check_file_lines(_root, source):
    most = LONGER_FILES.get(source.name, MAX_FILE_LINES)
    if len(source.lines) > most:
        yield len(source.lines), f"{len(source.lines)} lines, {most} are the most"


def check_columns(_root, source):
    for number, line in enumerate(source.lines, 1):
        width = len(line.expandtabs(8))
        if width > MAX_COLUMNS:
            yield number, f"{width} columns, {MAX_COLUMNS} are the most"


def bodies(code):
    """Offsets (open, close) of the function bodies: a block at depth 0 that follows a ')'."""
    depth = opened = parens = 0
    before = ""
    body = False
    for match in re.finditer(r"[{}()]|[^\s{}()]+", code):
        token = match.group()
        if token == "(":
            parens += 1
        elif token == ")":
            parens -= 1
        elif token == "{" and parens == 0:
            if depth == 0:
                opened, body = match.start(), before == ")"
            depth += 1
        elif token == "}" and parens == 0 and depth:
            depth -= 1
            if depth == 0 and body:
                yield opened, match.start()
        # An attribute between the parameters and the body keeps its own ')' at the end.
        before = token[-1]


def check_functions(_root, source):
    for opened, closed in bodies(source.code):
        length = source.line_of(closed) - source.line_of(opened) + 1
        if length > MAX_FUNCTION_LINES:
            yield (source.line_of(opened),
                   f"a function of {length} lines, {MAX_FUNCTION_LINES} are the most")


# A pointer is a place for an answer, no choice made by the caller.
BOOLEAN = re.compile(r"\b(?:bool|_Bool)\b(?!\s*(?:const\s*)?\*)")


def check_booleans(_root, source):
    if not source.name.endswith(".h"):
        return
    code = source.code
    for opened, closed in bodies(code):
        code = code[:opened] + " " * (closed - opened) + code[closed:]
    for match in BOOLEAN.finditer(code):
        if code.count("(", 0, match.start()) > code.count(")", 0, match.start()):
            yield source.line_of(match.start()), "a boolean parameter: use an enum or flags"


PROMISE = re.compile(r"\b(TODO|FIXME)\b")


def check_promises(_root, source):
    for number, line in enumerate(source.lines, 1):
        if PROMISE.search(line):
            yield number, "unfinished work is told in the issue tracker, not in the code"


C_RULES = {
    "includes": check_includes,
    "file length": check_file_lines,
    "line width": check_columns,
    "function length": check_functions,
    "boolean parameters": check_booleans,
    "promises": check_promises,
}
TEXT_RULES = {"dialect names": check_dialects}


def lint(root):
    """Returns the number of C files read and, by rule, the findings as (file, line, text)."""
    root = root.resolve()
    found = {rule: [] for rule in [*C_RULES, *TEXT_RULES]}
    files = 0
    for folder in ROOTS:
        for path in walk(root, folder):
            if path.suffix not in TEXT:
                continue
            source = Source(root, path)
            rules = dict(TEXT_RULES)
            if path.suffix in (".c", ".h"):
                files += 1
                rules.update(C_RULES)
            for rule, check in rules.items():
                found[rule] += [(source.name, line, text) for line, text in check(root, source)]
    return files, found


def main(argv):
    root = pathlib.Path(argv[1]) if len(argv) > 1 else pathlib.Path(__file__).parents[2]
    files, found = lint(root)
    if files == 0:
        print(f"lint: no C source below {root}")
        return 1
    for rule, findings in found.items():
        for name, line, text in findings:
            print(f"{name}:{line}: {rule}: {text}")
        print(f"lint {rule}: {len(findings) or 'no'} findings in {files} C files")
    return 1 if any(found.values()) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
