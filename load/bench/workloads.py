"""What is requested, as tables: models, numbers of images, formats, concurrency, and for how long.

    [workloads] -> measurements, servers, runner, criteria, report, gate

A workload is one kind of request at one concurrency. Knows neither HTTP nor the server that answers.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product

SHAPES_HWC = {"mnist": (28, 28, 1), "eurosat": (64, 64, 3)}
"""The models that are measured, and the shape of an image of each."""

SATURATING_CONCURRENCY = {1: 16, 64: 4, 1024: 2}
"""How many closed-loop clients saturate two cores, by images a request."""

FORMATS = ("npy", "png", "zip", "json")
HIGH_CONCURRENCY = 64
"""Clients of single images, for which a batch is made of many requests."""


@dataclass(frozen=True)
class Workload:
    """One kind of request, and how many clients send it."""

    model: str
    n: int
    format: str
    """"npy", "png" (a contact sheet for n > 1), "zip" or "json"; "raw" where the engine is measured without HTTP."""
    concurrency: int
    """Closed-loop clients; 0 without HTTP."""

    @property
    def sample_s(self) -> float:
        """Length of a sample: a CPU's clock ticks a hundred times a second, and 64 x 64 takes its time."""
        return 0.8

    @property
    def warm_up_s(self) -> float | None:
        """Seconds of requests before a sample, at least one a client; None: an earlier workload has warmed it."""
        return {1: 0.25, 64: 0.0}.get(self.n)

    @property
    def values(self) -> int:
        """Numbers in an answer that writes every channel of every pixel."""
        return self.n * math.prod(SHAPES_HWC[self.model])


def saturated(model: str, n: int, format_name: str) -> Workload:
    """As many clients as it takes to keep the machine busy."""
    return Workload(model, n, format_name, SATURATING_CONCURRENCY[n])


def single_client(model: str, format_name: str) -> Workload:
    """One client of single images: no request shares a batch, so what is beyond the engine shows."""
    return Workload(model, 1, format_name, 1)


def highly_concurrent(model: str) -> Workload:
    """Many clients of single images."""
    return Workload(model, 1, "npy", HIGH_CONCURRENCY)


def engine_only(model: str, batch_size: int) -> Workload:
    """The engine in a loop, in batches of this size, without HTTP."""
    return Workload(model, batch_size, "raw", 0)


def encode_only(model: str, n: int, format_name: str) -> Workload:
    """Codes, engine and encoder in a loop, without HTTP."""
    return Workload(model, n, format_name, 0)


def ordered(workloads: Iterable[Workload]) -> list[Workload]:
    """By model, then from few images to many, so that small requests have warmed up what large ones use."""
    models = list(SHAPES_HWC)
    return sorted(workloads, key=lambda one: (models.index(one.model), one.n, one.format, one.concurrency))


def workloads_of(model: str) -> list[Workload]:
    """All that is requested of every server, as far as it offers it."""
    table = [saturated(model, n, format_name) for n, format_name in product(SATURATING_CONCURRENCY, FORMATS)]
    return [*table, single_client(model, "npy"), single_client(model, "json")]
