"""The engines that serve a model next to torch with the same network: throughput, and PSNR against float32.

    models.runtime, feedback.pretrained, timing -> engines -> the command `profile`

Letters: N pictures    Z numbers in a code
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from models.codes import codes
from models.engine import ENGINE_NAMES
from models.errors import EngineUnavailable
from models.fidelity import psnr_db
from models.onnxruntime_engine import OnnxruntimeEngine
from models.runtime import Runtime
from training.device import compile_step
from training.exporter.graphs import GeneratorToBytes
from training.feedback.pretrained import Pretrained
from training.profiling.timing import Work, time_in_turns
from training.train import new_state

Inputs = tuple[NDArray[np.float32], NDArray[np.int64] | None]
"""Codes (N, Z), and labels (N,) where the model has classes."""
TorchFunction = Callable[..., Any]
"""Codes and labels on the device -> (N, H, W, C) uint8 there."""

DEVICE_ONLY, CODES_TO_BYTES, ADDRESSES_TO_BYTES = "the device alone", "codes to bytes", "addresses to bytes"


@dataclass(frozen=True)
class Candidate:
    """One way to draw a model."""

    name: str
    reference: str
    """The candidate that its pictures are compared with."""
    draw: Callable[[Inputs], NDArray[np.uint8]]
    """Codes in host memory -> bytes in host memory."""
    works: Callable[[Inputs], dict[str, Work]]
    """What is timed after these inputs were drawn: `DEVICE_ONLY` leaves the bytes on the device, `CODES_TO_BYTES`
    copies them to the host, `ADDRESSES_TO_BYTES` also makes the codes, as the service does."""


@dataclass(frozen=True)
class EngineTiming:
    """One candidate at one batch size."""

    name: str
    batch: int
    images_per_s: dict[str, float]
    """By what was timed."""
    worst_db: float
    """Lowest PSNR of a picture against the reference."""
    median_db: float


def serving_engines(model: Pretrained, device: torch.device, report: Callable[[str], None]) -> Iterator[Candidate]:
    """The engines that can serve the model on this device, the reference first.

    Args:
        model: what they draw.
        device: cpu or cuda.
        report: gets a line for each engine: the time to its first picture and its batch sizes, or why it is missing.
    """
    reference = None
    for name in (name for name in ENGINE_NAMES if name.device == device.type):
        started_s = time.perf_counter()
        try:
            runtime = Runtime(model.bundle, name, torch.get_num_threads())
        except EngineUnavailable as error:
            report(f"{name} is not available: {error}")
            continue
        runtime.generate(0, 0, 1)
        first_s = time.perf_counter() - started_s
        sizes = ", ".join(map(str, runtime.batch_sizes))
        report(f"{name}: the first picture after {first_s:.1f} s; the same bytes in batches of {sizes}")
        reference = reference or str(name)
        yield Candidate(str(name), reference, partial(_run, runtime), partial(_engine_works, runtime))


def torch_variants(model: Pretrained, device: torch.device) -> Iterator[Candidate]:
    """The same network in torch: eager in float32, eager in bfloat16, and compiled in bfloat16."""
    eager = {precision: _network(model, device, precision) for precision in ("float32", "bfloat16")}
    functions: dict[str, TorchFunction] = {f"torch-{precision}": network for precision, network in eager.items()}
    functions["torch-bfloat16-compiled"] = compile_step(eager["bfloat16"], device)
    for name, function in functions.items():
        draw, works = partial(_draw_by_torch, function, device), partial(_torch_works, function, device)
        yield Candidate(name, "torch-float32", draw, works)


def time_engines(
    candidates: Sequence[Candidate],
    model: Pretrained,
    batches: Sequence[int],
    device: torch.device,
    rounds: int,
    window_s: float,
) -> Iterator[EngineTiming]:
    """Time every candidate with every batch size, in turns; see `time_in_turns`."""
    card = model.bundle.card
    labels_N = np.arange(max(batches), dtype=np.int64) % len(card.classes) if card.classes else None
    z = codes(0, 0, max(batches), card.code_size)
    for batch in batches:
        inputs = z[:batch], None if labels_N is None else labels_N[:batch]
        drawn = {one.name: one.draw(inputs) for one in candidates}
        works = {(one.name, part): work for one in candidates for part, work in one.works(inputs).items()}
        seconds = time_in_turns(works, device, rounds, window_s)
        for one in candidates:
            rates = {part: batch / median(taken) for (name, part), taken in seconds.items() if name == one.name}
            decibels = psnr_db(drawn[one.name], drawn[one.reference])
            yield EngineTiming(one.name, batch, rates, worst_db=min(decibels), median_db=median(decibels))


def _run(runtime: Runtime, inputs: Inputs) -> NDArray[np.uint8]:
    codes_NZ, labels_N = inputs
    classes = [] if labels_N is None else [runtime.class_rows(labels_N)]
    (images_NHWC,) = runtime.generator.run(codes_NZ, *classes)
    return images_NHWC


def _engine_works(runtime: Runtime, inputs: Inputs) -> dict[str, Work]:
    engine, count = runtime.generator, len(inputs[0])
    works: dict[str, Work] = {CODES_TO_BYTES: partial(_run, runtime, inputs)}
    works[ADDRESSES_TO_BYTES] = partial(runtime.generate, 0, 0, count)
    if isinstance(engine, OnnxruntimeEngine):
        works[DEVICE_ONLY] = partial(engine.replay, count)
    return works


def _torch_works(function: TorchFunction, device: torch.device, inputs: Inputs) -> dict[str, Work]:
    tensors = _on(device, inputs)
    return {
        DEVICE_ONLY: lambda: function(*tensors),
        CODES_TO_BYTES: partial(_draw_by_torch, function, device, inputs),
    }


def _network(model: Pretrained, device: torch.device, precision: str) -> nn.Module:
    state = new_state(model.settings.with_changes(precision=precision), model.geometry, device)
    model.load_into(state)
    return GeneratorToBytes(state.ema).eval().requires_grad_(False)


def _draw_by_torch(function: TorchFunction, device: torch.device, inputs: Inputs) -> NDArray[np.uint8]:
    images: torch.Tensor = function(*_on(device, inputs))
    return np.ascontiguousarray(images.cpu().numpy())


def _on(device: torch.device, inputs: Inputs) -> list[torch.Tensor | None]:
    return [None if one is None else torch.from_numpy(one).to(device) for one in inputs]
