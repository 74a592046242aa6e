"""Who is let in: the gateway's own tokens to the second, and those of other issuers."""

import base64
import json
import time
import uuid

import pytest

from gateway import Gateway, unique
from opcode_client import PROPERTIES, Opcode, rest
from tokens import KeyPair, b64, hs256, lifetime, unsigned

SECRET = "a shared secret of the school's, long enough"
REFUSED = ([9], 1005)


def outcome(gw, token):
    """READY's d, or how the socket ended."""
    with Opcode(gw) as client:
        client.put(2, {"token": token, "properties": PROPERTIES})
        frame = client.recv_json()
        if frame["o"] == 0:
            return frame["d"]
        return [frame["o"]], client.outcome()[1]


def enters(gw, token, user):
    ready = outcome(gw, token)
    assert isinstance(ready, dict), ready
    assert rest(gw, "GET", "/thread", token)[0] == 200
    return ready["id"] == user["uuid"]


def is_refused(gw, token):
    assert outcome(gw, token) == REFUSED
    status, answer = rest(gw, "GET", "/thread", token)
    assert status == 401
    assert answer["message"] in ("invalid_token", "token_expired")
    return True


# ---- own tokens ------------------------------------------------------------------------------

def test_token_of_a_second_is_dead_two_seconds_later(gateway):
    user = gateway.add_user()
    token = gateway.token(user, ttl=1)
    time.sleep(2)
    assert outcome(gateway, token) == REFUSED
    assert rest(gateway, "GET", "/thread", token) == (401, {"message": "token_expired"})


def test_live_socket_outlives_its_token(gateway):
    user, other = gateway.add_user(), gateway.add_user()
    token = gateway.token(user, ttl=6)
    with Opcode(gateway, token) as client:
        time.sleep(7)
        assert client.say(other, "still here")
    assert is_refused(gateway, token)


def test_leeway(make_gateway):
    gw = make_gateway(settings={"auth.leeway": 60})
    user = gw.add_user()
    token = gw.token(user, ttl=1)
    time.sleep(2)
    assert enters(gw, token, user)


def parts_of(token):
    head, payload, signature = token.split(".")

    def decode(part):
        return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return decode(head), decode(payload), signature


def test_changed_own_tokens(gateway):
    user, other = gateway.add_user(), gateway.add_user()
    token = gateway.token(user)
    head, claims, signature = parts_of(token)
    assert head["alg"] == "HS256"
    first, second, third = token.split(".")
    stolen = b64(json.dumps({**claims, "sub": other["uuid"], "user_id": other["uuid"]}).encode())
    flipped = ("A" if third[0] != "A" else "B") + third[1:]
    for wrong in (f"{first}.{stolen}.{third}", f"{first}.{second}.{flipped}",
                  f"{first}.{second}.", f"{first}.{second}", f"{first}.{second}.{third}.x",
                  f"{first}.{second}.{third}=", f" {token}", token + "x", token[:-1], "", ".", "..",
                  "a.b.c", "x" * 20000, unsigned(claims), unsigned(claims, "None"),
                  unsigned(claims, "HS256"), unsigned({**claims, "exp": 1 << 40}, "nOnE"),
                  hs256(claims, ""), hs256(claims, "secret"), hs256(claims, b"\0" * 32)):
        assert outcome(gateway, wrong) == REFUSED, wrong
    assert enters(gateway, token, user)


def test_own_key_is_only_for_its_own_algorithm(gateway):
    user = gateway.add_user()
    _, claims, _ = parts_of(gateway.token(user))
    key = (gateway.state / "token.key").read_bytes()
    good = hs256({**claims, "jti": unique("jti")}, key)
    assert enters(gateway, good, user)
    for header in ({"alg": "HS512"}, {"alg": "RS256"}, {"alg": "hs256"}, {"typ": "JWT"},
                   {"alg": ["HS256"]}, {"alg": None}, {"alg": "HS256", "crit": ["exp"]},
                   {"alg": "HS256", "b64": False, "crit": ["b64"]}):
        assert is_refused(gateway, hs256(claims, key, header)), header
    for wrong in ({"exp": None}, {"exp": "never"}, {"exp": -1}, {"exp": 0}, {"exp": True},
                  {"token_type": "refresh"}, {"token_type": None}, {"sub": str(uuid.uuid4())},
                  {"sub": None}, {"nbf": int(time.time()) + 600}, {"iat": int(time.time()) + 600}):
        assert is_refused(gateway, hs256({**claims, **wrong}, key)), wrong


