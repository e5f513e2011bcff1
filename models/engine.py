"""A graph of a bundle, loaded by onnxruntime on the device that was asked for, and on no other.

    bundle -> [engine] -> runtime

Knows onnxruntime; knows neither codes nor pictures.

Letters: N pictures    Z numbers in a code    H, W, C of a picture
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args

import onnxruntime

from models.errors import BundleDamaged, DeviceUnavailable

Device = Literal["cpu", "cuda"]
_PROVIDERS: dict[Device, str] = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}


def usable_cores() -> int:
    """CPU cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)


def load_graph(
    path: Path, device: Device, threads: int | None, interface: Sequence[str]
) -> onnxruntime.InferenceSession:
    """Load a graph.

    Args:
        path: an ONNX file.
        device: never replaced by another.
        threads: CPU threads of one call; all cores that this process may use, if not given.
        interface: what its inputs and then its outputs must be, such as "z tensor(float) [N, 64]".

    Raises:
        DeviceUnavailable: the device was asked for, and onnxruntime cannot use it here.
        BundleDamaged: onnxruntime does not load the file, or its interface is another.
    """
    if device not in get_args(Device):
        raise DeviceUnavailable(f"device is {device!r}; it must be one of {', '.join(get_args(Device))}")
    available = onnxruntime.get_available_providers()
    if _PROVIDERS[device] not in available:
        raise DeviceUnavailable(
            f"device is {device!r}, but this onnxruntime offers {', '.join(available)}. "
            "Install the extra [gpu] in place of [cpu], or set the device to cpu."
        )
    if device == "cuda":
        onnxruntime.preload_dlls()
    provider_options = [{"cudnn_conv_algo_search": "HEURISTIC"}] if device == "cuda" else None
    try:
        session = onnxruntime.InferenceSession(
            path, _options(threads), providers=[_PROVIDERS[device]], provider_options=provider_options
        )
    except Exception as error:  # onnxruntime's own classes have no common base
        raise BundleDamaged(path, found=f"{error}", expected="a graph that onnxruntime loads") from error
    if session.get_providers()[0] != _PROVIDERS[device]:
        # onnxruntime falls back to the CPU without an exception; we do not.
        raise DeviceUnavailable(
            f"device is {device!r}, but onnxruntime loaded {session.get_providers()[0]}. "
            "Check the driver and that CUDA 13 and cuDNN 9 are installed (the extra [gpu] brings them)."
        )
    found = [_described(end) for end in (*session.get_inputs(), *session.get_outputs())]
    if found != list(interface):
        raise BundleDamaged(path, found=" -> ".join(found), expected=" -> ".join(interface))
    return session


def _options(threads: int | None) -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or usable_cores()
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Threads that spin while they wait take the cores from whoever encodes the pictures.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def _described(end: onnxruntime.NodeArg) -> str:
    sizes = ("N" if isinstance(size, str) else str(size) for size in end.shape)
    return f"{end.name} {end.type} [{', '.join(sizes)}]"
