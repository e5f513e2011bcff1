"""A bundle's generator.onnx in onnxruntime, as onnxruntime's documentation loads a file.

    PEER_GENERATOR -> [generator] -> fastapi_onnx, bentoml_array, litserve_onnx

Session options are the defaults but for the threads, which all contenders have alike.

Letters: N pictures    Z numbers in a code    H, W, C of a picture
"""

import os
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

CALL_IMAGES = 256
"""Most pictures of one call of the engine: an unbounded batch is an unbounded memory."""


def path() -> Path:
    """The file that a peer draws with."""
    return Path(os.environ["PEER_GENERATOR"])


def threads() -> int:
    """CPU threads of the engine."""
    return int(os.environ["PEER_THREADS"])


class Generator:
    """A loaded generator; several threads may draw with it."""

    def __init__(self) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads()
        self._session = onnxruntime.InferenceSession(path(), options, providers=["CPUExecutionProvider"])
        sizes = {given.name: given.shape for given in self._session.get_inputs()}
        self.code_size, self._has_labels = sizes["z"][1], "label" in sizes

    def draw(self, codes_NZ: NDArray[np.float32], labels_N: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Pictures of codes: (N, Z) float32 and (N,) int64 -> (N, H, W, C) uint8."""
        parts = []
        for at in range(0, len(codes_NZ), CALL_IMAGES):
            given = {"z": codes_NZ[at : at + CALL_IMAGES]}
            if self._has_labels:
                given["label"] = labels_N[at : at + CALL_IMAGES]
            parts.append(self._session.run(None, given)[0])
        return parts[0] if len(parts) == 1 else np.concatenate(parts)


def codes(n: int, seed: int | None, code_size: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Standard normal codes (n, Z) float32, and one of ten classes for each, (n,) int64."""
    random = np.random.default_rng(seed)
    return random.standard_normal((n, code_size), np.float32), random.integers(0, 10, n)
