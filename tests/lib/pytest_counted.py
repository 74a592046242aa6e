"""Runs pytest and ends with the line `#count PASSED FAILED SKIPPED`.

    pytest_counted.py [--second-look] JUNIT_XML JOBS FILE...

So many files run at a time, and the tests of one file one after the other; where there is but one
file, so many of its tests. With --second-look a
test that fails is run once more with nothing beside it. If it passes then it counts as passed and
is named in a line `UNSTEADY`: a finding about the test or about a race, to be looked into, that
says nothing against the change at hand. What failed in the end is named in a line `FAIL`.
"""

import subprocess
import sys
import xml.etree.ElementTree

import pytest

# More failures than this are no matter of a busy machine.
SECOND_LOOKS = 8


class Failures:
    """The tests that failed, by what names them on pytest's command line."""

    def __init__(self):
        self.names = []

    def pytest_runtest_logreport(self, report):
        if report.failed and report.nodeid not in self.names:
            self.names.append(report.nodeid)


def passes_alone(name):
    done = subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider",
                           "--tb=short", name], stdin=subprocess.DEVNULL, check=False)
    return done.returncode == 0


def main(*words):
    second_look = words[0] == "--second-look"
    report, jobs, *files = words[1:] if second_look else words
    by = "loadfile" if len(files) > 1 else "load"
    spread = ["-n", jobs, "--dist", by] if int(jobs) > 1 else []
    failures = Failures()
    status = pytest.main(["-q", "-p", "no:cacheprovider", "--durations=5", "--tb=short", *spread,
                          f"--junitxml={report}", *files], plugins=[failures])
    cases = failed = skipped = 0
    for suite in xml.etree.ElementTree.parse(report).getroot().iter("testsuite"):
        cases += int(suite.get("tests"))
        failed += int(suite.get("failures")) + int(suite.get("errors"))
        skipped += int(suite.get("skipped"))
    # What failed outside of a test has no name to be run again by.
    if second_look and status == pytest.ExitCode.TESTS_FAILED \
            and failed == len(failures.names) <= SECOND_LOOKS:
        unsteady = [name for name in failures.names if passes_alone(name)]
        for name in unsteady:
            print(f"UNSTEADY {name}: it failed beside others and passed alone")
            failures.names.remove(name)
        failed -= len(unsteady)
        status = status if failed else 0
    for name in failures.names:
        print(f"FAIL {name}")
    # A fixture that fails after its test has passed counts twice in `tests`.
    print(f"#count {max(cases - failed - skipped, 0)} {failed} {skipped}")
    return int(status)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
