"""What runs a graph: the small interface that every engine has, and the words that name one.

    [engine] <- onnxruntime_engine, openvino_engine <- loading <- runtime

An engine is a library on a device at a precision. It takes batches of fixed
sizes, and a batch of one size is always computed in one way, so that a picture
has the same bytes whenever it is drawn. Knows no library.

Letters: N rows of a batch    Z numbers in a code    H, W, C of a picture
"""

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, Protocol, get_args

import numpy as np
from numpy.typing import NDArray

from models.errors import BundleDamaged, EngineUnavailable

Library = Literal["onnxruntime", "openvino"]
Device = Literal["cpu", "cuda"]
Precision = Literal["float32", "tf32", "float16", "bfloat16"]

Rows = NDArray[Any]
"""An array whose first axis are the rows of a batch."""


@dataclass(frozen=True)
class EngineName:
    """Which library computes where, and how exactly."""

    library: Library
    device: Device
    precision: Precision

    def __str__(self) -> str:
        return f"{self.library}-{self.device}-{self.precision}"


REFERENCE = EngineName("onnxruntime", "cpu", "float32")
"""What training draws with."""

NAMES = (
    REFERENCE,
    EngineName("openvino", "cpu", "float32"),
    EngineName("openvino", "cpu", "bfloat16"),
    EngineName("onnxruntime", "cuda", "float32"),
    EngineName("onnxruntime", "cuda", "tf32"),
    EngineName("onnxruntime", "cuda", "float16"),
)
"""Every engine; the first of a device is what its others are compared with."""


def reference_on(device: Device) -> EngineName:
    """What every other engine of a device is compared with.

    Raises:
        EngineUnavailable: there is no such device.
    """
    if device not in get_args(Device):
        raise EngineUnavailable(f"device is {device!r}; it must be one of {', '.join(get_args(Device))}")
    return next(name for name in NAMES if name.device == device)


class Engine(Protocol):
    """A graph, loaded."""

    told: str
    """Library, version, device and precision: all but the machine that decides the bytes of a picture."""

    def run(self, *inputs_N: Rows) -> list[Rows]:
        """One batch: inputs in the graph's order, each with the same N, and C-contiguous; outputs in its order.

        The outputs are the caller's. Calls from several threads wait for one another.
        """


def usable_cores() -> int:
    """CPU cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)


@cache
def machine() -> str:
    """The kind of processor, as far as it may decide which kernels a library takes."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    facts = dict(line.split(":", 1) for line in lines if ":" in line)
    named = {key.strip(): value.strip() for key, value in facts.items()}
    told = [named.get(key, "") for key in ("model name", "cpu family", "model", "stepping")]
    return " ".join([platform.machine(), *filter(None, told)])


def check_interface(path: Path, found: Sequence[str], expected: Sequence[str]) -> None:
    """Refuse a graph whose inputs and then outputs are not what the card says.

    Args:
        found, expected: such as "z float32 [N, 64]".

    Raises:
        BundleDamaged: names both.
    """
    if list(found) != list(expected):
        raise BundleDamaged(path, found=" -> ".join(found), expected=" -> ".join(expected))


def described(name: str, dtype: str, sizes: Sequence[object]) -> str:
    """One input or output in the words that `check_interface` compares; a size that is no number is N."""
    return f"{name} {dtype} [{', '.join(str(size) if isinstance(size, int) else 'N' for size in sizes)}]"


def padded(rows: Rows, size: int) -> Rows:
    """Rows with zeros after them, up to a batch; themselves where they fill it."""
    if len(rows) == size:
        return np.ascontiguousarray(rows)
    batch = np.zeros((size, *rows.shape[1:]), rows.dtype)
    batch[: len(rows)] = rows
    return batch
