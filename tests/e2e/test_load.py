"""The load generator against a real gateway: nothing refused, lost, repeated or out of order."""

import json
import subprocess
import uuid

import pytest

from gateway import ROOT, Gateway
from tokens import hs256, lifetime

SECRET = "a secret of the load generator's, long enough"
SOCKETS = 40


def generator():
    found = [path for name in ("build-test", "build-valgrind", "build-bench")
             for path in [ROOT / name / "tests/bench/load/load"] if path.exists()]
    if not found:
        pytest.skip("the load generator is not built (meson's option tests)")
    return str(found[0])


@pytest.fixture(scope="module")
def crowd(tmp_path_factory):
    """A gateway and a file of users whom their tokens make known to it."""
    path = tmp_path_factory.mktemp("load") / "users"
    with open(path, "w", encoding="ascii") as file:
        for number in range(SOCKETS):
            own = uuid.uuid4()
            file.write(f"{own} " + hs256({"sub": str(own), "preferred_username": f"load{number}",
                                          **lifetime()}, SECRET) + "\n")
    config = {"auth": {"issuers": [{"name": "load", "algorithm": "HS256", "secret": SECRET,
                                    "provision": True}]}}
    with Gateway(config=config, settings={"limits.rate": 0}) as gw:
        yield gw, path


@pytest.mark.parametrize("mode", [
    ["--window", "1"], ["--window", "16"], ["--window", "8", "--bytes", "20000"],
    ["--mode", "rate", "--rate", "300"],
], ids=" ".join)
def test_load(crowd, mode):
    gw, users = crowd
    before = int(gw.psql("select count(*) from messages")[0][0])
    done = subprocess.run([generator(), "--users", str(users), "--port", str(gw.port), "--sockets",
                           str(SOCKETS), "--seconds", "2", "--warmup", "0.5", *mode],
                          stdout=subprocess.PIPE, check=False, timeout=300)
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["errors"] == {"refused": 0, "closed": 0, "strange": 0, "overrun": 0}, result
    assert (result["unfinished"], result["reordered"]) == (0, 0), result
    assert done.returncode == 0
    assert 0 < result["messages"] <= result["total"]
    assert int(gw.psql("select count(*) from messages")[0][0]) - before == result["total"]
    holes = gw.psql("select thread_id from messages group by thread_id "
                    "having min(seq) <> 1 or max(seq) <> count(*)")
    assert not holes
