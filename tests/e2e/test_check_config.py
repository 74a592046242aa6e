"""What check-config shows can be taken for a configuration, and what it refuses serve refuses."""

import os
import pathlib
import pwd
import subprocess

import pytest
import yaml

import certificates
from gateway import Gateway, binary

CONFIG = 78
UNPRIVILEGED = int(pathlib.Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text())
SECRET = "not-to-be-shown-0123456789-0123456789"


def run(verb, state, *args):
    return subprocess.run([binary(), verb, "--state", state, *args], capture_output=True, text=True,
                          timeout=60, check=False)


def shown(tmp_path, text):
    path = tmp_path / "dragoman.yaml"
    path.write_text(text)
    done = run("check-config", tmp_path, "--config", path)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_lists_are_shown_as_lists_that_can_be_used_again(tmp_path):
    first = shown(tmp_path, f"""
trusted_proxies: [127.0.0.1, unix]
limits: {{exempt: [10.0.0.0/8]}}
auth:
  issuers:
    - {{name: school, algorithm: HS256, secret: {SECRET}, adapters: [opcode, casamsa]}}
    - {{name: house, algorithm: HS256, secret: {SECRET}, names: id, provision: true}}
adapters: [{{name: opcode, mount: ""}}, {{name: casamsa}}]
""")
    values = yaml.safe_load(first)
    assert values["trusted_proxies"] == ["127.0.0.1", "unix"]
    assert values["limits.exempt"] == ["10.0.0.0/8"]
    assert values["auth.issuers"] == [
        {"name": "school", "algorithm": "HS256", "secret": "***", "adapters": ["opcode", "casamsa"]},
        {"name": "house", "algorithm": "HS256", "secret": "***", "names": "id", "provision": True}]
    assert [(one["name"], one["mount"]) for one in values["adapters"]] \
        == [("opcode", ""), ("casamsa", "/casamsa")]
    assert shown(tmp_path, first) == first


@pytest.mark.parametrize("url", [f"postgresql://ada:{SECRET}@db.example:5433/chat",
                                 f"host=db.example port=5433 user=ada dbname=chat "
                                 f"password='{SECRET}'"])
def test_of_a_connection_string_only_the_password_is_masked(tmp_path, url):
    text = shown(tmp_path, f'database: {{url: "{url}"}}')
    masked = yaml.safe_load(text)["database.url"]
    assert SECRET not in text and "password=***" in masked
    for word in ("host='db.example'", "port='5433'", "user='ada'", "dbname='chat'"):
        assert word in masked


@pytest.mark.parametrize("verb", ["check-config", "serve"])
@pytest.mark.parametrize("url", ["garbage", "mysql://x", f"password=a {SECRET}", "hots=x"])
@pytest.mark.parametrize("key", ["database.url", "database.listen_url"])
def test_a_connection_string_that_is_none_is_refused(tmp_path, verb, key, url):
    done = run(verb, tmp_path, "--set", f"{key}={url}")
    assert done.returncode == CONFIG and f"{key} must be" in done.stderr
    assert SECRET not in done.stderr


@pytest.mark.parametrize("assignment,words", [
    ("limits=5", "limits holds other settings"),
    ("auth.issuers=x", "auth.issuers holds other settings"),
    ("limit=5", "unknown key limit"),
])
def test_a_section_is_no_unknown_key(tmp_path, assignment, words):
    done = run("check-config", tmp_path, "--set", assignment)
    assert done.returncode == CONFIG and words in done.stderr


def test_a_worker_whose_admin_port_is_taken_is_named(tmp_path):
    chain, _ = certificates.make(tmp_path, "chat.example")
    done = run("check-config", tmp_path, "--admin", "127.0.0.1:8440", "--set", "workers=5",
               "--set", "listen_tls=127.0.0.1:8443", "--set", f"tls.certificate={chain}")
    assert done.returncode == CONFIG
    assert "admin of worker 3 would be at port 8443, where listen_tls is already" in done.stderr


def test_a_key_that_is_no_pem_is_called_so(tmp_path):
    chain, _ = certificates.make(tmp_path, "chat.example")
    junk = tmp_path / "junk.pem"
    junk.write_text("no key at all\n")
    done = run("check-config", tmp_path, "--set", f"tls.certificate={chain}", "--set",
               f"tls.key={junk}")
    assert done.returncode == CONFIG and f"{junk}: " in done.stderr
    assert "unsupported" not in done.stderr and "PEM" in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone may bind every port")
@pytest.mark.skipif(UNPRIVILEGED <= 999, reason="everybody may bind every port here")
def test_a_port_that_who_will_serve_may_not_bind_is_told(tmp_path):
    """As root asks about the system service, whose user has no capabilities."""
    gw = Gateway()
    try:
        os.chown(gw.state, pwd.getpwnam("nobody").pw_uid, -1)
        done = run("check-config", gw.state, "--listen", "0.0.0.0:999", "--admin", "127.0.0.1:0")
        assert done.returncode == 0, "a socket of the service manager may be there"
        assert "level=warning" in done.stderr and "dragoman.socket" in done.stderr
        assert "setting=listen address=0.0.0.0:999" in done.stderr
        assert run("check-config", gw.state, "--listen", "0.0.0.0:1999").stderr == ""
    finally:
        gw.close()
    assert run("check-config", tmp_path, "--listen", "0.0.0.0:999").stderr == "", "root may"
