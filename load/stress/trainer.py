"""A trainer next to the service, on the same cores: how long single images take while it trains, and while it does not.

    harness, overload (the open loop), a process `zoetrope trainer` -> [trainer] -> check results

Half load is half of the rate that 16 clients reached in a closed loop before. Requests are
then due at that rate, at exponentially distributed times, and latency is counted from when
each was due, as in `make load`. The trainer trains and stands still in turns (SIGSTOP), so
that a slow minute is shared; first as people start it, then by `nice`. This client is on
these cores too. Knows the command, the routes of a run, and nothing of training.
"""

import asyncio
import itertools
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import uvloop

from load.bench.client import get, post, request_once
from load.bench.measurements import images_per_s, percentile
from load.bench.sampler import ClosedLoop, ProcessTree, take_sample
from load.check_result import CheckResult, at_least, at_most
from load.server import NO_TELEMETRY, ROOT, MeasurementError, usable_cores
from load.stress.harness import Target, running_target
from load.stress.overload import OverloadSample, offer

CLIENTS, PEAK_S = 16, 5.0
P95_MS, LEAST_ACHIEVED = 150, 0.9
"""The goals of `make load` at half load."""
NICENESS = (0, 10)
_RUN, _MINUTES = "next-to-it", 600.0
"""It is ended with the experiment, long before."""
_BUILT_IN = "digits"
_BEGINS_WITHIN_S, _ENDS_WITHIN_S = 600.0, 60.0
_ENDED = ("refused", "failed", "stopped", "done")


@dataclass
class Turns:
    """What came back at half load: in each turn without a trainer that trains, and in the one after it with one."""

    still: list[OverloadSample] = field(default_factory=list)
    training: list[OverloadSample] = field(default_factory=list)
    trainer_cores: list[float] = field(default_factory=list)
    """That it took in each of its turns."""


