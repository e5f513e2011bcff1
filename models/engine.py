"""What an engine is: its name, its interface, and the batch sizes that reach it.

    engine -> onnxruntime_engine, openvino_engine -> engine_selection -> runtime

An engine is a library on a device at a precision. It takes batches of a few
fixed sizes: a kernel is chosen by the shape of what it computes, and another
kernel may round differently, so a batch of one size is always computed in one
way. This file knows no library.

Letters: N rows of a batch    Z numbers in a code    H, W, C of a picture
"""

import math
import platform
import re
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
"""An array whose first axis is the rows of a batch."""

_LARGEST_BATCH = 256
_LARGEST_BATCH_VALUES: dict[Device, float] = {"cpu": 2**20, "cuda": math.inf}


@dataclass(frozen=True)
class EngineName:
    """Which library computes, on which device, at which precision."""

    library: Library
    device: Device
    precision: Precision

    def __str__(self) -> str:
        return f"{self.library}-{self.device}-{self.precision}"


REFERENCE = EngineName("onnxruntime", "cpu", "float32")
"""What training draws with."""

ENGINE_NAMES = (
    REFERENCE,
    EngineName("openvino", "cpu", "float32"),
    EngineName("openvino", "cpu", "bfloat16"),
    EngineName("onnxruntime", "cuda", "float32"),
    EngineName("onnxruntime", "cuda", "tf32"),
    EngineName("onnxruntime", "cuda", "float16"),
)
"""Every engine; the first of a device is what its others are compared with."""


def reference_on(device: Device) -> EngineName:
    """The float32 engine that every other engine of a device is compared with.

    Raises:
        EngineUnavailable: there is no such device.
    """
    if device not in get_args(Device):
        raise EngineUnavailable(f"device is {device!r}; it must be one of {', '.join(get_args(Device))}")
    return next(name for name in ENGINE_NAMES if name.device == device)


class Engine(Protocol):
    """A graph, loaded."""

    description: str
    """Library, version, device and precision: all but the machine that decides the bytes of a picture."""

    def run(self, *inputs_N: Rows) -> list[Rows]:
        """One batch: inputs in the graph's order, each with the same N and C-contiguous; outputs in its order.

        The outputs belong to the caller. Calls from several threads wait for one another.
        """


def batch_sizes(device: Device, picture_values: int) -> tuple[int, ...]:
    """Powers of two: up to 256, and on a CPU up to about a million values, which bounds the wait behind a batch.

    They follow the shape and not the time: a slow day would change which sizes there are.

    Args:
        picture_values: H x W x C of one picture.
    """
    largest = min(_LARGEST_BATCH, _LARGEST_BATCH_VALUES[device] / picture_values)
    return tuple(1 << power for power in range(max(1, int(largest)).bit_length()))


def best_batch_size(device: Device, sizes: Sequence[int], waiting: int) -> int:
    """The batch size for so many waiting pictures, or for the first of them; no timing decides it.

    On a CPU the largest size that they fill: a row of padding costs as much as a picture. On CUDA the smallest size
    that holds them: a batch costs about the same, whatever its size.

    Args:
        sizes: ascending, at least one.
        waiting: pictures, 1 or more.
    """
    if device == "cuda":
        return next((size for size in sizes if size >= waiting), sizes[-1])
    return next((size for size in reversed(sizes) if size <= waiting), sizes[0])


def pad_rows(rows: Rows, size: int) -> Rows:
    """Rows with zeros after them, up to a batch; the rows themselves where they fill it."""
    if len(rows) == size:
        return np.ascontiguousarray(rows)
    batch = np.zeros((size, *rows.shape[1:]), rows.dtype)
    batch[: len(rows)] = rows
    return batch


def describe_tensor(name: str, dtype: str, sizes: Sequence[object]) -> str:
    """One input or output in the words that `check_interface` compares; a size that is not a number is N."""
    return f"{name} {dtype} [{', '.join(str(size) if isinstance(size, int) else 'N' for size in sizes)}]"


def check_interface(path: Path, found: Sequence[str], expected: Sequence[str]) -> None:
    """Refuse a graph whose inputs and then outputs are not what the card says.

    Args:
        path: the file that the error names.
        found, expected: such as "z float32 [N, 64]".

    Raises:
        BundleDamaged: names both.
    """
    if list(found) != list(expected):
        raise BundleDamaged(path, found=" -> ".join(found), expected=" -> ".join(expected))


_VECTORS = re.compile(r"(avx|amx|fma|f16c|asimd|sve|sme(?!p)|bf16|i8mm|fphp)\w*")
"""Flags of a processor, x86-64 or arm64, by which libraries choose kernels that may round differently."""
_GPUS = Path("/proc/driver/nvidia/gpus")


@cache
def instruction_set(device: Device) -> str:
    """The vector instructions of this processor, and on CUDA the kinds of GPU: on equal ones a library rounds equally.

    Returns:
        Such as "x86_64 avx avx2 f16c fma".
    """
    fields = _processor_fields()
    flags = (fields.get("flags") or fields.get("Features", "")).split()
    found = [platform.machine(), *sorted(filter(_VECTORS.fullmatch, flags) if flags else _numpy_features())]
    if device == "cuda":
        lines = [line for path in _GPUS.glob("*/information") for line in path.read_text().splitlines()]
        found += sorted({line.partition(":")[2].strip() for line in lines if line.startswith("Model:")})
    return " ".join(found)


def _numpy_features() -> list[str]:
    """What numpy finds out of the processor; for macOS, which has no /proc/cpuinfo."""
    config: Any = np.show_config(mode="dicts")
    return [name.lower() for part in ("baseline", "found") for name in config["SIMD Extensions"].get(part, ())]


@cache
def processor_name() -> str:
    """The kind of processor, as far as it may decide which kernels a library takes."""
    fields = _processor_fields()
    model = [fields.get(key, "") for key in ("model name", "cpu family", "model", "stepping")]
    return " ".join([platform.machine(), *filter(None, model)])


def _processor_fields() -> dict[str, str]:
    """What Linux says of the last core; empty elsewhere."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    return {key.strip(): value.strip() for key, value in (line.split(":", 1) for line in lines if ":" in line)}
