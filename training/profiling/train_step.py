"""A whole training step, eager and compiled: its time, its arithmetic and its kernels.

    train, timing -> train_step -> the command `profile`

Both take the same networks, batch, pictures and device. Knows no networks: `train`
defines what a step is.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from training.config import Settings
from training.data.dataset import Pictures
from training.device import ComputeContext
from training.networks.geometry import geometry_of
from training.profiling.timing import synchronize
from training.train import batches_of, new_state, take_step

_PROFILED_STEPS, _TOP_KERNELS = 5, 8


@dataclass(frozen=True)
class Kernel:
    """One kernel of a device, or one operator of a CPU."""

    name: str
    share: float
    """Of the wall-clock time of a step."""


def steps_of(settings: Settings, pictures: Pictures, device: torch.device) -> dict[str, Callable[[], object]]:
    """Functions that take one step of the same run: "eager" and "compiled"; the first call of the latter compiles."""
    return {
        name: _step(settings, pictures, ComputeContext(device, compiled))
        for name, compiled in (("eager", False), ("compiled", True))
    }


def _step(settings: Settings, pictures: Pictures, context: ComputeContext) -> Callable[[], object]:
    geometry = geometry_of(settings, pictures.images.shape[1:], len(pictures.classes or ()))
    state = new_state(settings, geometry, context.device, context.compiled)
    batches = batches_of(settings, pictures, state.random, context)
    return lambda: take_step(settings, batches, state)


def flop_of(step: Callable[[], object]) -> int:
    """Floating-point operations of an eager step: its convolutions and matrix products, forward and backward."""
    counter = _FlopCounter()
    with counter:
        step()
    return counter.flop


class _FlopCounter(TorchDispatchMode):
    """Like torch's FlopCounterMode, which also tracks modules and therefore fails on a double backward."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.flop = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Called by torch for every operation."""
        kwargs = kwargs or {}
        found = func(*args, **kwargs)
        if (flop_of_shapes := flop_registry.get(func.overloadpacket)) is not None:
            self.flop += flop_of_shapes(*args, **kwargs, out_val=found)
        return found


def kernels_of(step: Callable[[], object], device: torch.device) -> tuple[list[Kernel], float]:
    """Where the time of a step goes, and how much of it the device is busy.

    Returns:
        The kernels that take the most time, most first, and the sum of all shares: far below 1, the device waits for
        launches.
    """
    kind = ProfilerActivity.CUDA if device.type == "cuda" else ProfilerActivity.CPU
    time_of = attrgetter("self_device_time_total" if device.type == "cuda" else "self_cpu_time_total")
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # or it reports its probes on stderr
    with profile(activities=[kind], acc_events=True) as profiled:
        synchronize(device)
        started_s = time.perf_counter()
        for _ in range(_PROFILED_STEPS):
            step()
        synchronize(device)
        spent_us = 1e6 * (time.perf_counter() - started_s)
    # On a GPU a range that torch annotates is listed with the kernels in it, and would count them twice.
    events = [event for event in profiled.key_averages() if device.type == "cpu" or not event.is_user_annotation]
    kernels = [Kernel(event.key, time_of(event) / spent_us) for event in events]
    kernels.sort(key=lambda kernel: kernel.share, reverse=True)
    return kernels[:_TOP_KERNELS], sum(kernel.share for kernel in kernels)
