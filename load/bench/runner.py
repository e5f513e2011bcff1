"""The runner: every workload, in it every baseline and server one after another, and then all of it again.

    servers, workloads, `python -m zoetrope benchmark` -> [runner] -> measurements -> __main__, criteria, gate

What is compared is measured within seconds, and five times minutes apart: a machine
that becomes slower is slower for all. A server is resumed for its own samples
and suspended in those of the others. A baseline is measured without HTTP, by a
command in a process of its own that prints a line of JSON: nothing of ours is
imported here.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import uvloop

from load.bench.measurements import Measurements, Sample
from load.bench.sampler import take_sample
from load.bench.servers import BENTOML, RunningServer
from load.bench.workloads import Workload, encode_only, engine_only, ordered
from load.server import NO_TELEMETRY, ROOT, MeasurementError, ServedModel

BASELINE_SAMPLE_S = 1.5
ONCE_VALUES, NEVER_VALUES = 100_000, 2_000_000
"""Where a peer writes more numbers than these as text: one iteration has to do; it takes a minute, and is left out."""
BASELINE_TIMEOUT_S = 120
REFERENCE_ENGINE = "onnxruntime-cpu-float32"
"""The engine that every other is compared with."""
ENCODE_NAME = "codes, engine and encoder alone"


@dataclass(frozen=True)
class Baseline:
    """A command that measures itself in one workload."""

    name: str
    workload: Workload
    command: tuple[str, ...]
    version: str
    """Of the model that the service draws with; the command must find the same."""

    def sample(self, seconds: float) -> Sample:
        """Run it once.

        Raises:
            MeasurementError: it failed, or has another version of the model; says how.
        """
        found = _run_command((*self.command, "--seconds", str(seconds)))
        if found["version"] != self.version:
            raise MeasurementError(
                f"the service draws {self.workload.model} {self.version}, and the baseline {found['version']}. "
                "Set ZOETROPE_MODELS as the service has it."
            )
        return Sample(images=found["images"], server_cpu_s=found["cpu_s"], wall_s=found["wall_s"])


def engine_baseline(model: ServedModel, batch_size: int, engine: str) -> Baseline:
    """The engine in a loop on prepared codes.

    Args:
        model: as the service describes it.
        batch_size: images of one call.
        engine: library first, device and precision last: "openvino-2026.4.1-cpu-bfloat16".
    """
    command = _benchmark(model.name, "engine", engine, "--batch", str(batch_size))
    return Baseline(engine_name(engine), engine_only(model.name, batch_size), command, model.version)


def encode_baseline(model: ServedModel, n: int, format_name: str) -> Baseline:
    """Codes, the service's engine and its encoder in a loop, for answers of n images of fresh seeds."""
    command = _benchmark(model.name, "encode", model.engine, "--n", str(n), "--format", format_name)
    return Baseline(ENCODE_NAME, encode_only(model.name, n, format_name), command, model.version)


def engine_name(engine: str) -> str:
    """The row of an engine, whatever its library's version: "openvino bfloat16, engine alone"."""
    library, precision = engine.split("-")[0], engine.split("-")[-1]
    return f"{library} {precision}, engine alone"


@dataclass
class Plan:
    """What is measured in each iteration."""

    servers: list[tuple[RunningServer, list[Workload]]] = field(default_factory=list)
    baselines: list[Baseline] = field(default_factory=list)


def measure(plan: Plan, iterations: int, length: float, log: Callable[[str], None]) -> Measurements:
    """Take all samples.

    Args:
        plan: servers with their workloads, and baselines.
        iterations: how often.
        length: samples are this much of their full length, more than 0.
        log: takes a line for each iteration.
    """
    measurements = Measurements()
    requested = (workload for _, workloads in plan.servers for workload in workloads)
    workloads = ordered({*(one.workload for one in plan.baselines), *requested})
    for iteration in range(iterations):
        begin_s = time.monotonic()
        servers = plan.servers[:: -1 if iteration % 2 else 1]  # no server is always first
        for workload in workloads:
            for baseline in plan.baselines:
                if baseline.workload == workload:
                    measurements.add(baseline.name, workload, iteration, baseline.sample(BASELINE_SAMPLE_S * length))
            for running, offered in servers:
                if workload in offered and (not iteration or _is_repeated(running, workload)):
                    sample = _sample_of(running, workload, length)
                    measurements.add(running.server.name, workload, iteration, sample)
        log(f"iteration {iteration + 1} of {iterations}: {time.monotonic() - begin_s:.0f} s")
    return measurements


def least_seconds(plan: Plan, length: float) -> float:
    """Least seconds of an iteration: samples, warm-ups and starts, without what slow answers take beyond a sample."""
    baselines_s = sum(BASELINE_SAMPLE_S * length + 1.5 for _ in plan.baselines)
    workloads = [workload for _, offered in plan.servers for workload in offered]
    return baselines_s + sum(one.sample_s * length + (one.warm_up_s or 0) for one in workloads)


def offered_workloads(running: RunningServer, workloads: Sequence[Workload]) -> list[Workload]:
    """Those of some workloads that a server answers, within a minute."""
    return [one for one in workloads if running.server.offers(one) and _values_as_text(running, one) < NEVER_VALUES]


def _sample_of(running: RunningServer, workload: Workload, length: float) -> Sample:
    running.processes.resume()
    try:
        loop = running.server.closed_loop(workload, workload.sample_s * length)
        return uvloop.run(take_sample(running.url, loop, running.processes, workload.warm_up_s))
    finally:
        running.processes.suspend()


def _is_repeated(running: RunningServer, workload: Workload) -> bool:
    """Whether a workload is measured in later iterations too; a slow one only where a criterion needs it."""
    needed = running.server.name == BENTOML and workload.model == "mnist"
    return _values_as_text(running, workload) < ONCE_VALUES or needed


def _values_as_text(running: RunningServer, workload: Workload) -> int:
    """Numbers that a peer writes as text; ours sends PNGs there."""
    return workload.values if workload.format == "json" and not running.server.ours else 0


def _benchmark(model: str, stage: str, engine: str, *options: str) -> tuple[str, ...]:
    library, *_, device, precision = engine.split("-")
    command = (sys.executable, "-m", "zoetrope", "benchmark", model, "--stage", stage)
    return (*command, "--engine", library, "--device", device, "--precision", precision, *options)


def _run_command(command: Sequence[str]) -> dict[str, Any]:
    name = " ".join(command[1:7])
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env={**NO_TELEMETRY, **os.environ},
            capture_output=True,
            text=True,
            timeout=BASELINE_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired as error:
        raise MeasurementError(f"{name} did not end within {BASELINE_TIMEOUT_S} s") from error
    if done.returncode:
        raise MeasurementError(f"{name} ended with {done.returncode}: {done.stderr[-300:].strip()}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found