def next_to_a_trainer(model: str, pictures: Path | None, seconds: float, iterations: int) -> list[CheckResult]:
    """Start a service and a trainer, and measure how they share the cores.

    Args:
        model: a folder of models/, whose images are requested.
        pictures: a folder that the trainer learns from; without, the digits that need no file.
        seconds: of each turn.
        iterations: turns of each kind and niceness, 1 or more.

    Raises:
        MeasurementError: one of them does not start, or the trainer does not train.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(ROOT / "models" / model, folder / "models" / model)
        (folder / "runs").mkdir()
        places = {"ZOETROPE_MODELS": str(folder / "models"), "ZOETROPE_RUNS": str(folder / "runs")}
        if pictures is not None:
            places["ZOETROPE_PICTURES"] = str(pictures.absolute().parent)
        found: list[CheckResult] = []
        with running_target(model, places) as target:
            half_per_s = uvloop.run(_half_rate(target))
            uvloop.run(_ask_for_run(target.url, pictures.name if pictures else _BUILT_IN))
            for niceness in NICENESS:
                with _trainer(target.url, folder, places, niceness) as trainer:
                    turns = uvloop.run(_take_turns(target, trainer, half_per_s, seconds, iterations))
                found += check_turns(turns, niceness)
        return found


def check_turns(turns: Turns, niceness: int) -> list[CheckResult]:
    """What must hold at half load, with and without a trainer; tells both, and their ratio."""
    name = f"niceness {niceness}"
    still_ms, training_ms = ([p95_ms(one) for one in found] for found in (turns.still, turns.training))
    ratios = [after / before for before, after in zip(still_ms, training_ms, strict=True) if before and after]
    print(
        f"{name}: p95 {_listed(still_ms)} ms, and {_listed(training_ms)} ms while it trains: "
        f"{median(ratios) if ratios else 0:.2f} times as long; the trainer took {_listed(turns.trainer_cores)} "
        f"of {usable_cores()} cores",
        flush=True,
    )
    sent = sum(len(one.send_delays_s) + one.unsent for one in turns.training)
    achieved = sum(one.answered_in_time for one in turns.training) / sent if sent else None
    errors = sum(len(one.errors) + len(one.refusal_latencies_s) for one in (*turns.still, *turns.training))
    return [
        at_most(f"{name}: p95 of one image at half load, the trainer still", _median(still_ms), P95_MS, " ms"),
        at_most(f"{name}: the same while it trains", _median(training_ms), P95_MS, " ms"),
        at_least(f"{name}: achieved / offered while it trains", achieved, LEAST_ACHIEVED),
        at_most(f"{name}: answers that are no picture", errors, 0),
    ]


def p95_ms(sample: OverloadSample) -> float | None:
    """Of its answers; None of none."""
    found = percentile(sample.latencies_s, 0.95)
    return None if found is None else found * 1000


def _median(values: Sequence[float | None]) -> float | None:
    found = [one for one in values if one is not None]
    return median(found) if len(found) == len(values) and found else None


def _listed(values: Sequence[float | None]) -> str:
    return ", ".join("-" if one is None else f"{one:.3g}" for one in values)


async def _half_rate(target: Target) -> float:
    loop = ClosedLoop(target.generate(1, "png"), 1, CLIENTS, PEAK_S)
    half_per_s = images_per_s(await take_sample(target.url, loop, target.processes, 1.0)) / 2
    print(f"half load: {half_per_s:,.0f} images a second, one each", flush=True)
    return half_per_s


async def _take_turns(
    target: Target, process: subprocess.Popen[bytes], half_per_s: float, seconds: float, iterations: int
) -> Turns:
    trainer, turns = ProcessTree(process.pid), Turns()
    await _until_it_trains(target.url, process)
    for number in range(iterations):
        trainer.suspend()
        turns.still.append(await _half_load(target, half_per_s, seconds, number))
        trainer.resume()
        cpu_s, begin_s = trainer.cpu_s(), time.perf_counter()
        turns.training.append(await _half_load(target, half_per_s, seconds, number))
        turns.trainer_cores.append((trainer.cpu_s() - cpu_s) / (time.perf_counter() - begin_s))
    return turns


async def _half_load(target: Target, per_s: float, seconds: float, seed: int) -> OverloadSample:
    chance = random.Random(seed)
    due_after_s = itertools.accumulate(chance.expovariate(per_s) for _ in itertools.repeat(None))
    within = itertools.takewhile(lambda after_s: after_s < seconds, due_after_s)
    return await offer(target, target.generate(1, "png"), 1, within, seconds)


async def _ask_for_run(url: str, folder: str) -> None:
    """As a person does on the page."""
    await _ask(url, post("/runs", {"folder": folder, "name": _RUN, "minutes": _MINUTES}))


async def _until_it_trains(url: str, trainer: subprocess.Popen[bytes]) -> None:
    """Wait until it shows pictures, and confirm its plan on the way."""
    end_s = time.perf_counter() + _BEGINS_WITHIN_S
    while (found := await _ask(url, get(f"/runs/{_RUN}/request")))["state"] != "training":
        if found["state"] == "planned":
            await _ask(url, post(f"/runs/{_RUN}/confirm", {}))
        if found["state"] in _ENDED or trainer.poll() is not None or time.perf_counter() > end_s:
            raise MeasurementError(f"the run is {found['state']}, and does not train: {found['reason']}")
        await asyncio.sleep(0.5)


async def _ask(url: str, request: bytes) -> Any:
    response = await request_once(url, request)
    if response.status not in (200, 201):
        raise MeasurementError(f"the service answers with {response.status}: {response.body[:300]!r}")
    return json.loads(response.body)


@contextmanager
def _trainer(url: str, folder: Path, places: Mapping[str, str], niceness: int) -> Iterator[subprocess.Popen[bytes]]:
    """A trainer of this service, in a folder; it is ended in any case, and gives its run back."""
    command = [sys.executable, "-m", "zoetrope", "trainer", "--service", url, "--lease-seconds", "3600"]
    environment = {**NO_TELEMETRY, **os.environ, **places, "PYTHONPATH": str(ROOT)}
    with (folder / "trainer.log").open("wb") as sink:
        process = subprocess.Popen(
            ["nice", "-n", str(niceness), *command], cwd=folder, env=environment, stdout=sink, stderr=sink
        )
    try:
        yield process
    except MeasurementError as error:
        said = (folder / "trainer.log").read_text(errors="replace")[-300:]
        raise MeasurementError(f"{error}; the trainer said: {said}") from error
    finally:
        if process.poll() is None:
            ProcessTree(process.pid).resume()
            process.terminate()
        try:
            process.wait(_ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
