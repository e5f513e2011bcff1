"""The batch sizes of a model: which are warm, and draw the bytes that the largest size draws.

    engine -> [warm_up] -> runtime

A kernel is chosen by the shape of what it computes, and another kernel may round
differently. So each size is run before it is used, and compared.

Letters: N pictures    Z numbers in a code
"""

import math
import threading
import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.class_weights import ClassRows
from models.engine import Engine, Rows, pad_rows

_PROBES = 4
"""Batches of one size that are compared with the largest batch."""


class WarmUp:
    """The batch sizes of a runtime: each is run before it is used, and used if it draws the bytes of the largest size.

    Args:
        engine: draws.
        sizes: all that may be used, ascending; size 1 and the largest are warmed at once.
        codes_NZ, classes_N: of as many pictures as the largest size.
    """

    def __init__(
        self, engine: Engine, sizes: Sequence[int], codes_NZ: NDArray[np.float32], classes_N: ClassRows | None
    ) -> None:
        self._engine, self._codes_NZ, self._classes_N = engine, codes_NZ, classes_N
        self._lock = threading.Lock()
        self.quickest_image_s = math.inf
        """Seconds a picture in the quickest run so far: first runs are slow, and a busy machine slows any."""
        self._expected = self._run(0, sizes[-1])
        self.sizes: tuple[int, ...] = (sizes[-1],)
        """Warm and agreeing, ascending; replaced as a whole."""
        self._waiting = [*sizes[:-1][:1], *_middle_first(sizes[1:-1])]
        self.warm_up_next()  # size 1

    def warm_up_next(self) -> bool:
        """See `Runtime.warm_up_next`."""
        with self._lock:
            if not self._waiting:
                return False
            size = self._waiting.pop(0)
            if self._agrees(size):
                self.sizes = tuple(sorted((*self.sizes, size)))
            return True

    def _agrees(self, size: int) -> bool:
        largest = self.sizes[-1]
        starts = range(0, largest, max(size, largest // _PROBES))
        return all(np.array_equal(self._run(at, size), self._expected[at : at + size]) for at in starts)

    def _run(self, at: int, size: int) -> Rows:
        part = slice(at, at + size)
        classes_N = None if self._classes_N is None else self._classes_N[part]
        begin_s = time.perf_counter()
        (pixels,) = run_padded(self._engine, size, self._codes_NZ[part], classes_N)
        self.quickest_image_s = min(self.quickest_image_s, (time.perf_counter() - begin_s) / size)
        return pixels


def run_padded(engine: Engine, size: int, rows: Rows, classes_N: ClassRows | None) -> list[Rows]:
    """One call of an engine: rows padded to a batch of `size`, the padding's results left out."""
    given = [pad_rows(one, size) for one in (rows, classes_N) if one is not None]
    return [result[: len(rows)] for result in engine.run(*given)]


def _middle_first(sizes: Sequence[int]) -> list[int]:
    """Each size halves a gap between those before it, so that the first few serve any number of pictures well."""
    order, gaps = [], [list(sizes)]
    while gaps:
        gap = gaps.pop(0)
        if gap:
            middle = len(gap) // 2
            order.append(gap[middle])
            gaps += [gap[middle + 1 :], gap[:middle]]
    return order
