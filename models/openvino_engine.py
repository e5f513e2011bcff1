"""OpenVINO on the CPU, in float32 or in bfloat16 where the processor computes in it.

    engine -> openvino_engine -> engine_selection

A batch is cut into parts, and each is computed by one thread: threads that share
a part wait for one another at every layer, and spin while they do, on cores that
the encoders of pictures need. There are more parts than threads, so that a thread
whose core has other work as well computes fewer of them. A graph is compiled for
each size of a part, which takes a tenth of a second and draws a tenth faster than
one graph for all sizes. The library is optional, so this file is imported only
where OpenVINO may be needed.

Letters: N rows of a batch    P rows of a part
"""

import functools
import sys
import threading
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from models.engine import EngineName, Rows, check_interface, describe_tensor
from models.errors import BundleDamaged, EngineUnavailable

# Its import reports home and leaves files in the home folder, unless its telemetry package is missing.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
try:
    import openvino
except ImportError:
    openvino = None

_PARTS_A_THREAD = 8
_FEWEST_ROWS = 4
"""Of a part, in a batch that has as many: a smaller part costs more to schedule than to compute."""
_HINTS = {"float32": "f32", "bfloat16": "bf16"}
_DTYPES = {"f32": "float32", "i64": "int64", "u8": "uint8"}


def computes_bfloat16() -> bool:
    """Whether OpenVINO is installed here and lists BF16 for this processor."""
    return openvino is not None and "BF16" in _core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


class OpenvinoEngine:
    """See `Engine`, and `engine_selection.load_engine`."""

    def __init__(self, graph: bytes, origin: Path, name: EngineName, threads: int, interface: Sequence[str]) -> None:
        if openvino is None:
            raise EngineUnavailable("openvino is not installed. Install the extra [cpu], or set the engine to auto.")
        if name.precision == "bfloat16" and not computes_bfloat16():
            raise EngineUnavailable("precision is bfloat16, and this processor does not compute in it. Use float32.")
        self._graph, self._origin, self._threads = graph, origin, threads
        self._options = {
            "INFERENCE_PRECISION_HINT": _HINTS[name.precision],
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": threads,
            "ENABLE_CPU_PINNING": False,  # the encoders of pictures use the same cores
        }
        ends = self._read()
        found = [describe_tensor(end.any_name, _dtype(end), _sizes(end)) for end in (*ends.inputs, *ends.outputs)]
        check_interface(origin, found, interface)
        self._compiled: dict[int, Any] = {}
        """Rows of a part -> the graph that computes them."""
        self._parts: dict[int, list[_Part]] = {}
        """Rows of a part -> parts, the same ones in every batch."""
        self._compiling, self._lock = threading.Lock(), threading.Lock()
        self.description = f"openvino-{version('openvino')}-cpu-{name.precision}"

    def run(self, *inputs_N: Rows) -> list[Rows]:
        """One batch."""
        size = len(inputs_N[0])
        rows = max(min(size, _FEWEST_ROWS), size // (_PARTS_A_THREAD * self._threads))
        rows = 1 << (rows.bit_length() - 1)  # sizes are powers of two, and so are their parts
        compiled = self._compile(rows)
        with self._lock:
            parts = self._parts.setdefault(rows, [])
            parts += [_Part(compiled.create_infer_request()) for _ in range(size // rows - len(parts))]
            parts = parts[: size // rows]
            for at, part in enumerate(parts):
                for memory_P, rows_N in zip(part.inputs, inputs_N, strict=True):
                    memory_P[:] = rows_N[at * rows : (at + 1) * rows]
                part.request.start_async()
            for part in parts:
                part.request.wait()
            return [np.concatenate(outputs) for outputs in zip(*(part.outputs for part in parts), strict=True)]

    def _compile(self, rows: int) -> Any:
        """The graph for parts of so many rows. Batches of other sizes go on meanwhile."""
        if rows not in self._compiled:
            with self._compiling:
                if rows not in self._compiled:
                    graph = self._read()
                    graph.reshape({end.any_name: [rows, *_sizes(end)[1:]] for end in graph.inputs})
                    self._compiled[rows] = _core().compile_model(graph, "CPU", self._options)
        return self._compiled[rows]

    def _read(self) -> Any:
        try:
            return _core().read_model(self._graph)
        except RuntimeError as error:
            raise BundleDamaged(self._origin, found=f"{error}", expected="a graph that OpenVINO loads") from error


class _Part:
    """Some rows of a batch, and their memory: to bind other memory costs more than to copy the rows."""

    def __init__(self, request: Any) -> None:
        self.request = request
        self.inputs: list[Rows] = [tensor.data for tensor in request.input_tensors]
        self.outputs: list[Rows] = [tensor.data for tensor in request.output_tensors]


@functools.cache
def _core() -> Any:
    """One for the process, never released: its CPU plugin sets the stack on which this thread handles signals, and
    restores the previous one when it is destroyed. If two are destroyed in the order of their creation, the second
    restores the stack of the first, which is freed: the next signal, for example SIGTERM, is a segmentation fault."""
    return openvino.Core()


def _dtype(end: Any) -> str:
    found = str(end.element_type.get_type_name())
    return _DTYPES.get(found, found)


def _sizes(end: Any) -> list[object]:
    return [size.get_length() if size.is_static else None for size in end.partial_shape]
