"""Plays the transcripts of proto-docs/ against a real gateway.

A transcript that needs settings of its own gets a gateway with them (shared by those that need
the same); all others share the one of the test session. Users are fresh for each play."""

import functools
import json
import subprocess
import time

import pytest

from gateway import ROOT, SANITIZER_MARKS, Gateway, binary, unique

FILES = sorted((ROOT / "proto-docs").glob("*/transcripts/*.txt"))
PLAY_TIMEOUT = 300


@functools.lru_cache(maxsize=None)
def header(path):
    """Title, users, vars and settings of a transcript, as the program itself reads them."""
    done = subprocess.run([binary(), "replay", str(path), "--header"], capture_output=True,
                          text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def gateway_for(gateway):
    """gateway_for(settings) → a running gateway with them."""
    made = {}

    def find(settings):
        key = tuple(sorted(settings.items()))
        if not key:
            return gateway
        if key not in made:
            made[key] = Gateway(settings=settings).start()
        return made[key]

    yield find
    for one in made.values():
        one.close()


def make_user(running, fields, text):
    """One user as a transcript's header wants it, its name and e-mail made unique. Tokens that
    no longer open the door are made where the text names them."""
    fields = dict(fields)
    name = unique(fields.pop("username", "user"))
    if "email" in fields:
        fields["email"] = f"{name}@{fields['email'].rpartition('@')[2]}"
    user = running.add_user(username=name, **fields)
    tokens = {"token": running.token(user)}
    if "expired_token" in text:
        tokens["expired_token"] = running.token(user, ttl=1)
    if "revoked_token" in text:
        tokens["revoked_token"] = running.token(user)
        running.cli("token", "revoke", tokens["revoked_token"])
    return {**user, **tokens}


def play(running, path, tmp_path, *options, target=None):
    text = path.read_text()
    users = {name: make_user(running, fields, text)
             for name, fields in header(path)["users"].items()}
    if "expired_token" in text:
        time.sleep(2.1)  # a token of one second is dead two seconds later
    users_file = tmp_path / "users.json"
    users_file.write_text(json.dumps(users))
    done = subprocess.run(
        [binary(), "replay", str(path), "--target", target or running.url, "--users-from", str(users_file),
         "--timeout", "30", *options],
        capture_output=True, text=True, timeout=PLAY_TIMEOUT, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    for mark in SANITIZER_MARKS:
        assert mark not in done.stderr, done.stderr
    running.check_log()


def name_of(path):
    return f"{path.parent.parent.name}/{path.stem}"


def test_there_are_transcripts():
    assert FILES


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_transcript(path, gateway_for, tmp_path):
    play(gateway_for(header(path)["settings"]), path, tmp_path)


@pytest.mark.parametrize("path", [p for p in FILES if p.stem == "happy-path"], ids=name_of)
def test_transcript_in_single_bytes(path, gateway_for, tmp_path):
    play(gateway_for(header(path)["settings"]), path, tmp_path, "--cut", "1")
