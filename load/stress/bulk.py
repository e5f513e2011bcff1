"""Bulk sampling: a large data set at the engine's rate, killed over and over, and compared with what the service draws.

    harness, bench.client, processes `zoetrope sample` and `zoetrope benchmark` -> [bulk] -> check results

The engine alone is measured right before and right after the data set is drawn, so that a machine that becomes
slower is slower for both. The job that is killed writes to a folder of its own. Knows the commands, what they print as
JSON, and the columns of the files; nothing of how a shard is made.
"""

import io
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
import psutil
import pyarrow.parquet as pq
import uvloop

from load.bench.client import get, request_once
from load.bench.sampler import ProcessTree
from load.check_result import CheckResult, at_least, at_most
from load.server import NO_TELEMETRY, ROOT, MeasurementError
from load.stress.harness import Target, running_target

IMAGES, KILLS = 1_000_000, 20
SEED, COMPARED = 7, 10
"""Pictures that are held against the service: every tenth part of the data set has one."""
LEAST_RATE, MOST_GROWTH = 0.85, 1.1
BASELINE_S, POLL_S = 20.0, 0.2
_ZOETROPE = (sys.executable, "-m", "zoetrope")


@dataclass(frozen=True)
class Drawn:
    """An uninterrupted job."""

    seconds: float
    """From the start of its process to the end."""
    memory: Sequence[int]
    """Bytes that it held, every `POLL_S` seconds."""
    digest: str


def bulk(model: str, images: int, kills: int) -> list[CheckResult]:
    """Draw a data set as raw Parquet, again while it is killed, and as PNG; compare.

    Args:
        model: a folder of models/.
        images: of the data set.
        kills: how often the second job is killed, 1 or more.

    Raises:
        MeasurementError: a command fails, or the service does not start.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        engine_rates = [_engine_rate(model)]
        drawn = _draw(model, images, folder / "raw", "--raw")
        engine_rates.append(_engine_rate(model))
        rate = images / drawn.seconds
        print(f"engine {', '.join(f'{one:,.0f}' for one in engine_rates)} images/s; drawn and written {rate:,.0f}")
        found = [*check_drawn(rate, engine_rates, drawn.memory)]
        killed = _draw_killed(model, images, folder / "killed", kills, drawn.seconds)
        found.append(at_least("kills that a job survived", killed.kills, kills))
        found.append(
            at_most("of its digest and that of the uninterrupted one, different", killed.digest != drawn.digest, 0)
        )
        _draw(model, images, folder / "png")
        with running_target(model) as target:
            differ = uvloop.run(_differing(target, folder, images))
        found.append(at_most(f"of {COMPARED} pictures, those that differ from the service's", differ, 0))
        return found


def check_drawn(rate: float, engine_rates: Sequence[float], memory: Sequence[int]) -> Iterator[CheckResult]:
    """The rate against the engine's, and memory of the last half against that of the second quarter."""
    yield at_least("images a second / the engine alone", rate / mean(engine_rates), LEAST_RATE, digits=".3f")
    quarter = len(memory) // 4
    growth = max(memory[2 * quarter :]) / max(memory[quarter : 2 * quarter]) if quarter else None
    yield at_most("memory in the last half / in the second quarter", growth, MOST_GROWTH, digits=".3f")


@dataclass(frozen=True)
class Killed:
    """A job that was killed over and over, and what it came to."""

    kills: int
    digest: str


def _draw(model: str, images: int, out: Path, *options: str) -> Drawn:
    begin_s, memory = time.perf_counter(), []
    process = _sample(model, images, out, *options)
    tree = ProcessTree(process.pid)
    while process.poll() is None:
        memory.append(sum(_resident(one) for one in tree.members()))
        time.sleep(POLL_S)
    seconds = time.perf_counter() - begin_s
    if process.returncode:
        raise MeasurementError(f"zoetrope sample ended with {process.returncode}; what it said is above")
    return Drawn(seconds, memory, _manifest(out)["digest"])


def _draw_killed(model: str, images: int, out: Path, kills: int, seconds: float) -> Killed:
    """Kill it at random moments, so often or until it is ready; then let it end."""
    chance, done = random.Random(SEED), 0
    while done < kills:
        process = _sample(model, images, out, "--raw")
        try:
            process.wait(chance.uniform(0.1, 2 * seconds / kills))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            done += 1
        else:
            break
    return Killed(done, _draw(model, images, out, "--raw").digest)


def _sample(model: str, images: int, out: Path, *options: str) -> subprocess.Popen[bytes]:
    words = ("sample", model, "--n", str(images), "--seed", str(SEED), "--out", str(out), *options)
    environment = {**NO_TELEMETRY, **os.environ}
    return subprocess.Popen([*_ZOETROPE, *words], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)


def _engine_rate(model: str) -> float:
    """Images a second of the engine alone, with the engine and the threads that `sample` takes."""
    command = [*_ZOETROPE, "benchmark", model, "--stage", "engine", "--seconds", f"{BASELINE_S:g}"]
    done = subprocess.run(command, cwd=ROOT, env={**NO_TELEMETRY, **os.environ}, stdout=subprocess.PIPE, check=False)
    if done.returncode:
        raise MeasurementError(f"zoetrope benchmark ended with {done.returncode}; what it said is above")
    line = json.loads(done.stdout)
    return float(line["images"] / line["wall_s"])


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


def _manifest(out: Path) -> Any:
    return json.loads((out / "manifest.json").read_text())


async def _differing(target: Target, folder: Path, images: int) -> int:
    """How many pictures of the data sets are not those of the service: PNG files by bytes, raw ones by pixels."""
    differ = 0
    for index in range(0, images, images // COMPARED):
        path = f"/models/{target.model}/{target.version}/images/{SEED}/{index}.png"
        png = (await request_once(target.url, get(path))).body
        npy = (await request_once(target.url, target.generate(1, "npy", seed=SEED, start=index))).body
        same_png = _cell(folder / "png", index, "image")["bytes"] == png
        same_pixels = _cell(folder / "raw", index, "pixels") == np.load(io.BytesIO(npy)).tobytes()
        differ += not (same_png and same_pixels)
    return differ


def _cell(out: Path, index: int, column: str) -> Any:
    """Of the picture with that index."""
    (shard,) = (one for one in _manifest(out)["shards"] if one["start"] <= index < one["start"] + one["n"])
    rows = pq.read_table(out / shard["file"], columns=[column], filters=[("index", "=", index)])
    (cell,) = rows[column].to_pylist()
    return cell
