"""Where a run computes, and in what precision.

    device_selection -> [device] -> methods, train, plan

Knows devices; knows neither networks nor data.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from training.config import CHECKPOINT_SECONDS, Settings
from training.distributed import SINGLE_PROCESS, DistributedContext

CPU = torch.device("cpu")
_STEPS_BETWEEN_WAITS = 32


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

    def compiles(self, settings: Settings) -> bool:
        """Whether steps are compiled; not where processes meet within one, for the batch statistics of a DCGAN."""
        return self.compiled and not self._meets_within_steps(settings)

    def notes(self, settings: Settings) -> list[str]:
        """What a person should know of where and how these settings are trained."""
        found = [self.note] if self.note else []
        if self.compiled and self._meets_within_steps(settings):
            found.append(
                f"{self.distributed.world_size} processes share the batch statistics of a DCGAN; its steps are not "
                "compiled"
            )
        return found

    def _meets_within_steps(self, settings: Settings) -> bool:
        return self.distributed.world_size > 1 and settings.network == "dcgan"


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


def compile_step(
    step: Callable[..., Any], device: torch.device, backend: str = "inductor", recorded: bool = True
) -> Callable[..., Any]:
    """A step's loss, compiled whole: forward, exact slopes and what their descent needs.

    On a GPU the kernels are recorded as one CUDA graph, since a small network's
    step is a thousand launches. Compiling takes about a minute, once.

    What such a graph returns is overwritten when this or another compiled step is
    called the next time: see `cloned`.

    Args:
        step: tensors and networks -> a loss to descend, and what was seen.
        device: where it will run.
        backend: torch.compile's; tests use others.
        recorded: as a CUDA graph on a GPU; without, what is returned is the caller's.
    """
    graphs = device.type == "cuda" and backend == "inductor" and recorded
    return torch.compile(
        step, fullgraph=True, dynamic=False, backend=backend, mode="reduce-overhead" if graphs else None
    )


def images_between_waits(images: int, batch: int, device: torch.device) -> int:
    """How many images to show between two moments that read figures back from the device.

    A GPU is given steps ahead of time, and to read a figure is to wait for all of them: there it is not done more often
    than every `_STEPS_BETWEEN_WAITS` steps.

    Args:
        images: as often as it is wanted.
        batch: images of a step.
    """
    return max(images, _STEPS_BETWEEN_WAITS * batch) if device.type == "cuda" else images


def cloned(seen: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Scalars for the log, out of the memory that the next compiled step writes to."""
    return {name: value.detach().clone() for name, value in seen.items()}


def describe_device(device: torch.device) -> str:
    """A device in words, for the head of a table."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{torch.get_num_threads()} CPU threads"