def test_refresh_token_is_no_access_token(gateway):
    user = gateway.add_user(password="a password")
    status, answer = rest(gateway, "POST", "/oauth/token", body={
        "grant_type": "password", "username": user["username"], "password": "a password"})
    assert status == 200
    assert enters(gateway, answer["access_token"], user)
    assert is_refused(gateway, answer["refresh_token"])
    status, again = rest(gateway, "POST", "/oauth/token", body={
        "grant_type": "refresh_token", "refresh_token": answer["refresh_token"]})
    assert status == 200 and enters(gateway, again["access_token"], user)
    status, _ = rest(gateway, "POST", "/oauth/token", body={
        "grant_type": "refresh_token", "refresh_token": answer["access_token"]})
    assert status == 400


# ---- other issuers ---------------------------------------------------------------------------

class School:
    """A gateway with issuers of every kind, and their keys."""

    def __init__(self, folder):
        self.folder = folder
        self.rs, self.es = KeyPair(folder, "RS256", "rs"), KeyPair(folder, "ES256", "es")
        self.set_keys = [KeyPair(folder, "RS256", "set0"), KeyPair(folder, "ES256", "set1")]
        self.jwks = folder / "keys.json"
        self.write_set(*self.set_keys)
        (folder / "secret").write_text(SECRET + " in a file\n")
        self.gw = Gateway(config={"auth": {"issuers": [
            {"name": "hs", "algorithm": "HS256", "secret": SECRET, "issuer": "hs"},
            {"name": "file", "algorithm": "HS256", "secret_file": str(folder / "secret"),
             "issuer": "file", "names": "username", "claim": "name"},
            {"name": "rs", "algorithm": "RS256", "public_key_file": str(self.rs.public),
             "issuer": "rs", "audience": "chat", "names": "id", "claim": "uid"},
            {"name": "es", "algorithm": "ES256", "public_key_file": str(self.es.public),
             "issuer": "es", "names": "email", "claim": "email"},
            {"name": "set", "algorithm": "RS256", "jwks_file": str(self.jwks), "issuer": "set"},
            {"name": "set-es", "algorithm": "ES256", "jwks_file": str(self.jwks),
             "issuer": "set-es"},
            {"name": "elsewhere", "algorithm": "HS256", "secret": SECRET + " elsewhere",
             "issuer": "elsewhere", "adapters": ["saletick"]},
            {"name": "here", "algorithm": "HS256", "secret": SECRET + " here", "issuer": "here",
             "adapters": ["saletick", "opcode"]},
            {"name": "maker", "algorithm": "HS256", "secret": SECRET + " maker",
             "issuer": "maker", "provision": True},
            {"name": "name-maker", "algorithm": "HS256", "secret": SECRET + " name-maker",
             "issuer": "name-maker", "provision": True, "names": "username",
             "claim": "preferred_username"},
            {"name": "for-ever", "algorithm": "HS256", "secret": SECRET + " for-ever",
             "issuer": "for-ever", "require_exp": False},
        ]}})

    def write_set(self, *keys):
        text = json.dumps({"keys": [key.jwk() for key in keys]})
        new = self.folder / "keys.new"
        new.write_text(text)
        new.rename(self.jwks)

    def claims(self, iss, user=None, /, **more):
        claims = {**lifetime(), **({"sub": user["uuid"]} if user else {}), "iss": iss, **more}
        return {name: value for name, value in claims.items() if value is not None}


