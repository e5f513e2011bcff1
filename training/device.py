"""Where a run computes, and in what precision.

    options -> [device] -> train, plan

Knows devices; knows neither networks nor data.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor

from models.engine import usable_cores
from training.config import CHECKPOINT_SECONDS, Settings
from training.distributed import SINGLE_PROCESS, DistributedContext


@dataclass(frozen=True)
class ComputeContext:
    """Where and how a run computes; none of it changes what is learned but for rounding."""

    device: torch.device
    compiled: bool = False
    distributed: DistributedContext = SINGLE_PROCESS
    checkpoint_seconds: float = CHECKPOINT_SECONDS
    """Time between two checkpoints, rounded up to the next step; with several processes, to where they meet."""
    note: str = ""
    """What a person should know of the choice of the device."""


def select_device(
    name: str, threads: int | None = None, distributed: DistributedContext = SINGLE_PROCESS
) -> torch.device:
    """The device to train on, set up.

    Args:
        name: `auto` (a GPU where there is one that works), `cpu`, `cuda`, `cuda:1`, `mps`, ...
        distributed: of several processes each takes the GPU of its own number.
        threads: CPU threads; if not given, as many as OMP_NUM_THREADS says, else all cores. On a CPU a run resumes bit
            for bit only with as many as before.

    Raises:
        ValueError: the device is not available.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if _has_mps() and mps_problem() is None else "cpu"
    if name == "cuda" and distributed.world_size > 1:
        name = f"cuda:{os.environ.get('LOCAL_RANK', distributed.rank)}"
    device = torch.device(name)
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"device is {name!r}, but torch {torch.__version__} finds no CUDA device. Use --device cpu.")
    if device.type == "mps" and (problem := mps_problem() or _no_mps()):
        raise ValueError(f"device is {name!r}, but {problem}. Use --device cpu.")
    if device.type == "cpu":
        torch.set_num_threads(threads or int(os.environ.get("OMP_NUM_THREADS") or usable_cores()))
    return device


@cache
def mps_problem() -> str | None:
    """Why Apple's MPS is not used though this torch was built for it; None where it works, or is not meant to.

    Asked of the device itself, by one training step: which operations MPS lacks changes with every torch and macOS.
    """
    if not torch.backends.mps.is_built():
        return None
    if not _has_mps():
        return f"torch {torch.__version__} was built for Apple's MPS, and this macOS or this Mac has none"
    from training.train import failure_of_a_step  # late: the loop is built on this module

    failure = failure_of_a_step(torch.device("mps"))
    return failure and f"a training step fails on Apple's MPS with torch {torch.__version__}: {failure}"


def _has_mps() -> bool:
    return bool(torch.backends.mps.is_available())


def _no_mps() -> str | None:
    return None if _has_mps() else f"torch {torch.__version__} finds no Apple MPS device"


def resolve_precision(settings: Settings, device: torch.device) -> Settings:
    """Replace `auto` by bfloat16 where the device computes it natively, else by float32."""
    if settings.precision != "auto":
        return settings
    return settings.with_changes(precision="bfloat16" if computes_bfloat16(device) else "float32")


def computes_bfloat16(device: torch.device) -> bool:
    """Whether the device computes bfloat16 natively, and so faster than float32."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type != "cpu":
        return False
    # Not every torch from 2.11 on can tell; where it cannot, float32 is the safe answer.
    capabilities: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def compile_step(step: Callable[..., Any], device: torch.device, backend: str = "inductor") -> Callable[..., Any]:
    """A step's loss, compiled whole: forward, exact slopes and what their descent needs.

    On a GPU the kernels are recorded as one CUDA graph, since a small network's
    step is a thousand launches. Compiling takes about a minute, once.

    What such a graph returns is overwritten when this or another compiled step is
    called the next time: see `cloned`.

    Args:
        step: tensors and networks -> a loss to descend, and what was seen.
        device: where it will run.
        backend: torch.compile's; tests use others.
    """
    graphs = device.type == "cuda" and backend == "inductor"
    return torch.compile(
        step, fullgraph=True, dynamic=False, backend=backend, mode="reduce-overhead" if graphs else None
    )


def cloned(seen: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Scalars for the log, out of the memory that the next compiled step writes to."""
    return {name: value.detach().clone() for name, value in seen.items()}


def describe_device(device: torch.device) -> str:
    """A device in words, for the head of a table."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{torch.get_num_threads()} CPU threads"
