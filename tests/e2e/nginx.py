"""Debian's nginx with the very files of deploy/nginx; only what an operator edits is the tests'.

    with Nginx(folder, gateway, certificate=(chain, key)) as proxy:
        with proxy.front("chat.example") as url: ...   # a plain door to https://chat.example
"""

import shutil
import socket
import subprocess
import time

from gateway import ROOT
from tls_front import TlsFront

FILES = ROOT / "deploy/nginx"

CONF = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/start.log;
worker_processes 2;
events {{ worker_connections 4096; }}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include conf.d/*.conf;
    include sites-enabled/*;
}}
"""


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return sock.getsockname()[1]


class Nginx:
    """sites: which of deploy/nginx/sites-available. listen: further words of the listen directive.
    edit: {file below the folder: [(old, new), ...]}, for what an operator may change."""

    def __init__(self, folder, upstream, certificate,
                 sites=("dragoman-paths.conf", "dragoman-hosts.conf"), listen="", more="",
                 edit=None):
        self.folder, self.host, self.port = folder, "127.0.0.1", free_port()
        for name in ("conf.d", "dragoman", "sites-available"):
            shutil.copytree(FILES / name, folder / name)
        (folder / "sites-enabled").mkdir()
        for site in sites:
            (folder / "sites-enabled" / site).symlink_to(f"../sites-available/{site}")
        local = folder / "dragoman/local"
        (local / "upstream.conf").write_text(upstream)
        (local / "listen.conf").write_text(
            f"listen 127.0.0.1:{self.port} ssl {listen}; {more}\n")
        (local / "certificate.conf").write_text(
            "ssl_certificate {}; ssl_certificate_key {};\n".format(*certificate))
        log = (local / "log.conf").read_text().replace("/var/log/nginx", str(folder))
        (local / "log.conf").write_text(log)
        for name, changes in (edit or {}).items():
            text = (folder / name).read_text()
            for old, new in changes:
                assert old in text, (name, old)
                text = text.replace(old, new)
            (folder / name).write_text(text)
        (folder / "nginx.conf").write_text(CONF.format(folder=folder))
        self.process = None

    def __enter__(self):
        self.process = subprocess.Popen(
            ["nginx", "-p", self.folder, "-c", self.folder / "nginx.conf", "-e",
             self.folder / "start.log"], stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + 30
        while True:
            assert self.process.poll() is None, (self.folder / "start.log").read_text()
            try:
                socket.create_connection((self.host, self.port)).close()
                return self
            except OSError:
                assert time.monotonic() < deadline, "nginx does not listen"
                time.sleep(0.05)

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def front(self, name, prefix=None, source=None):
        """A plain door to that host name; prefix: what is taken off the front of paths."""
        return TlsFront(self.host, self.port, name=name, host=name, prefix=prefix, source=source)

    @property
    def access_log(self):
        return (self.folder / "dragoman.access.log").read_text()

    @property
    def error_log(self):
        return (self.folder / "dragoman.error.log").read_text()
