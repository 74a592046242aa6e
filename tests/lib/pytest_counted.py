"""Runs pytest and ends with the line `#count PASSED FAILED SKIPPED`.

    pytest_counted.py JUNIT_XML JOBS FILE...

So many files run at a time; the tests of one file run one after the other.
"""

import sys
import xml.etree.ElementTree

import pytest


def main(report, jobs, *files):
    spread = ["-n", jobs, "--dist", "loadfile"] if int(jobs) > 1 else []
    status = pytest.main(["-q", "-p", "no:cacheprovider", "--durations=5", "--tb=short", *spread,
                          f"--junitxml={report}", *files])
    cases = failed = skipped = 0
    for suite in xml.etree.ElementTree.parse(report).getroot().iter("testsuite"):
        cases += int(suite.get("tests"))
        failed += int(suite.get("failures")) + int(suite.get("errors"))
        skipped += int(suite.get("skipped"))
    # A fixture that fails after its test has passed counts twice in `tests`.
    print(f"#count {max(cases - failed - skipped, 0)} {failed} {skipped}")
    return int(status)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
