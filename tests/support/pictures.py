"""Real pictures for tests that want them: `../shared/data`, which is not part of this project and may be absent."""

import gzip
from pathlib import Path

import numpy as np
import pytest

DATA = Path(__file__).parents[3] / "shared" / "data"

needs_mnist = pytest.mark.skipif(not (DATA / "mnist").is_dir(), reason=f"no MNIST at {DATA / 'mnist'}")
needs_cifar = pytest.mark.skipif(not (DATA / "cifar10").is_dir(), reason=f"no CIFAR-10 at {DATA / 'cifar10'}")


def mnist(part: str) -> tuple[np.ndarray, np.ndarray]:
    """Pictures (N, 28, 28) uint8 and labels (N,) int64; part is `train` or `t10k`."""

    def read(kind: str, offset: int) -> np.ndarray:
        data = gzip.decompress((DATA / "mnist" / f"{part}-{kind}-ubyte.gz").read_bytes())
        return np.frombuffer(data, np.uint8, offset=offset)

    return read("images-idx3", 16).reshape(-1, 28, 28), read("labels-idx1", 8).astype(np.int64)
