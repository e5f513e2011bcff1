"""Baselines, measured without HTTP: the engine alone, and codes, engine and encoder alone.

    workloads -> [baselines] -> a command -> one line of JSON -> a sample -> runner, criteria, gate

Each is a command in a process of its own: nothing of the service is imported here.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from load.bench.measurements import Sample
from load.bench.workloads import Workload
from load.server import NO_TELEMETRY, ROOT, MeasurementError

TIMEOUT_S = 120
REFERENCE_ENGINE = "onnxruntime-cpu-float32"
"""The engine that every other is compared with."""
ENCODE_NAME = "codes, engine and encoder alone"


@dataclass(frozen=True)
class Baseline:
    """A command that measures itself in one workload."""

    name: str
    workload: Workload
    command: tuple[str, ...]

    def sample(self, seconds: float) -> Sample:
        """Run it once.

        Raises:
            MeasurementError: it failed; says how.
        """
        found = _run((*self.command, "--seconds", str(seconds)))
        return Sample(images=found["images"], server_cpu_s=found["cpu_s"], wall_s=found["wall_s"])


def engine_baseline(workload: Workload, engine: str) -> Baseline:
    """The engine in a loop, in batches of `workload.n`.

    Args:
        workload: its model and its batch size.
        engine: as the service names it: library first, precision last, "openvino-2026.4.1-cpu-bfloat16".
    """
    generator = ROOT / os.environ.get("ZOETROPE_MODELS", "models") / workload.model / "generator.onnx"
    options = ("--engine", engine, "--batch", str(workload.n))
    command = (sys.executable, "-m", "load.bench.engine", str(generator), *options)
    return Baseline(engine_name(engine), workload, command)


def encode_baseline(workload: Workload) -> Baseline:
    """Codes, engine and encoder in a loop, for answers of `workload.n` images."""
    options = ("--format", workload.format, "--n", str(workload.n))
    command = (sys.executable, "-m", "service.floor", workload.model, *options)
    return Baseline(ENCODE_NAME, workload, command)


def engine_name(engine: str) -> str:
    """The row of an engine, whatever its library's version: "openvino bfloat16, engine alone"."""
    library, precision = engine.split("-")[0], engine.split("-")[-1]
    return f"{library} {precision}, engine alone"


def _run(command: Sequence[str]) -> dict[str, Any]:
    done = subprocess.run(
        command, cwd=ROOT, env={**NO_TELEMETRY, **os.environ}, capture_output=True, text=True, timeout=TIMEOUT_S
    )
    if done.returncode:
        raise MeasurementError(f"{' '.join(command[1:4])} ended with {done.returncode}: {done.stderr[-300:].strip()}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found
