"""The description of the image and of what stands around it, as far as that can be told without an
engine: everything it names is there, and the gateway takes the settings."""

import os
import pathlib
import re
import subprocess

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
PLACE = ROOT / "deploy/container"
BINARY = os.environ.get("DRAGOMAN") or str(ROOT / "build-test/core/server/dragoman")


def instructions():
    text = re.sub(r"\\\n", " ", (PLACE / "Containerfile").read_text())
    return [line.split(None, 1) for line in text.splitlines()
            if line.strip() and not line.startswith("#")]


def compose():
    return yaml.safe_load((PLACE / "compose.yaml").read_text())


def check_config(settings):
    return subprocess.run([BINARY, "check-config"], env={**os.environ, **settings}, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def test_what_the_image_copies_is_in_the_tree():
    sources = [word for name, rest in instructions() if name == "COPY" and "--from" not in rest
               for word in rest.split()[:-1]]
    assert len(sources) > 5
    assert [source for source in sources if not (ROOT / source).exists()] == []


def test_all_that_the_build_enters_is_copied():
    copied = {word.split("/")[0] for name, rest in instructions() if name == "COPY"
              for word in rest.split()[:-1]}
    entered = set(re.findall(r"^subdir\('(\w+)", (ROOT / "meson.build").read_text(), re.M))
    assert entered and entered <= copied


def test_the_image_runs_as_nobody_in_particular_with_good_settings():
    users = [rest for name, rest in instructions() if name == "USER"]
    assert users == ["dragoman"]
    settings = dict(pair.split("=", 1) for name, rest in instructions() if name == "ENV"
                    for pair in rest.split())
    done = check_config(settings)
    assert done.returncode == 0 and "0.0.0.0:8080" in done.stdout


def test_the_services_around_it():
    services = compose()["services"]
    settings = {key: value for key, value in services["gateway"]["environment"].items()
                if key.startswith("DRAGOMAN_")}
    assert check_config(settings).returncode == 0
    assert check_config({**settings, "DRAGOMAN_NONSENSE": "1"}).returncode == 78
    mounts = [volume.split(":")[0] for service in services.values()
              for volume in service["volumes"] if volume.startswith(".")]
    mounts.remove("./tls")
    assert [path for path in mounts if not (PLACE / path).exists()] == []
    assert (PLACE / services["gateway"]["build"]["context"]).resolve() == ROOT
