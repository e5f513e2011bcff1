"""Codes to pixels: the one piece of code that runs a generator.

    codes -> [runtime] -> uint8 pixels

Export checks a new bundle through this file, and the service draws with it, so
"it was right when it was exported" and "it is what people get" are the same
sentence. Knows onnxruntime; knows neither HTTP nor torch.

Letters: N pictures    Z numbers in a code    H, W, C of a picture
"""

import os
from typing import Literal, get_args

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from models.bundle import Bundle
from models.codes import codes
from models.errors import BundleDamaged, DeviceUnavailable

Device = Literal["cpu", "cuda"]
_PROVIDERS: dict[Device, str] = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}

BATCH_SIZES = (1, 8, 64, 256)
"""The only batch sizes that reach the engine: a kernel is chosen by shape, and another kernel may round differently."""


class Runtime:
    """A generator, loaded and warm.

    Args:
        bundle: what to load.
        device: "cpu", or "cuda", which is never replaced by another.
        threads: CPU threads of one call; all cores that this process may use, if not given.

    Raises:
        DeviceUnavailable: "cuda" was asked for, and onnxruntime cannot use it here.
        BundleDamaged: the graph is not what the card says.
    """

    def __init__(self, bundle: Bundle, device: Device = "cpu", threads: int | None = None) -> None:
        self.card = bundle.card
        self._session = _session(bundle, device, threads)
        self.engine = f"onnxruntime-{onnxruntime.__version__}-{device}-float32"
        _check_interface(bundle, self._session)
        self.batch_sizes = self._agreeing_batch_sizes()

    def generate(self, seed: int, start: int, count: int, truncation: float = 1.0) -> NDArray[np.uint8]:
        """The pictures [start, start + count) of a seed: (count, H, W, C) uint8.

        The bytes of a picture depend on its address and on nothing else.

        Raises:
            AddressError: see `models.codes`.
        """
        return self.draw(codes(seed, start, count, self.card.code_size, truncation))

    def draw(self, codes_NZ: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Pictures of these codes: (N, Z) float32 -> (N, H, W, C) uint8."""
        shape = self.card.image
        pixels = np.empty((len(codes_NZ), shape.height, shape.width, shape.channels), np.uint8)
        done = 0
        while done < len(codes_NZ):
            left = len(codes_NZ) - done
            size = next((size for size in self.batch_sizes if size >= left), self.batch_sizes[-1])
            count = min(size, left)
            pixels[done : done + count] = self._run(codes_NZ[done : done + count], size)
            done += count
        return pixels

    def _run(self, codes_NZ: NDArray[np.float32], size: int) -> NDArray[np.uint8]:
        batch = np.zeros((size, self.card.code_size), np.float32)
        batch[: len(codes_NZ)] = codes_NZ
        (pixels,) = self._session.run(["images"], {"z": batch})
        return np.asarray(pixels)[: len(codes_NZ)]

    def _agreeing_batch_sizes(self) -> tuple[int, ...]:
        """Warm every batch size, and keep those that draw the very bytes that the largest draws."""
        largest = BATCH_SIZES[-1]
        probe = codes(0, 0, largest, self.card.code_size)
        reference = self._run(probe, largest)
        kept = [
            size
            for size in BATCH_SIZES[:-1]
            if all(
                np.array_equal(self._run(probe[at : at + size], size), reference[at : at + size])
                for at in range(0, largest, max(size, largest // 16))
            )
        ]
        return (*kept, largest)


def usable_cores() -> int:
    """CPU cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)


def _session(bundle: Bundle, device: Device, threads: int | None) -> onnxruntime.InferenceSession:
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
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or usable_cores()
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Threads that spin while they wait take the cores from whoever encodes the pictures.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    provider_options = [{"cudnn_conv_algo_search": "HEURISTIC"}] if device == "cuda" else None
    try:
        session = onnxruntime.InferenceSession(
            bundle.generator, options, providers=[_PROVIDERS[device]], provider_options=provider_options
        )
    except Exception as error:  # onnxruntime's own classes have no common base
        raise BundleDamaged(bundle.generator, found=f"{error}", expected="a graph that onnxruntime loads") from error
    if session.get_providers()[0] != _PROVIDERS[device]:
        # onnxruntime falls back to the CPU without an exception; we do not.
        raise DeviceUnavailable(
            f"device is {device!r}, but onnxruntime loaded {session.get_providers()[0]}. "
            "Check the driver and that CUDA 13 and cuDNN 9 are installed (the extra [gpu] brings them)."
        )
    return session


def _check_interface(bundle: Bundle, session: onnxruntime.InferenceSession) -> None:
    shape = bundle.card.image
    expected = (
        f"z tensor(float) [N, {bundle.card.code_size}] -> "
        f"images tensor(uint8) [N, {shape.height}, {shape.width}, {shape.channels}]"
    )
    ends = [(end.name, end.type, end.shape) for end in (*session.get_inputs(), *session.get_outputs())]
    found = " -> ".join(
        f"{name} {kind} [{', '.join('N' if isinstance(size, str) else str(size) for size in sizes)}]"
        for name, kind, sizes in ends
    )
    if found != expected:
        raise BundleDamaged(bundle.generator, found=found, expected=expected)
