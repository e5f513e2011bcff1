"""A graph and the name of an engine -> the graph, loaded by that engine and by no other.

engine, onnxruntime_engine, openvino_engine -> [loading] -> runtime
"""

from collections.abc import Sequence
from pathlib import Path

from models.engine import NAMES, Engine, EngineName, usable_cores
from models.errors import EngineUnavailable
from models.onnxruntime_engine import OnnxruntimeEngine


def load(path: Path, name: EngineName, threads: int | None, interface: Sequence[str]) -> Engine:
    """Load a graph.

    Args:
        path: an ONNX file.
        name: the engine, which is never replaced by another.
        threads: CPU threads of one call; all cores that this process may use, if not given.
        interface: what its inputs and then its outputs must be, such as "z float32 [N, 64]".

    Raises:
        EngineUnavailable: the library, the device or the precision is not here; says why.
        BundleDamaged: the library does not load the file, or its interface is another.
    """
    if name not in NAMES:
        raise EngineUnavailable(f"there is no engine {name}; there are {', '.join(map(str, NAMES))}")
    if name.library == "onnxruntime":
        return OnnxruntimeEngine(path, name, threads or usable_cores(), interface)
    from models.openvino_engine import OpenvinoEngine  # a large library, and an extra's

    return OpenvinoEngine(path, name, threads or usable_cores(), interface)
