"""What is measured without HTTP, each in a process of its own: the engine in a loop, and the service's floor.

    bench, gate -> [alone] -> load.bench.engine, service.floor -> a window

A command is run, one line of JSON is read: nothing of the service is imported.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from load.bench.workloads import Cell
from load.server import QUIET, ROOT, ServiceTrouble
from load.bench.sample import Window

ENDS_WITHIN_S = 120
FLOOR = "codes, engine and encoder alone"


@dataclass(frozen=True)
class Alone:
    """A command that measures itself in one cell."""

    name: str
    cell: Cell
    command: tuple[str, ...]

    def window(self, seconds: float) -> Window:
        """Run it once.

        Raises:
            ServiceTrouble: it failed; says how.
        """
        return _run((*self.command, "--seconds", str(seconds)))


def engine_name(engine: str) -> str:
    """The row of an engine, whatever its library's version: "openvino bfloat16, engine alone"."""
    return f"{engine.split('-')[0]} {engine.split('-')[-1]}, engine alone"


def engine_loop(cell: Cell, engine: str, generator: Path) -> Alone:
    """Codes and engine in batches of `cell.n`."""
    command = (sys.executable, "-m", "load.bench.engine", str(generator), "--engine", engine, "--batch", str(cell.n))
    return Alone(engine_name(engine), cell, command)


def floor(cell: Cell) -> Alone:
    """Codes, engine and encoder."""
    command = (sys.executable, "-m", "service.floor", cell.model, "--format", cell.format, "--n", str(cell.n))
    return Alone(FLOOR, cell, command)


def _run(command: Sequence[str]) -> Window:
    done = subprocess.run(
        command, cwd=ROOT, env={**QUIET, **os.environ}, capture_output=True, text=True, timeout=ENDS_WITHIN_S
    )
    if done.returncode:
        raise ServiceTrouble(f"{' '.join(command[1:4])} ended with {done.returncode}: {done.stderr[-300:].strip()}")
    found = json.loads(done.stdout.splitlines()[-1])
    return Window(images=found["images"], server_cpu_s=found["cpu_s"], wall_s=found["wall_s"])