@pytest.fixture(scope="module")
def school(tmp_path_factory):
    one = School(tmp_path_factory.mktemp("school"))
    try:
        one.gw.start()
        yield one
    finally:
        one.gw.close()


@pytest.fixture(scope="module")
def user(school):
    return school.gw.add_user(email=unique() + "@example.org")


def test_every_kind_of_issuer_lets_its_users_in(school, user):
    gw = school.gw
    for token in (
            hs256(school.claims("hs", user), SECRET),
            hs256(school.claims("file", name=user["username"]), SECRET + " in a file"),
            school.rs.sign(school.claims("rs", uid=user["id"], aud="chat")),
            school.rs.sign(school.claims("rs", uid=str(user["id"]), aud=["other", "chat"])),
            school.es.sign(school.claims("es", email=user["email"])),
            school.es.sign(school.claims("es", email=user["email"], email_verified=True)),
            school.set_keys[0].sign(school.claims("set", user)),
            school.set_keys[0].sign(school.claims("set", user), {"kid": None}),
            school.set_keys[1].sign(school.claims("set-es", user)),
            hs256(school.claims("here", user), SECRET + " here"),
            hs256(school.claims("for-ever", user, exp=None), SECRET + " for-ever"),
            gw.token(user)):
        assert enters(gw, token, user), parts_of(token)


def test_adapters_that_an_issuer_is_not_for(school, user):
    assert is_refused(school.gw, hs256(school.claims("elsewhere", user), SECRET + " elsewhere"))


def test_confused_algorithms(school, user):
    """A public key is no secret, "none" no signature, and each issuer has one algorithm."""
    gw = school.gw
    for pair, iss, extra in ((school.rs, "rs", {"uid": user["id"], "aud": "chat"}),
                             (school.es, "es", {"email": user["email"]}),
                             (school.set_keys[0], "set", {})):
        claims = school.claims(iss, user, **extra)
        pem = pair.public.read_bytes()
        for secret in (pem, pem.strip(), pem + b"\n", b""):
            assert is_refused(gw, hs256(claims, secret))
            assert is_refused(gw, hs256(claims, secret, {"alg": "HS256", "kid": pair.kid}))
            assert is_refused(gw, hs256(claims, secret, {"alg": pair.algorithm, "kid": pair.kid}))
        for alg in ("none", "None", "NONE", "", pair.algorithm):
            assert is_refused(gw, unsigned(claims, alg))
        for alg in ("HS256", "none", "RS512", "PS256", "ES256" if pair.algorithm == "RS256"
                    else "RS256"):
            assert is_refused(gw, pair.sign(claims, {"alg": alg}))


def test_signatures_by_another_key(school, user, tmp_path):
    gw = school.gw
    stranger_rs, stranger_es = KeyPair(tmp_path, "RS256", "rs"), KeyPair(tmp_path, "ES256", "es")
    assert is_refused(gw, stranger_rs.sign(school.claims("rs", uid=user["id"], aud="chat")))
    assert is_refused(gw, stranger_es.sign(school.claims("es", email=user["email"])))
    # Of the set, under the kid of a key that is there, of one that is not, and bringing its own.
    for header in ({"kid": "set0"}, {"kid": "nobody"}, {"kid": None},
                   {"kid": "set0", "jwk": stranger_rs.jwk()},
                   {"kid": "set0", "jku": "http://127.0.0.1:1/keys"}):
        assert is_refused(gw, stranger_rs.sign(school.claims("set", user), header))
    # An issuer's key signs for that issuer alone.
    assert is_refused(gw, school.rs.sign(school.claims("set", user)))
    assert is_refused(gw, hs256(school.claims("hs", user), SECRET + " here"))
    assert is_refused(gw, hs256(school.claims("nobody", user), SECRET))
    assert is_refused(gw, hs256(school.claims(None, user), SECRET))
    # A signature of zeroes, and one of the wrong length.
    good = school.es.sign(school.claims("es", email=user["email"]))
    stem = good.rsplit(".", 1)[0]
    for forged in (b"\0" * 64, b"\0" * 63, b"\0" * 65, b"", b"\xff" * 64):
        assert is_refused(gw, f"{stem}.{b64(forged)}")


