"""Runs the unit tests of a build directory: unit.py [--jobs N] [--wrapper COMMAND] BUILD_DIR

A Criterion program counts as many tests as it ran, any other program is one test by its exit
status. One that fails is run once more with nothing beside it; if it passes then, a line `UNSTEADY`
names it. The last line is `#count PASSED FAILED SKIPPED`.
"""

import argparse
import concurrent.futures
import json
import os
import re
import shlex
import subprocess
import sys

SYNTHESIS = re.compile(r"Synthesis: Tested: (\d+) \| Passing: (\d+) \| Failing: (\d+)"
                       r" \| Crashing: (\d+)")
COLOR = re.compile(r"\x1b\[[0-9;]*m")
TIMEOUT = 600


def run(test, wrapper):
    """Returns (name, passed, failed, output)."""
    environment = {**os.environ, **test["env"]}
    try:
        done = subprocess.run([*wrapper, *test["cmd"]], cwd=test["workdir"], env=environment,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=TIMEOUT, check=False)
        output, status = done.stdout.decode(errors="replace"), done.returncode
    except subprocess.TimeoutExpired as late:
        output = (late.stdout or b"").decode(errors="replace") + f"\nno end in {TIMEOUT} s\n"
        status = 1
    passed, failed = (1, 0) if status == 0 else (0, 1)
    synthesis = SYNTHESIS.search(COLOR.sub("", output))
    if synthesis:
        tested, passed = int(synthesis[1]), int(synthesis[2])
        failed = tested - passed
        # It ran nothing, or something outside the tests went wrong.
        if not failed and (status != 0 or tested == 0):
            failed = 1
    return test["name"], passed, failed, output


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--wrapper", default="")
    parser.add_argument("build")
    options = parser.parse_args()

    listed = subprocess.run(["meson", "introspect", "--tests", options.build], check=True,
                            stdout=subprocess.PIPE)
    tests = json.loads(listed.stdout)
    wrapper = shlex.split(options.wrapper)
    passed = failed = 0
    late = []
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for test, (name, good, bad, output) in zip(
                tests, pool.map(lambda test: run(test, wrapper), tests)):
            print(f"{'failed' if bad else 'ok'} {name} ({good} of {good + bad})")
            if bad:
                print(output)
                late.append(test)
                continue
            passed += good
    for test in late:
        name, good, bad, output = run(test, wrapper)
        print(f"{'FAIL' if bad else 'UNSTEADY'} {name} ({good} of {good + bad})")
        if bad:
            print(output)
        passed += good
        failed += bad
    print(f"#count {passed} {failed} 0")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
