"""A bucket of moto, which speaks S3's protocol on 127.0.0.1; read and written by botocore, so s3fs is not in the way.

moto keeps all in its memory, with conditional writes and the rights that IAM gives. It
has an environment of its own, from the package index.
"""

import json
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from botocore.session import get_session

from support.isolated import environment_of

MOTO = "moto[server]==5.2.5"
KEY, SECRET = "AKIAUNTOLD0000000000", "untold/0000000000000000000000000000000000"
STARTS_WITHIN_S = 60


@dataclass
class Moto:
    """A running server."""

    url: str

    def client(self, service: str = "s3", key: str = KEY, secret: str = SECRET):
        """A client of botocore; its own, so that nothing of s3fs is in the way."""
        return get_session().create_client(
            service,
            region_name="us-east-1",
            endpoint_url=self.url,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
        )

    def require_rights(self, wanted: bool) -> None:
        """Whether requests need the rights that IAM gives; without, moto lets all do everything."""
        free = b"0" if wanted else b"inf"
        plain = {"Content-Type": "text/plain"}
        request = urllib.request.Request(f"{self.url}/moto-api/reset-auth", data=free, headers=plain)
        with urllib.request.urlopen(request) as answer:
            assert answer.status == 200


@dataclass
class Bucket:
    """A bucket of a test, read and written by botocore."""

    moto: Moto
    name: str

    def __post_init__(self) -> None:
        self.client = self.moto.client()
        self.client.create_bucket(Bucket=self.name)

    @property
    def out(self) -> str:
        """Where data sets of this test go."""
        return f"s3://{self.name}/sets/digits"

    def names(self) -> list[str]:
        """Of all objects, below the prefix."""
        listed = self.client.list_objects_v2(Bucket=self.name).get("Contents", [])
        return [one["Key"].removeprefix("sets/digits/") for one in listed]

    def head(self, name: str) -> dict:
        """What is known of an object."""
        return self.client.head_object(Bucket=self.name, Key=f"sets/digits/{name}")

    def read(self, name: str) -> bytes:
        """All of an object."""
        return self.client.get_object(Bucket=self.name, Key=f"sets/digits/{name}")["Body"].read()

    def write(self, name: str, data: bytes, **more: object) -> None:
        """Put an object, over an older one."""
        self.client.put_object(Bucket=self.name, Key=f"sets/digits/{name}", Body=data, **more)

    def delete(self, name: str) -> None:
        """Remove an object."""
        self.client.delete_object(Bucket=self.name, Key=f"sets/digits/{name}")

    def shards(self) -> list[str]:
        """Names of all shards."""
        return [key for key in self.names() if key.startswith("data/")]

    def manifest(self) -> dict:
        """The content of manifest.json."""
        return json.loads(self.read("manifest.json"))


@contextmanager
def serving_moto(folder: Path) -> Iterator[Moto]:
    """A server, with its environment and its log in a folder."""
    python, port = environment_of(folder, MOTO), free_port()
    with (folder / "log").open("wb") as log:
        command = [str(python), "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        began_s = time.monotonic()
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                assert process.poll() is None, (folder / "log").read_text()[-2000:]
                assert time.monotonic() - began_s < STARTS_WITHIN_S
                time.sleep(0.1)
        yield Moto(f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        process.wait()


def free_port() -> int:
    """A port of this machine that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Gate:
    """A port that leads to another one, until it is closed."""

    def __init__(self, to: int) -> None:
        self._to, self._open, self._lock = to, [], threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Refuse every connection from now on, and end those there are."""
        with self._lock:
            for one in (self._listener, *self._open):
                with suppress(OSError):  # of those that ended before
                    one.shutdown(socket.SHUT_RDWR)
                one.close()
            self._open = []

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._to))
            with self._lock:
                self._open += [client, server]
            for one, other in ((client, server), (server, client)):
                threading.Thread(target=self._pass_on, args=(one, other), daemon=True).start()

    def _pass_on(self, one: socket.socket, other: socket.socket) -> None:
        try:
            while data := one.recv(1 << 16):
                other.sendall(data)
            other.shutdown(socket.SHUT_WR)
        except OSError:
            return