def test_claims_that_forbid(school, user):
    gw = school.gw
    now = int(time.time())
    for change in ({"exp": now - 1}, {"exp": None}, {"exp": "x"}, {"nbf": now + 600},
                   {"iat": now + 600}, {"iss": "HS"}, {"iss": ["hs"]}, {"sub": "not-a-uuid"},
                   {"sub": None}, {"sub": str(uuid.uuid4())}, {"sub": user["username"]},
                   {"token_type": "refresh"}, {"token_type": "id"}, {"aud": "somebody"}):
        assert is_refused(gw, hs256(school.claims("hs", user, **change), SECRET)), change
    for aud in (None, "chats", "", ["other"], []):
        token = school.rs.sign(school.claims("rs", uid=user["id"], aud=aud))
        assert is_refused(gw, token), aud
    for uid in (0, -1, user["id"] + 0.5, f"0{user['id']}", f" {user['id']}", True, 1 << 60, "",
                user["uuid"]):
        assert is_refused(gw, school.rs.sign(school.claims("rs", uid=uid, aud="chat"))), uid
    for change in ({"email_verified": False}, {"email_verified": "false"}, {"email": "@"},
                   {"email": user["username"]}):
        claims = school.claims("es", **{"email": user["email"], **change})
        assert is_refused(gw, school.es.sign(claims)), change


def test_expired_foreign_token_is_called_so(school, user):
    token = hs256(school.claims("hs", user, exp=int(time.time()) - 1), SECRET)
    assert rest(school.gw, "GET", "/thread", token) == (401, {"message": "token_expired"})


def test_foreign_tokens_can_be_revoked(school, user):
    gw = school.gw
    token = school.es.sign(school.claims("es", email=user["email"]))
    with Opcode(gw, token) as client:
        gw.cli("token", "revoke", token)
        assert client.outcome() == REFUSED
    assert is_refused(gw, token)


def test_key_set_is_read_again(school, user, tmp_path):
    gw = school.gw
    fresh = KeyPair(tmp_path, "RS256", "fresh")
    token = fresh.sign(school.claims("set", user))
    assert is_refused(gw, token)
    school.write_set(fresh, school.set_keys[1])
    try:
        deadline = time.monotonic() + 40
        while outcome(gw, token) == REFUSED:
            assert time.monotonic() < deadline, "the new key is not taken up"
            time.sleep(0.5)
        assert is_refused(gw, school.set_keys[0].sign(school.claims("set", user)))
        # A broken file changes nothing.
        school.jwks.write_text("{")
        time.sleep(7)
        assert enters(gw, token, user)
    finally:
        school.write_set(*school.set_keys)


# ---- provisioning ----------------------------------------------------------------------------

def shown(gw, name):
    return json.loads(gw.cli("user", "show", name))


def test_unknown_users_are_made_from_their_claims(school):
    gw = school.gw
    own, name = str(uuid.uuid4()), unique("made")
    claims = school.claims("maker", sub=own, preferred_username=name, email=name + "@example.org",
                           given_name="Ada", family_name="Lövelace", role="tutor",
                           picture="https://example.org/a.png")
    token = hs256(claims, SECRET + " maker")
    ready = outcome(gw, token)
    assert (ready["id"], ready["first_name"], ready["last_name"]) == (own, "Ada", "Lövelace")
    made = shown(gw, own)
    assert {key: made[key] for key in ("username", "email", "role", "photo", "active")} == {
        "username": name, "email": name + "@example.org", "role": "TUTOR",
        "photo": "https://example.org/a.png", "active": True}
    # The second time it is the same one.
    again = hs256({**claims, "jti": unique("jti")}, SECRET + " maker")
    assert enters(gw, again, made)
    assert sum(own in line for line in gw.cli("user", "list").splitlines()) == 1
    assert gw.psql(f"select password_hash, pin_hash from users where uuid = '{own}'") == \
        [(None, None)]


