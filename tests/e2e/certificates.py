"""Certificates for tests: `make(folder, "chat.example")` gives the paths of chain and key."""

import subprocess


def make(folder, name):
    chain, key = folder / f"{name}.chain.pem", folder / f"{name}.key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-days", "2", "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}",
         "-keyout", key, "-out", chain], check=True, capture_output=True, timeout=60)
    # The gateway may run as somebody else.
    key.chmod(0o644)
    return chain, key
