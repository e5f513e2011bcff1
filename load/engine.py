"""What the generator alone makes: onnxruntime in a loop, with nothing around it.

    <models>/<name>/generator.onnx -> [engine] -> images a second

The service is measured against this, in the same run and on the same cores, so
that what is judged is the cost of serving and not the machine. Options and batch
size are those that the service draws with. Knows the file, and no HTTP.

Letters: N pictures    Z numbers in a code
"""

import os
import time
from pathlib import Path

import numpy as np
import onnxruntime

BATCH_IMAGES = 256
_WARMING_BATCHES = 3


class Engine:
    """A generator, loaded and warm, as the service loads it."""

    def __init__(self, generator: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = usable_cores()
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(generator, options, providers=["CPUExecutionProvider"])
        sizes = {given.name: given.shape for given in self._session.get_inputs()}
        random = np.random.default_rng(0)
        self._given = {"z": random.standard_normal((BATCH_IMAGES, sizes["z"][1]), np.float32)}
        if "label" in sizes:
            self._given["label"] = np.zeros(BATCH_IMAGES, np.int64)
        for _ in range(_WARMING_BATCHES):
            self._draw()

    def window(self, seconds: float) -> tuple[float, float]:
        """Draw for some time: images a second, and the cores that it had; fewer than there are, if others run here."""
        drawn, cpu_s, begin = 0, time.process_time(), time.perf_counter()
        while (elapsed_s := time.perf_counter() - begin) < seconds:
            drawn += self._draw()
        return drawn / elapsed_s, (time.process_time() - cpu_s) / elapsed_s

    def _draw(self) -> int:
        (images,) = self._session.run(["images"], self._given)
        return len(images)


def usable_cores() -> int:
    """CPU cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
