"""What is installed is complete: an adapter needs the header, the library and libc."""

import pathlib
import re
import shutil
import subprocess

import pytest

import sdk
import shared_objects
from gateway import ROOT, binary

STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]
LIBC = re.compile(r".*@GLIBC_[0-9.]+|_ITM_\w+|__gmon_start__|__cxa_finalize.*")


@pytest.fixture(scope="module")
def package():
    return sdk.installed()


@pytest.mark.parametrize("compiler, standard", [
    ("cc", "c11"), ("cc", "c17"), ("clang", "c11"), ("c++", "c++11"), ("c++", "c++20"),
])
def test_the_header_stands_alone(package, tmp_path, compiler, standard):
    source = tmp_path / ("a.cc" if "+" in compiler else "a.c")
    source.write_text("#include <dragoman/adapter.h>\n"
                      "int main(void) { return dm_http_status(DM_OK) != 200; }\n")
    made = tmp_path / "a"
    package.compile(f"-std={standard}", *STRICT, str(source), "-o", str(made), compiler=compiler)
    assert subprocess.run([made], timeout=60).returncode == 0


def test_each_header_stands_alone(package, tmp_path):
    for header in sorted((package.prefix / "include" / "dragoman").rglob("*.h")):
        source = tmp_path / "one.c"
        source.write_text(f'#include "{header}"\n')
        package.compile("-std=c11", *STRICT, "-fsyntax-only", str(source))


def test_what_is_installed_is_what_the_tree_has(package):
    include = package.prefix / "include" / "dragoman"
    for header in include.rglob("*.h"):
        name = header.relative_to(include)
        ours = ROOT / name if name.parts[0] == "core" else ROOT / "sdk" / "dragoman" / name
        assert header.read_bytes() == ours.read_bytes()


def test_pkg_config(package):
    version = subprocess.run([binary(), "version"], capture_output=True, text=True, timeout=60)
    assert package.pkg_config("--modversion") == [version.stdout.split()[1]]
    include = pathlib.Path(package.pkg_config("--cflags")[0].removeprefix("-I"))
    assert include.samefile(package.prefix / "include")
    folder = pathlib.Path(package.pkg_config("--variable=adaptersdir")[0]).resolve()
    assert package.prefix in folder.parents and folder.name == "dragoman"


def test_an_adapter_needs_libc_alone(package, tmp_path):
    source = shared_objects.HEADER + shared_objects.SOURCE.format(
        before="static void request(struct dm_session *s, const struct dm_request *r) {"
               "    (void)r;"
               "    dm_respond_text(s, dm_number(dm_request_query(s, \"n\")) < 0 ? 400 : 200,"
               "                    \"n\", NULL);"
               "}", members=".request = request,")
    (tmp_path / "a.c").write_text(source)
    made = tmp_path / "a.so"
    package.compile("-std=c11", "-fPIC", "-shared", "-fvisibility=hidden", str(tmp_path / "a.c"),
                    "-o", str(made))
    names = subprocess.run(["nm", "-D", str(made)], capture_output=True, text=True, check=True)
    undefined = [line.split()[-1] for line in names.stdout.splitlines() if " U " in line]
    defined = [line.split()[-1] for line in names.stdout.splitlines() if " U " not in line
               and " w " not in line]
    assert undefined and not [name for name in undefined if not LIBC.fullmatch(name)]
    assert defined == ["dragoman_adapter"]


BUILT_IN = sorted(path.parent.name for path in (ROOT / "adapters").glob("*/adapter.c"))


@pytest.mark.parametrize("name", BUILT_IN)
def test_each_built_in_adapter_can_be_a_strangers(package, tmp_path, name):
    """It builds as a shared object from its own folder and the package, and is as good as there."""
    shutil.copytree(ROOT / "adapters" / name, tmp_path / "adapters" / name)
    made = tmp_path / f"{name}.so"
    sources = map(str, sorted((tmp_path / "adapters" / name).glob("*.c")))
    package.compile("-std=c11", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared",
                    "-fvisibility=hidden", "-I", str(tmp_path), *sources, "-o", str(made))
    done = subprocess.run([package.program, "adapter", "check", str(made)], capture_output=True,
                          text=True, timeout=60)
    assert done.returncode == 0 and done.stdout.endswith(f"{made} is good\n"), done.stdout
    libraries = re.findall(r"ok   symbols   of (.*)", done.stdout)
    assert libraries == ["libc.so.6"]


CPP = """
#include <dragoman/adapter.h>

static const char *frame(struct dm_session *session, const struct dm_frame *frame) {
    struct dm_out *out = dm_out(session);
    dm_put_raw(out, frame->data);
    dm_put_raw(out, DM_SLICE("!"));
    dm_frame_end(out, frame->kind, "echo");
    return "echo";
}

static const struct dm_route routes[] = {
    { .transport = DM_WEBSOCKET, .path = "/", .auth = DM_AUTH_NONE, .id = 1 },
};

DM_ADAPTER_DEFINE = {
    .size = sizeof(struct dm_adapter),
    .abi_major = DM_ABI_MAJOR,
    .abi_minor = DM_ABI_MINOR,
    .name = "cpp",
    .title = "In another language",
    .version = "1",
    .flags = DM_ADAPTER_ANONYMOUS,
    .routes = DM_TABLE(routes),
    .frame = frame,
};
"""


def test_an_adapter_in_cpp(package, tmp_path):
    (tmp_path / "a.cc").write_text(CPP)
    made = tmp_path / "a.so"
    package.compile("-std=c++20", "-Wall", "-Wextra", "-Werror",
                    "-Wno-missing-field-initializers", "-fPIC", "-shared", "-fvisibility=hidden",
                    str(tmp_path / "a.cc"), "-o", str(made), compiler="c++")
    done = subprocess.run([package.program, "adapter", "check", str(made)], capture_output=True,
                          text=True, timeout=60)
    assert done.returncode == 0, done.stdout
