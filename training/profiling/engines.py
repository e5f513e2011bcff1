"""The engines that serve a model, beside torch with the same network: how fast each draws, and how exactly.

    models.loading, rating.parent, turns -> [drawing] -> commands.race

Letters: N pictures    Z numbers in a code
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from models.codes import codes
from models.engine import ENGINE_NAMES, Engine
from models.errors import EngineUnavailable
from models.fidelity import psnr_db
from models.onnxruntime_engine import OnnxruntimeEngine
from models.runtime import Runtime
from training.device import compile_step
from training.export.modules import GeneratorToBytes
from training.feedback.pretrained import Pretrained
from training.profiling.turns import Work, seconds_of
from training.train import new_state

Given = tuple[NDArray[np.float32], NDArray[np.int64] | None]
"""Codes (N, Z), and labels (N,) where the model has classes."""

ALONE, WITH_COPIES, BY_ADDRESS = "the device alone", "codes to bytes", "addresses to bytes"


@dataclass(frozen=True)
class Racer:
    """One way to draw a model."""

    name: str
    reference: str
    """The racer whose pictures these should be."""
    draw: Callable[[Given], NDArray[np.uint8]]
    """Codes in the memory of the host -> bytes there."""
    works: Callable[[Given], dict[str, Work]]
    """What is timed once these codes were drawn: bytes stay on the device (`ALONE`), or reach the host, or are drawn by
    their addresses, as the service does it."""


@dataclass(frozen=True)
class Lap:
    """One racer with batches of one size."""

    name: str
    batch: int
    images_per_s: dict[str, float]
    """By what was timed."""
    worst_db: float
    median_db: float


def engines_of(parent: Pretrained, device: torch.device, told: Callable[[str], None]) -> Iterator[Racer]:
    """The engines that may serve the model on this device, the reference first."""
    reference = None
    for name in (name for name in ENGINE_NAMES if name.device == device.type):
        begun_s = time.perf_counter()
        try:
            runtime = Runtime(parent.bundle, name, torch.get_num_threads())
        except EngineUnavailable as error:
            told(f"{name} is not here: {error}")
            continue
        runtime.generate(0, 0, 1)
        first_s = time.perf_counter() - begun_s
        sizes = ", ".join(map(str, runtime.batch_sizes))
        told(f"{name}: the first picture after {first_s:.1f} s; the same bytes in batches of {sizes}")
        reference = reference or str(name)
        yield Racer(str(name), reference, partial(_run, runtime.generator), partial(_works_of, runtime))


def torch_of(parent: Pretrained, device: torch.device) -> Iterator[Racer]:
    """The same network in torch: eager in float32, in bfloat16, and that compiled."""
    eager = {precision: _network(parent, device, precision) for precision in ("float32", "bfloat16")}
    ways: dict[str, Callable] = {f"torch-{precision}": network for precision, network in eager.items()}
    ways["torch-bfloat16-compiled"] = compile_step(eager["bfloat16"], device)
    for name, way in ways.items():
        yield Racer(name, "torch-float32", partial(_drawn, way, device), partial(_works_of_torch, way, device))


def laps_of(
    racers: Sequence[Racer],
    parent: Pretrained,
    batches: Sequence[int],
    device: torch.device,
    rounds: int,
    window_s: float,
) -> Iterator[Lap]:
    """Every racer with every batch size, in turns."""
    card = parent.bundle.card
    labels_N = np.arange(max(batches), dtype=np.int64) % len(card.classes) if card.classes else None
    z = codes(0, 0, max(batches), card.code_size)
    for batch in batches:
        given = z[:batch], None if labels_N is None else labels_N[:batch]
        drawn = {racer.name: racer.draw(given) for racer in racers}
        works = {(racer.name, way): work for racer in racers for way, work in racer.works(given).items()}
        seconds = seconds_of(works, device, rounds, window_s)
        for racer in racers:
            rates = {way: batch / median(taken) for (name, way), taken in seconds.items() if name == racer.name}
            decibels = psnr_db(drawn[racer.name], drawn[racer.reference])
            yield Lap(racer.name, batch, rates, worst_db=min(decibels), median_db=median(decibels))


def _run(engine: Engine, given: Given) -> NDArray[np.uint8]:
    (images_NHWC,) = engine.run(*(one for one in given if one is not None))
    return images_NHWC


def _works_of(runtime: Runtime, given: Given) -> dict[str, Work]:
    engine, count = runtime.generator, len(given[0])
    works: dict[str, Work] = {WITH_COPIES: partial(_run, engine, given)}
    works[BY_ADDRESS] = partial(runtime.generate, 0, 0, count)
    if isinstance(engine, OnnxruntimeEngine):
        works[ALONE] = partial(engine.replay, count)
    return works


def _works_of_torch(way: Callable, device: torch.device, given: Given) -> dict[str, Work]:
    tensors = _on(device, given)
    return {ALONE: lambda: way(*tensors), WITH_COPIES: partial(_drawn, way, device, given)}


def _network(parent: Pretrained, device: torch.device, precision: str) -> nn.Module:
    state = new_state(parent.settings.with_changes(precision=precision), parent.geometry, device)
    parent.load_into(state)
    return GeneratorToBytes(state.ema).eval().requires_grad_(False)


def _drawn(way: Callable, device: torch.device, given: Given) -> NDArray[np.uint8]:
    images: torch.Tensor = way(*_on(device, given))
    return np.ascontiguousarray(images.cpu().numpy())


def _on(device: torch.device, given: Given) -> list[torch.Tensor | None]:
    return [None if one is None else torch.from_numpy(one).to(device) for one in given]
