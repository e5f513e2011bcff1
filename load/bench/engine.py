"""What the generator alone makes: codes and engine in a loop, with nothing around them.

    <models>/<name>/generator.onnx -> [engine] -> images a second, CPU seconds

The service is measured against this, in the same run and on the same cores, so
that what is judged is the cost of serving and not the machine. Options and batch
size are those that the service draws with. Knows the file, and no HTTP.

    python -m load.bench.engine models/mnist/generator.onnx --engine ENGINE --batch 256 --seconds 2

prints one line of JSON; the engine is named as the service's `GET /models/{name}` names it.

Letters: N pictures    Z numbers in a code
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

BATCH_IMAGES = 256
REFERENCE = "onnxruntime-cpu-float32"
"""The engine that every other is measured against."""
_WARMING_BATCHES = 3
_BFLOAT16, _FLOAT32 = "bfloat16", "float32"
_PARTS_A_CORE, _FEWEST_ROWS = 8, 4

Draw = Callable[[dict[str, NDArray[Any]]], NDArray[Any]]


class Engine:
    """A generator, loaded and warm, as the service loads it.

    Args:
        generator: the ONNX file.
        engine: library first, precision last, as in "openvino-2026.4.1-cpu-bfloat16".
        batch: pictures of one call.

    Raises:
        ValueError: an engine that this file does not know.
    """

    def __init__(self, generator: Path, engine: str = REFERENCE, batch: int = BATCH_IMAGES) -> None:
        library, precision = engine.split("-")[0], engine.split("-")[-1]
        if (library, precision) not in _LOADERS:
            known = ", ".join("-".join(one) for one in _LOADERS)
            raise ValueError(f"engine is {engine!r}; its library and precision must be one of {known}")
        sizes, self._draw_batch = _LOADERS[library, precision](generator, batch)
        self._random, self._shape = np.random.default_rng(0), (batch, sizes["z"])
        self._labels = {"label": np.zeros(batch, np.int64)} if "label" in sizes else {}
        for _ in range(_WARMING_BATCHES):
            self._draw()

    def window(self, seconds: float) -> tuple[float, float]:
        """Draw for some time: images a second, and the cores that it had; fewer than there are, if others run here."""
        drawn, cpu_s, begin = 0, time.process_time(), time.perf_counter()
        while (elapsed_s := time.perf_counter() - begin) < seconds:
            drawn += self._draw()
        return drawn / elapsed_s, (time.process_time() - cpu_s) / elapsed_s

    def _draw(self) -> int:
        codes_NZ = self._random.standard_normal(self._shape, np.float32)
        return len(self._draw_batch({"z": codes_NZ, **self._labels}))


def usable_cores() -> int:
    """CPU cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)


def _onnxruntime(generator: Path, _: int) -> tuple[dict[str, int], Draw]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = usable_cores()
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(generator, options, providers=["CPUExecutionProvider"])
    return {given.name: given.shape[-1] for given in session.get_inputs()}, lambda given: session.run(None, given)[0]


def _openvino(generator: Path, precision_hint: str, batch: int) -> tuple[dict[str, int], Draw]:
    """As the service has it: more parts than cores, each computed by one thread."""
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # or it reports home at import
    import openvino  # only where the service chose it

    core, cores = openvino.Core(), usable_cores()
    graph, rows = core.read_model(generator), max(min(batch, _FEWEST_ROWS), batch // (_PARTS_A_CORE * cores))
    rows = 1 << (rows.bit_length() - 1)
    sizes = {end.any_name: end.partial_shape[len(end.partial_shape) - 1] for end in graph.inputs}
    found = {name: size.get_length() if size.is_static else 0 for name, size in sizes.items()}
    graph.reshape({name: [rows, size] if size else [rows] for name, size in found.items()})
    options = {"INFERENCE_PRECISION_HINT": precision_hint, "INFERENCE_NUM_THREADS": cores, "NUM_STREAMS": cores}
    compiled = core.compile_model(graph, "CPU", {**options, "ENABLE_CPU_PINNING": False})
    parts = [slice(at, at + rows) for at in range(0, batch, rows)]
    requests = [compiled.create_infer_request() for _ in parts]
    memory = [{name: request.get_tensor(name).data for name in sizes} for request in requests]
    outputs = [request.get_output_tensor(0).data for request in requests]

    def draw(given: dict[str, NDArray[Any]]) -> NDArray[Any]:
        for part, request, inputs in zip(parts, requests, memory, strict=True):
            for name, values in given.items():
                inputs[name][:] = values[part]
            request.start_async()
        for request in requests:
            request.wait()
        return np.concatenate(outputs)

    return found, draw


_LOADERS: dict[tuple[str, str], Callable[[Path, int], tuple[dict[str, int], Draw]]] = {
    ("onnxruntime", _FLOAT32): _onnxruntime,
    ("openvino", _FLOAT32): lambda generator, batch: _openvino(generator, "f32", batch),
    ("openvino", _BFLOAT16): lambda generator, batch: _openvino(generator, "bf16", batch),
}


def _main() -> None:
    parser = argparse.ArgumentParser(prog="python -m load.bench.engine", description="Codes and engine alone.")
    parser.add_argument("generator", type=Path)
    parser.add_argument("--engine", default=REFERENCE)
    parser.add_argument("--batch", type=int, default=BATCH_IMAGES)
    parser.add_argument("--seconds", type=float, default=2.0)
    asked = parser.parse_args()
    images_per_s, cores = Engine(asked.generator, asked.engine, asked.batch).window(asked.seconds)
    found = {"images": images_per_s * asked.seconds, "cpu_s": cores * asked.seconds, "wall_s": asked.seconds}
    print(json.dumps(found))


if __name__ == "__main__":
    _main()
