"""Which device a run computes on: the one that was named, or the best that works here.

    options, cli -> [device_selection] -> torch.device

A backend is not believed: of Apple's MPS one training step is taken before it is
chosen. Sets the threads of a CPU; knows no data.
"""

import os
from functools import cache

import torch

from models.cores import usable_cores
from training.config import preset_named
from training.data.batches import Batches
from training.distributed import SINGLE_PROCESS, DistributedContext
from training.networks.geometry import Geometry
from training.train import new_state, take_step


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
    if device.type == "cuda":
        torch.set_float32_matmul_precision("high")  # TF32, which torch allows its convolutions by default
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
    failure = failure_of_a_step(torch.device("mps"))
    return failure and f"a training step fails on Apple's MPS with torch {torch.__version__}: {failure}"


def _has_mps() -> bool:
    return bool(torch.backends.mps.is_available())


def _no_mps() -> str | None:
    return None if _has_mps() else f"torch {torch.__version__} finds no Apple MPS device"


def failure_of_a_step(device: torch.device) -> str | None:
    """Take a step of a smallest GAN on a device; returns what went wrong in words, None where all went well."""
    settings = preset_named("tiny").with_changes(batch=4, width=4, discriminator_width=4, precision="float32")
    try:
        state = new_state(settings, Geometry(8, 8, 1, 1, 0), device)
        images = torch.zeros(4, 1, 8, 8, dtype=torch.uint8, device=device)
        seen = take_step(settings, Batches(images, None, state.random, settings.batch), state)
        wrong = [name for name, value in seen.items() if not torch.isfinite(value)]
    except Exception as error:  # whatever a backend that lacks an operation raises
        return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no message'}"
    return f"{', '.join(wrong)} is not finite" if wrong else None
