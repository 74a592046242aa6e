"""Tokens of other issuers: JSON Web Tokens signed by hand, right ones and wrong ones."""

import base64
import hashlib
import hmac
import json
import pathlib
import subprocess
import time
import uuid


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def encode(header, claims, sign):
    """sign(bytes) -> bytes"""
    text = ".".join(b64(json.dumps(part).encode()) for part in (header, claims))
    return f"{text}.{b64(sign(text.encode()))}"


def hs256(claims, secret, header=None):
    secret = secret.encode() if isinstance(secret, str) else secret
    return encode(header or {"alg": "HS256", "typ": "JWT"}, claims,
                  lambda text: hmac.new(secret, text, hashlib.sha256).digest())


def unsigned(claims, alg="none"):
    return encode({"alg": alg, "typ": "JWT"}, claims, lambda _: b"")


def lifetime(seconds=3600):
    now = int(time.time())
    return {"iat": now, "exp": now + seconds, "jti": str(uuid.uuid4())}


def _openssl(*args, input=None):
    return subprocess.run(["openssl", *args], input=input, check=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout


class KeyPair:
    """An RSA or P-256 key below `folder`, made with the openssl program. public is its PEM."""

    def __init__(self, folder, algorithm, name="key", kid=None):
        self.algorithm, self.kid = algorithm, kid or name
        self.private = pathlib.Path(folder) / f"{name}.pem"
        self.public = pathlib.Path(folder) / f"{name}.pub.pem"
        how = (["RSA", "-pkeyopt", "rsa_keygen_bits:2048"] if algorithm == "RS256"
               else ["EC", "-pkeyopt", "ec_paramgen_curve:P-256"])
        _openssl("genpkey", "-algorithm", *how, "-out", str(self.private))
        _openssl("pkey", "-in", str(self.private), "-pubout", "-out", str(self.public))

    def sign(self, claims, header=None):
        """A token by this key; `header` members come on top of alg, typ and kid, None takes one
        away."""
        full = {"alg": self.algorithm, "typ": "JWT", "kid": self.kid, **(header or {})}
        full = {name: value for name, value in full.items() if value is not None}
        return encode(full, claims, self._signature)

    def _signature(self, text):
        signed = _openssl("dgst", "-sha256", "-sign", str(self.private), input=text)
        if self.algorithm == "RS256":
            return signed
        r, s = _der_integers(signed)
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    def jwk(self):
        """The public half as a JSON Web Key (RFC 7517)."""
        der = _openssl("pkey", "-pubin", "-in", str(self.public), "-outform", "DER")
        if self.algorithm == "ES256":
            return {"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": self.kid,
                    "x": b64(der[-64:-32]), "y": b64(der[-32:])}
        modulus = _openssl("rsa", "-pubin", "-in", str(self.public), "-noout", "-modulus")
        n = int(modulus.decode().partition("=")[2], 16)
        return {"kty": "RSA", "alg": "RS256", "use": "sig", "kid": self.kid,
                "n": b64(n.to_bytes((n.bit_length() + 7) // 8, "big")), "e": "AQAB"}


def _der_integers(der):
    """The two INTEGERs of an ECDSA signature; short forms only, which P-256 never exceeds."""
    assert der[0] == 0x30 and der[1] < 0x80
    values, at = [], 2
    while at < len(der):
        assert der[at] == 2
        size = der[at + 1]
        values.append(int.from_bytes(der[at + 2:at + 2 + size], "big"))
        at += 2 + size
    r, s = values
    return r, s