def test_user_is_made_by_name(school):
    gw = school.gw
    name = unique("made")
    token = hs256(school.claims("name-maker", preferred_username=name), SECRET + " name-maker")
    ready = outcome(gw, token)
    assert shown(gw, name)["uuid"] == ready["id"]
    assert ready["first_name"] == name


def test_many_first_logins_at_once_make_one_user(school):
    gw = school.gw
    own = str(uuid.uuid4())
    token = hs256(school.claims("maker", sub=own, preferred_username=unique("made")),
                  SECRET + " maker")
    clients = [Opcode(gw) for _ in range(20)]
    for client in clients:
        client.put(2, {"token": token, "properties": PROPERTIES})
    assert {client.event("READY")["id"] for client in clients} == {own}
    for client in clients:
        client.abort()
    assert sum(own in line for line in gw.cli("user", "list").splitlines()) == 1


def test_nobodys_name_is_taken_over(school, user):
    """Claims that bear another account's name or e-mail do not become that account."""
    gw = school.gw
    for names in ({"preferred_username": user["username"]}, {"preferred_username": user["email"]},
                  {"preferred_username": unique(), "email": user["email"]}):
        own = str(uuid.uuid4())
        ready = outcome(gw, hs256(school.claims("maker", sub=own, **names), SECRET + " maker"))
        assert ready == REFUSED or ready["id"] == own
    kept = shown(gw, user["id"])
    assert (kept["uuid"], kept["username"], kept["email"]) == \
        (user["uuid"], user["username"], user["email"])


def test_issuers_without_provisioning_make_nobody(school):
    gw = school.gw
    own = str(uuid.uuid4())
    assert is_refused(gw, hs256(school.claims("hs", sub=own, preferred_username=unique()), SECRET))
    assert own not in gw.cli("user", "list")


def test_deactivated_users_stay_out_and_are_not_made_again(school):
    gw = school.gw
    own = str(uuid.uuid4())
    claims = school.claims("maker", sub=own, preferred_username=unique("made"))
    with Opcode(gw, hs256(claims, SECRET + " maker")) as client:
        gw.cli("user", "deactivate", own)
        assert client.outcome() == REFUSED
    assert is_refused(gw, hs256({**claims, "jti": unique()}, SECRET + " maker"))


# ---- configuration of issuers ----------------------------------------------------------------

@pytest.mark.parametrize("issuer", [
    {"algorithm": "RS256"}, {"algorithm": "HS256"}, {},
    {"algorithm": "HS256", "secret": ""},
    {"algorithm": "RS256", "secret": SECRET},
    {"algorithm": "RS256", "public_key_file": "/nowhere.pem"},
    {"algorithm": "ES256", "public_key_file": "{rsa}"},
    {"algorithm": "RS256", "public_key_file": "{junk}"},
    {"algorithm": "RS256", "public_key_file": "{private}"},
    {"algorithm": "HS256", "secret_file": "{rsa}"},
    {"algorithm": "RS256", "jwks_file": "{junk}"},
    {"algorithm": "RS256", "jwks_file": "/nowhere.json"},
], ids=lambda issuer: " ".join(f"{k}={v}"[:30] for k, v in issuer.items()))
def test_bad_issuers_are_refused_at_the_start(school, tmp_path, issuer):
    junk = tmp_path / "junk"
    junk.write_text("junk")
    places = {"{rsa}": str(school.rs.public), "{junk}": str(junk),
              "{private}": str(school.rs.private)}
    gw = Gateway(config={"auth": {"issuers": [
        {"name": "x", **{k: places.get(v, v) for k, v in issuer.items()}}]}})
    try:
        with pytest.raises(Exception, match="exit status 78"):
            gw.start()
    finally:
        gw.close()
