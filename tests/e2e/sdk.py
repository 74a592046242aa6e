"""The installed package, as strangers have it: a temporary prefix, and nothing of the tree."""

import atexit
import functools
import os
import pathlib
import shutil
import subprocess
import tempfile

from gateway import binary


def _build_dir():
    """The build that the program under test comes from: $TESTS_BUILD, or where it lies."""
    told = os.environ.get("TESTS_BUILD")
    return pathlib.Path(told) if told else pathlib.Path(binary()).resolve().parents[2]


class Sdk:
    """A prefix with the program and the SDK in it."""

    def __init__(self, folder):
        subprocess.run(["meson", "install", "-C", str(_build_dir()), "--no-rebuild", "--quiet",
                        "--destdir", str(folder)], check=True, timeout=300,
                       stdout=subprocess.DEVNULL)
        self.prefix = next(folder.glob("**/include/dragoman")).parents[1]
        self.program = self.prefix / "bin" / "dragoman"
        found = next(self.prefix.glob("**/dragoman-adapter.pc"))
        self.environment = {**os.environ, "PKG_CONFIG_PATH": str(found.parent),
                            "PATH": f"{self.program.parent}:{os.environ['PATH']}"}

    def pkg_config(self, *words):
        done = subprocess.run(["pkg-config", *words, "dragoman-adapter"], env=self.environment,
                              capture_output=True, text=True, check=True, timeout=60)
        return done.stdout.split()

    def compile(self, *words, compiler="cc"):
        """Runs the compiler with the package's flags."""
        subprocess.run([compiler, *words, *self.pkg_config("--cflags", "--libs")], check=True,
                       timeout=120)

    def meson(self, source, build):
        """Builds a folder of its own meson.build; returns the shared object."""
        for command in (["meson", "setup", str(build), str(source), "--fatal-meson-warnings",
                         "-Dwerror=true"], ["meson", "compile", "-C", str(build)]):
            done = subprocess.run(command, env=self.environment, capture_output=True, text=True,
                                  timeout=300)
            assert done.returncode == 0, done.stdout + done.stderr
        return next(pathlib.Path(build).glob("*.so"))


@functools.cache
def installed():
    """One for the whole run."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="dragoman-sdk-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Sdk(folder)
