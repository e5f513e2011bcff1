"""onnxruntime, on the CPU or on CUDA: the reference, and what draws on a GPU.

    engine, graph -> onnxruntime_engine -> engine_selection

Inputs and outputs of each batch size are bound once, to memory on the device.
On CUDA a size is then one recorded graph of kernels: it is launched with a
single call, where the driver's work for each kernel would otherwise take longer
than a small kernel itself. A recording belongs to the thread that made it, and
fails where another thread allocates memory meanwhile: so one thread does all the
work on CUDA. Never falls back to another device.

Letters: N rows of a batch
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from pathlib import Path
from typing import TypeVar

import numpy as np
import onnxruntime

from models.engine import Device, EngineName, Rows, check_interface, describe_tensor
from models.errors import BundleDamaged, EngineUnavailable
from models.graph import convert_to_float16

_PROVIDERS: dict[Device, str] = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
_CUDA_GRAPH = "enable_cuda_graph"
Result = TypeVar("Result")
_DTYPES = {
    "tensor(float)": np.dtype(np.float32),
    "tensor(int64)": np.dtype(np.int64),
    "tensor(uint8)": np.dtype(np.uint8),
}


class OnnxruntimeEngine:
    """See `Engine`, and `engine_selection.load_engine`."""

    def __init__(self, graph: bytes, origin: Path, name: EngineName, threads: int, interface: Sequence[str]) -> None:
        self._device = name.device
        self._call = _call_on_cuda_thread if name.device == "cuda" else _call_here
        self._session = self._call(partial(_session, graph, origin, name, threads))
        ends = [*self._session.get_inputs(), *self._session.get_outputs()]
        dtypes = [str(_DTYPES.get(end.type, end.type)) for end in ends]
        found = [describe_tensor(e.name, dtype, e.shape) for e, dtype in zip(ends, dtypes, strict=True)]
        check_interface(origin, found, interface)
        self._bound: dict[int, _BoundBatch] = {}
        self._lock = threading.Lock()
        self.description = f"onnxruntime-{onnxruntime.__version__}-{name.device}-{name.precision}"

    def run(self, *inputs_N: Rows) -> list[Rows]:
        """One batch."""
        with self._lock:
            return self._call(partial(self._run, inputs_N))

    def replay(self, size: int) -> None:
        """Compute the last batch of this size again, and leave the results on the device.

        For timing the engine without the copies to and from the device.
        """
        with self._lock:
            self._call(self._bound[size].compute)

    def _run(self, inputs_N: Sequence[Rows]) -> list[Rows]:
        size = len(inputs_N[0])
        if size not in self._bound:
            self._bound[size] = _BoundBatch(self._session, self._device, size)
        return self._bound[size].run(inputs_N)


class _BoundBatch:
    """The inputs and outputs of one batch size, in memory of the device that stays where it is."""

    def __init__(self, session: onnxruntime.InferenceSession, device: Device, size: int) -> None:
        self._session, self._binding, self._device = session, session.io_binding(), device
        self._options = onnxruntime.RunOptions()
        if device == "cuda":
            self._options.add_run_config_entry("gpu_graph_id", str(size))  # a recorded graph for each size

        def memory(end: onnxruntime.NodeArg) -> onnxruntime.OrtValue:
            sizes = [each if isinstance(each, int) else size for each in end.shape]
            return onnxruntime.OrtValue.ortvalue_from_shape_and_type(sizes, _DTYPES[end.type], device)

        self._inputs = [memory(end) for end in session.get_inputs()]
        self._outputs = [memory(end) for end in session.get_outputs()]
        for end, value in zip(session.get_inputs(), self._inputs, strict=True):
            self._binding.bind_ortvalue_input(end.name, value)
        for end, value in zip(session.get_outputs(), self._outputs, strict=True):
            self._binding.bind_ortvalue_output(end.name, value)

    def run(self, inputs_N: Sequence[Rows]) -> list[Rows]:
        for value, rows in zip(self._inputs, inputs_N, strict=True):
            value.update_inplace(rows)
        self.compute()
        results = [value.numpy() for value in self._outputs]  # from a GPU a copy, on the CPU the memory itself
        return results if self._device == "cuda" else [np.array(rows) for rows in results]

    def compute(self) -> None:
        self._session.run_with_iobinding(self._binding, self._options)


def _call_here(work: Callable[[], Result]) -> Result:
    return work()


def _call_on_cuda_thread(work: Callable[[], Result]) -> Result:
    return _cuda_thread().submit(work).result()


@cache
def _cuda_thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="cuda")


def _session(graph: bytes, origin: Path, name: EngineName, threads: int) -> onnxruntime.InferenceSession:
    provider = _PROVIDERS[name.device]
    available = onnxruntime.get_available_providers()
    if provider not in available:
        raise EngineUnavailable(
            f"device is {name.device!r}, but this onnxruntime offers {', '.join(available)}. "
            "Install the extra [gpu] in place of [cpu], or set the device to cpu."
        )
    if name.device == "cuda":
        onnxruntime.preload_dlls()
    try:
        if name.precision == "float16":
            graph = convert_to_float16(graph)
        session = _load(graph, provider, provider_options(name), threads)
    except EngineUnavailable:
        raise
    except Exception as error:  # onnxruntime's own classes have no common base
        raise BundleDamaged(origin, found=f"{error}", expected="a graph that onnxruntime loads") from error
    if session.get_providers()[0] != provider:
        # onnxruntime falls back to the CPU without an exception; this code does not.
        raise EngineUnavailable(
            f"device is {name.device!r}, but onnxruntime loaded {session.get_providers()[0]}. "
            "Check the driver and that CUDA 13 and cuDNN 9 are installed (the extra [gpu] brings them)."
        )
    return session


def _load(graph: bytes, provider: str, options: Mapping[str, str], threads: int) -> onnxruntime.InferenceSession:
    try:
        return onnxruntime.InferenceSession(
            graph, _session_options(threads), providers=[provider], provider_options=[dict(options)]
        )
    except Exception:
        if _CUDA_GRAPH not in options:
            raise
        # A graph that cannot be recorded, because part of it runs on the CPU, runs without a recording.
        return _load(graph, provider, {key: value for key, value in options.items() if key != _CUDA_GRAPH}, threads)


def provider_options(name: EngineName) -> dict[str, str]:
    """Options of onnxruntime's provider for a device at a precision."""
    if name.device == "cpu":
        return {}
    return {
        # Exhaustive search, the default, takes hundreds of milliseconds for each new shape and gains nothing.
        "cudnn_conv_algo_search": "HEURISTIC",
        _CUDA_GRAPH: "1",
        "use_tf32": "1" if name.precision == "tf32" else "0",
    }


def _session_options(threads: int) -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Threads that spin while they wait take the cores from the threads that encode pictures.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options
