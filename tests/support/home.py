"""An empty home directory, and a guard that notes what programs with this home try to reach."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from support.serving import ROOT

SWITCHES = ("ORT_DISABLE_TELEMETRY", "BENTOML_DO_NOT_TRACK", "HF_HUB_DISABLE_TELEMETRY", "RAY_USAGE_STATS_ENABLED")
# Python runs `sitecustomize` first: every name that Python code looks up, and every foreign address that it connects
# to, is written into a file and refused.
GUARD = """
import os, socket

def refuse(what):
    with open(os.environ["CALLS"], "a") as file:
        file.write(f"{what}\\n")
    raise OSError(f"the test refuses {what}")

def lookup(host, *rest, _real=socket.getaddrinfo, **named):
    if host not in (None, "", "localhost", "127.0.0.1", "::1", "0.0.0.0"):
        refuse(f"a look-up of {host}")
    return _real(host, *rest, **named)

class Socket(socket.socket):
    def connect(self, address):
        if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in ("127.0.0.1", "::1", "localhost"):
            refuse(f"a connection to {address}")
        return super().connect(address)

socket.getaddrinfo, socket.socket = lookup, Socket
"""
TRACE = ["strace", "-f", "--seccomp-bpf", "-e", "trace=connect,sendto,sendmsg,sendmmsg", "-o"]


class Home:
    """An empty home directory, and what programs with this home tried to reach."""

    def __init__(self, folder: Path) -> None:
        self.path, self._calls, self._trace = folder / "home", folder / "calls", folder / "trace"
        guard = folder / "guard"
        self.path.mkdir()
        guard.mkdir()
        (guard / "sitecustomize.py").write_text(GUARD)
        kept = {name: value for name, value in os.environ.items() if name not in SWITCHES and name[:4] != "XDG_"}
        self.environment = {
            **kept,
            "HOME": str(self.path),
            "CALLS": str(self._calls),
            "PYTHONPATH": f"{guard}:{ROOT}",
            "BENTOML_HOME": str(self.path / "bentoml"),
        }

    def start(self, *command: str | Path, folder: Path = ROOT) -> subprocess.Popen:
        """Start a program; its system calls, and those of its children, are watched where strace is here."""
        traced = [*TRACE, self._trace] if shutil.which("strace") else []
        return subprocess.Popen(
            [*traced, *command],
            cwd=folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *command: str | Path, folder: Path = ROOT) -> None:
        """Run a program to its end, which must be a good one."""
        out, err = (process := self.start(*command, folder=folder)).communicate()
        assert process.returncode == 0, out[-2000:] + err[-2000:]

    def check(self) -> None:
        """Nothing was left in it, and nothing was called."""
        left = [str(path) for path in self.path.rglob("*") if path.is_file()]
        assert not left, left
        assert not self._calls.exists(), self._calls.read_text()
        trace = self._trace.read_text() if self._trace.exists() else ""
        reached = re.findall(r'sin6?_port=htons\((\d+)\), .*?"([^"]+)"', trace)
        foreign = [where for where in reached if where[1] not in ("127.0.0.1", "::1", "::ffff:127.0.0.1")]
        assert not foreign, foreign
