"""Where a run computes, and in what precision.

    the command line -> [machine] -> loop

Knows devices; knows neither networks nor data.
"""

import torch

from models.runtime import usable_cores
from training.presets import Settings


def device_named(name: str, threads: int | None = None) -> torch.device:
    """The device to train on, set up.

    Args:
        name: `auto` (a GPU where there is one), `cpu`, `cuda`, `cuda:1`, ...
        threads: CPU threads; all cores, if not given. On a CPU a run goes on bit for bit only with as many as before.

    Raises:
        ValueError: the device is not here.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    device = torch.device(name)
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"device is {name!r}, but torch {torch.__version__} finds no CUDA device. Use --device cpu.")
    if device.type == "cpu":
        torch.set_num_threads(threads or usable_cores())
    return device


def resolve_precision(settings: Settings, device: torch.device) -> Settings:
    """Replace `auto` by bfloat16 where the device computes it natively, else by float32."""
    if settings.precision != "auto":
        return settings
    return settings.but(precision="bfloat16" if computes_bfloat16(device) else "float32")


def computes_bfloat16(device: torch.device) -> bool:
    """Whether the device computes bfloat16 natively, and so faster than float32."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    # Not every torch from 2.11 on can tell; where it cannot, float32 is the safe answer.
    capabilities = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
