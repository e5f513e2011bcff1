"""A real PostgreSQL of our own, on a socket in a folder; it refuses to run as root."""

import os
import shutil
import subprocess
import tempfile
import uuid
from pathlib import Path

import pytest
import sqlalchemy as sql

UNPRIVILEGED_ID = 65534  # user and group that own nothing, on every Linux


class Postgres:
    """A server that can be stopped and started."""

    def __init__(self) -> None:
        installed = Path("/usr/lib/postgresql")
        found = sorted(installed.glob("*/bin")) if installed.is_dir() else []
        if not found:
            pytest.skip("no PostgreSQL on this machine")
        self._programs = found[-1]
        self._folder = Path(tempfile.mkdtemp(prefix="zoetrope-"))  # pytest's folders are closed to others
        if os.getuid() == 0:
            shutil.chown(self._folder, UNPRIVILEGED_ID, UNPRIVILEGED_ID)
        self._run("initdb", "--pgdata", "data", "--username", "zoetrope", "--auth", "trust", "--no-sync")
        self.start()

    def start(self) -> None:
        """Until it answers."""
        options = f"-k {self._folder} -c listen_addresses='' -c fsync=off"
        self._run("pg_ctl", "--pgdata", "data", "--wait", "--log", "log", "--options", options, "start")

    def stop(self) -> None:
        """As a server that is shut down while others speak to it."""
        self._run("pg_ctl", "--pgdata", "data", "--wait", "--mode", "fast", "stop")

    def remove(self) -> None:
        """Stop, and leave nothing."""
        self.stop()
        shutil.rmtree(self._folder)

    def database(self) -> str:
        """The URL of an empty database."""
        server, name = f"postgresql+psycopg://zoetrope@/postgres?host={self._folder}", f"t{uuid.uuid4().hex}"
        tell(server, f"CREATE DATABASE {name}")
        return server.replace("/postgres?", f"/{name}?")

    def _run(self, program: str, *options: str) -> None:
        unprivileged = (
            ["setpriv", f"--reuid={UNPRIVILEGED_ID}", f"--regid={UNPRIVILEGED_ID}", "--clear-groups"]
            if os.getuid() == 0
            else []
        )
        command = [*unprivileged, str(self._programs / program), *options]
        subprocess.run(command, cwd=self._folder, check=True, capture_output=True)


def tell(url: str, statement: str) -> None:
    """Say something to a database."""
    engine = sql.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sql.NullPool)
    with engine.connect() as connection:
        connection.execute(sql.text(statement))
