"""OpenVINO on the CPU, in float32 or in bfloat16 where the processor computes in it.

    engine -> [openvino_engine] -> loading

A batch is cut into parts, and each is computed by one thread: threads that share
a part wait for one another at every layer, and spin while they do, on cores that
whoever encodes the pictures needs. There are more parts than threads, so that one
whose core has other work as well computes fewer of them. A graph is compiled for
each size of a part, which takes a tenth of a second and draws a tenth faster than
one graph for all.
Imported only by whoever asks for it: the library is an extra's, and not everywhere.

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

from models.engine import EngineName, Rows, check_interface, described
from models.errors import BundleDamaged, EngineUnavailable

# At its import it reports home and leaves files in the home folder, unless its package of telemetry is missing.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
try:
    import openvino
except ImportError:
    openvino = None

_PARTS_A_THREAD = 8
_FEWEST_ROWS = 4
"""Of a part, in a batch that has as many: fewer do no more than wake a thread up."""
_HINTS = {"float32": "f32", "bfloat16": "bf16"}
_DTYPES = {"f32": "float32", "i64": "int64", "u8": "uint8"}


class OpenvinoEngine:
    """See `Engine`, and `loading`."""

    def __init__(self, path: Path, name: EngineName, threads: int, interface: Sequence[str]) -> None:
        if openvino is None:
            raise EngineUnavailable("openvino is not installed. Install the extra [cpu], or set the engine to auto.")
        self._core = _core()
        if name.precision == "bfloat16" and "BF16" not in self._core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
            raise EngineUnavailable("precision is bfloat16, and this processor does not compute in it. Use float32.")
        self._path = path
        self._threads = threads
        self._options = {
            "INFERENCE_PRECISION_HINT": _HINTS[name.precision],
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": threads,
            "ENABLE_CPU_PINNING": False,  # whoever encodes the pictures has the cores too
        }
        ends = self._read()
        found = [described(end.any_name, _dtype(end), _sizes(end)) for end in (*ends.inputs, *ends.outputs)]
        check_interface(path, found, interface)
        self._parts: dict[int, tuple[Any, list[_Part]]] = {}
        """By their rows, and the graph that computes them."""
        self._alone = threading.Lock()
        self.told = f"openvino-{version('openvino')}-cpu-{name.precision}"

    def run(self, *inputs_N: Rows) -> list[Rows]:
        """One batch."""
        size = len(inputs_N[0])
        rows = max(min(size, _FEWEST_ROWS), size // (_PARTS_A_THREAD * self._threads))
        rows = 1 << (rows.bit_length() - 1)  # sizes are powers of two, and so are their parts
        with self._alone:
            parts = self._of(rows, size // rows)
            for at, part in enumerate(parts):
                for memory_P, rows_N in zip(part.inputs, inputs_N, strict=True):
                    memory_P[:] = rows_N[at * rows : (at + 1) * rows]
                part.request.start_async()
            for part in parts:
                part.request.wait()
            return [np.concatenate(outputs) for outputs in zip(*(part.outputs for part in parts), strict=True)]

    def _of(self, rows: int, count: int) -> list["_Part"]:
        """So many parts of so many rows, the same ones in every batch."""
        if rows not in self._parts:
            graph = self._read()
            graph.reshape({end.any_name: [rows, *_sizes(end)[1:]] for end in graph.inputs})
            self._parts[rows] = self._core.compile_model(graph, "CPU", self._options), []
        compiled, parts = self._parts[rows]
        parts += [_Part(compiled.create_infer_request()) for _ in range(count - len(parts))]
        return parts[:count]

    def _read(self) -> Any:
        try:
            return self._core.read_model(self._path)
        except RuntimeError as error:
            raise BundleDamaged(self._path, found=f"{error}", expected="a graph that OpenVINO loads") from error


class _Part:
    """Some rows of a batch, and their memory: to bind other memory costs more than to copy the rows."""

    def __init__(self, request: Any) -> None:
        self.request = request
        self.inputs: list[Rows] = [tensor.data for tensor in request.input_tensors]
        self.outputs: list[Rows] = [tensor.data for tensor in request.output_tensors]


@functools.cache
def _core() -> Any:
    """One for the process, and never given back: its plugin for the CPU sets the stack on which this thread handles
    signals, and puts back what it found when it goes. Of two that go in the order in which they came, the second
    puts back the first one's stack, which is no more: the next signal, SIGTERM say, ends the process by a
    segmentation fault."""
    return openvino.Core()


def _dtype(end: Any) -> str:
    found = str(end.element_type.get_type_name())
    return _DTYPES.get(found, found)


def _sizes(end: Any) -> list[object]:
    return [size.get_length() if size.is_static else None for size in end.partial_shape]
