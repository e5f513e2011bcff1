"""nginx of this machine with deploy/nginx.conf, in a folder and on ports of our own."""

import os
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from support.serving import ROOT

KEPT = ROOT / "deploy" / "nginx.conf"
_MAIN = """
pid {folder}/nginx.pid;
error_log {folder}/error.log info;
worker_processes 1;
daemon off;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    keepalive_requests 10000000; # a client of a measurement stays connected
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/zoetrope.conf;
}}
"""


def program() -> str | None:
    """Where nginx is; Debian puts it where users do not look."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")


def configured(folder: Path, port: int, services: Sequence[int]) -> Path:
    """The kept configuration with these ports and a cache in this folder, and the file that includes it.

    Args:
        port: of this machine, where nginx listens.
        services: the two ports of the services.
    """
    text = KEPT.read_text()
    replaced = {"listen 80;": f"listen 127.0.0.1:{port};", "/var/cache/nginx/zoetrope": f"{folder}/cache"}
    replaced |= {f"127.0.0.1:{3001 + at} ": f"127.0.0.1:{one} " for at, one in enumerate(services)}
    for found, put in replaced.items():
        assert text.count(found) == 1, found
        text = text.replace(found, put)
    (folder / "zoetrope.conf").write_text(text)
    whole = folder / "nginx.conf"
    # As root nginx would give its workers to a user who may not enter a test's folder.
    user = "user root;\n" if os.getuid() == 0 else ""
    whole.write_text(user + _MAIN.format(folder=folder))
    return whole


@contextmanager
def running(folder: Path, port: int, services: Sequence[int]) -> Iterator[int]:
    """nginx in front of these services within the block; yields the id of its process."""
    whole = configured(folder, port, services)
    process = subprocess.Popen([str(program()), "-p", folder, "-c", whole], stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        end = time.monotonic() + 30
        while not _answers(url):
            assert process.poll() is None, (folder / "error.log").read_text()
            assert time.monotonic() < end, "nginx does not listen"
            time.sleep(0.05)
        yield process.pid
    finally:
        process.terminate()
        process.wait(30)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/livez", timeout=5):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
