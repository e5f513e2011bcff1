"""OpenVINO on the CPU, in float32 or in bfloat16 where the processor computes in it.

    [openvino_engine] -> engine -> runtime

A graph is compiled for each batch size by itself, which takes a tenth of a
second and draws a tenth faster than one graph for all sizes. A small batch gets
one thread where more would only wait for one another. Imported only by whoever
asks for it: the library is an extra's, and not everywhere.

Letters: N rows of a batch
"""

import sys
import threading
import timeit
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from models.engine import EngineName, Rows, check_interface, described
from models.errors import BundleDamaged, EngineUnavailable

# At its import it reports home and leaves files in the home folder, unless its package of telemetry is missing.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
try:
    import openvino
except ImportError:
    openvino = None

_THREADS_PAY = 1.5
"""Times as fast that all threads must be: less, and they spend more of the machine than they give."""
_TRIALS = 5
_HINTS = {"float32": "f32", "bfloat16": "bf16"}
_DTYPES = {"f32": "float32", "i64": "int64", "u8": "uint8"}


class OpenvinoEngine:
    """See `Engine`, and `load`."""

    def __init__(self, path: Path, name: EngineName, threads: int, interface: Sequence[str]) -> None:
        if openvino is None:
            raise EngineUnavailable("openvino is not installed. Install the extra [cpu], or set the engine to auto.")
        self._core = openvino.Core()
        if name.precision == "bfloat16" and "BF16" not in self._core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
            raise EngineUnavailable("precision is bfloat16, and this processor does not compute in it. Use float32.")
        self._path = path
        self._threads = threads
        self._options = {
            "INFERENCE_PRECISION_HINT": _HINTS[name.precision],
            "NUM_STREAMS": 1,
            "ENABLE_CPU_PINNING": False,  # whoever encodes the pictures has the cores too
        }
        ends = self._read()
        found = [described(end.any_name, _dtype(end), _sizes(end)) for end in (*ends.inputs, *ends.outputs)]
        check_interface(path, found, interface)
        self._requests: dict[int, Any] = {}
        self._alone = threading.Lock()
        self.told = f"openvino-{version('openvino')}-cpu-{name.precision}"

    def run(self, *inputs_N: Rows) -> list[Rows]:
        """One batch."""
        size = len(inputs_N[0])
        with self._alone:
            if size not in self._requests:
                self._requests[size] = self._best_request(inputs_N)
            request = self._requests[size]
            _infer(request, inputs_N)
            return [tensor.data.copy() for tensor in request.output_tensors]

    def _best_request(self, inputs_N: Sequence[Rows]) -> Any:
        """Compiled for this batch size: with all threads, or with one where they do not pay."""
        alone, together = (self._compiled(len(inputs_N[0]), threads) for threads in (1, self._threads))
        pays = self._threads > 1 and _seconds(together, inputs_N) * _THREADS_PAY <= _seconds(alone, inputs_N)
        return together if pays else alone

    def _compiled(self, size: int, threads: int) -> Any:
        graph = self._read()
        graph.reshape({end.any_name: [size, *_sizes(end)[1:]] for end in graph.inputs})
        options = {**self._options, "INFERENCE_NUM_THREADS": threads}
        return self._core.compile_model(graph, "CPU", options).create_infer_request()

    def _read(self) -> Any:
        try:
            return self._core.read_model(self._path)
        except RuntimeError as error:
            raise BundleDamaged(self._path, found=f"{error}", expected="a graph that OpenVINO loads") from error


def _infer(request: Any, inputs_N: Sequence[Rows]) -> None:
    for at, rows in enumerate(inputs_N):
        request.set_input_tensor(at, openvino.Tensor(rows, shared_memory=True))
    request.infer()


def _seconds(request: Any, inputs_N: Sequence[Rows]) -> float:
    """The quickest of some runs."""
    _infer(request, inputs_N)
    return min(timeit.repeat(lambda: _infer(request, inputs_N), number=1, repeat=_TRIALS))


def _dtype(end: Any) -> str:
    found = str(end.element_type.get_type_name())
    return _DTYPES.get(found, found)


def _sizes(end: Any) -> list[object]:
    return [size.get_length() if size.is_static else None for size in end.partial_shape]
