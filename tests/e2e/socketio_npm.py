"""The npm package of the client library, installed when it is wanted."""

import pathlib
import shutil
import subprocess

SOCKETIO = pathlib.Path(__file__).parent / "socketio"


def installed():
    if not (SOCKETIO / "node_modules/socket.io-client").exists():
        assert shutil.which("npm"), "npm is wanted for this test"
        subprocess.run(["npm", "ci", "--no-progress", "--loglevel=error"], cwd=SOCKETIO,
                       check=True, timeout=300, stdin=subprocess.DEVNULL)
