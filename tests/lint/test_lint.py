"""The lint can fail: each rule is shown a small bad tree, and a good one."""

import pathlib
import tempfile
import unittest

import lint

GOOD = {
    "core/base/buf.h": "#include <stddef.h>\nstruct buf { bool full; };\nbool buf_is_empty(void);\n",
    "core/base/buf.c": '#include "core/base/buf.h"\n#include <string.h>\n',
    "core/model/user.h": '#include "../base/buf.h"\n',
    "core/engine/store.h": '#include "core/model/user.h"\n',
    "core/engine/engine.h": '#include "core/engine/store.h"\n',
    "core/net/ws.c": '#include <wslay/wslay.h>\n#include <uv.h>\nint opcode;\n',
    "core/adapter/adapter.h": '#include "../model/user.h"\n#include "../base/buf.h"\n',
    "core/server/main.c": '#include "core/net/conn.h"\n#include <yaml.h>\n',
    "storage/pg.c": '#include "core/engine/store.h"\n#include <libpq-fe.h>\n',
    "adapters/opcode/opcode.h": "",
    "sdk/dragoman/adapter.h": '#include "core/adapter/adapter.h"\n#include "helpers.h"\n',
    "sdk/dragoman/helpers.h": "",
    "sdk/text.c": "#include <dragoman/adapter.h>\n",
    "adapters/opcode/opcode.c": '#include <dragoman/adapter.h>\n#include "opcode.h"\n',
    "adapters/saletick/codec.c": "#include <dragoman/adapter.h>\n",
    "examples/echo/echo.c": "#include <dragoman/adapter.h>\n",
}


def findings(changes, base=GOOD):
    """Lints the good tree with some files laid over it; returns {rule: [(file, line, text)]}."""
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for name, text in {**base, **changes}.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text, encoding="utf-8")
        _, found = lint.lint(root)
        return {rule: what for rule, what in found.items() if what}


class LintTest(unittest.TestCase):
    def refuses(self, rule, name, text, line=1):
        found = findings({name: text})
        self.assertEqual(list(found), [rule], found)
        self.assertIn((name, line), [(f, n) for f, n, _ in found[rule]])

    def accepts(self, name, text):
        self.assertEqual(findings({name: text}), {})

    def test_good_tree(self):
        self.assertEqual(findings({}), {})

    def test_empty_tree_is_an_error(self):
        with tempfile.TemporaryDirectory() as folder:
            self.assertEqual(lint.main(["lint.py", folder]), 1)

    def test_upward_include(self):
        self.refuses("includes", "core/base/buf.c", '\n#include "core/model/user.h"\n', 2)

    def test_upward_relative_include(self):
        self.refuses("includes", "core/base/buf.c", '#include "../model/user.h"\n')

    def test_engine_header_that_is_no_port(self):
        self.refuses("includes", "storage/pg.c", '#include "core/engine/engine.h"\n')

    def test_library_of_another_folder(self):
        self.refuses("includes", "core/engine/engine.c", "#include <uv.h>\n")
        self.refuses("includes", "core/net/http.c", "#include <libpq-fe.h>\n")
        self.refuses("includes", "storage/pg.c", "#include <yyjson.h>\n")

    def test_library_in_quotes(self):
        self.refuses("includes", "core/engine/engine.c", '#include "uv.h"\n')

    def test_unknown_library(self):
        self.refuses("includes", "core/base/buf.c", "#include <jansson.h>\n")

    def test_adapter_beyond_the_contract(self):
        self.refuses("includes", "adapters/saletick/a.c", '#include "core/adapter/host.h"\n')
        self.refuses("includes", "adapters/saletick/a.c", '#include "core/base/buf.h"\n')
        self.refuses("includes", "adapters/saletick/a.c", '#include "core/adapter/adapter.h"\n')
        self.refuses("includes", "adapters/saletick/a.c", "#include <uv.h>\n")
        self.refuses("includes", "examples/echo/a.c", '#include "core/adapter/adapter.h"\n')
        self.refuses("includes", "sdk/text.c", '#include "core/base/buf.h"\n')
        self.refuses("includes", "adapters/saletick/a.c", '#include "../opcode/opcode.h"\n')

    def test_folder_without_row(self):
        self.refuses("includes", "core/extra/x.c", "#include <stdio.h>\n")

    def test_include_with_spaces(self):
        self.refuses("includes", "core/base/buf.c", '  #  include  "core/engine/store.h"\n')

    def test_dialect_name(self):
        self.refuses("dialect names", "core/engine/e.c", "int x; /* as Saletick does */\n")
        self.refuses("dialect names", "core/engine/e.c", "int opcode_count;\n")
        self.refuses("dialect names", "storage/schema.sql", "-- for pubsub\n")
        self.refuses("dialect names", "core/net/ws.c", "int casamsa;\n")

    def test_dialect_name_of_a_file(self):
        self.refuses("dialect names", "core/engine/pymessage.c", "int x;\n")

    def test_dialect_name_of_a_new_adapter(self):
        found = findings({"adapters/sixth/a.c": "", "core/engine/e.c": "int sixth;\n"})
        self.assertEqual(list(found), ["dialect names"])

    def test_dialect_name_within_a_word(self):
        self.accepts("core/engine/e.c", "int opcodes;\n")

    def test_long_file(self):
        self.accepts("core/base/long.c", "\n" * 400)
        self.refuses("file length", "core/base/long.c", "\n" * 401, 401)

    def test_long_line(self):
        self.accepts("core/base/wide.c", "x" * 100)
        self.refuses("line width", "core/base/wide.c", "x" * 101)
        self.refuses("line width", "tests/unit/wide.c", "\t" * 13)

    def test_long_function(self):
        body = "    x();\n"
        self.accepts("core/base/f.c", "int f(void)\n{\n" + body * 78 + "}\n")
        self.refuses("function length", "core/base/f.c", "int f(void)\n{\n" + body * 79 + "}\n", 2)
        self.refuses("function length", "tests/unit/f.c", "Test(a, b) {\n" + body * 79 + "}\n")

    def test_braces_in_literals(self):
        text = "int f(void)\n{\n    x('{', \"{\", /* { */ 1); // {\n}\nint g(void)\n{\n}\n"
        self.accepts("core/base/f.c", text + "\n" * 200)

    def test_long_table_is_no_function(self):
        self.accepts("core/base/t.c", "int t[] = {\n" + "1,\n" * 100 + "};\n")

    def test_boolean_parameter(self):
        rule, name = "boolean parameters", "core/base/b.h"
        self.refuses(rule, name, "void f(int a, bool b);\n")
        self.refuses(rule, name, "void f(int a,\n       bool b);\n", 2)
        self.refuses(rule, name, "struct s { void (*f)(bool b); };\n")
        self.refuses(rule, name, "static inline void f(bool b) { (void)b; }\n")

    def test_boolean_elsewhere(self):
        self.accepts("core/base/b.h", "struct s { bool a; bool (*f)(int); };\nbool g(bool *ret);\n")
        self.accepts("core/base/b.h", "/* f(bool x) */\n#define F(x) g((bool)(x))\n")
        self.accepts("core/base/b.c", "static void f(bool b);\n")

    def test_promise(self):
        self.refuses("promises", "core/base/p.c", "/* TO" + "DO: later */\n")


if __name__ == "__main__":
    unittest.main()
