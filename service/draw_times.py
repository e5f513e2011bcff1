"""How long the engine takes, model by model: of one picture, and of a backlog.

    batching -> [draw_times] -> batching: whether a queue can be drawn in time

A backlog is drawn in full batches, and a smaller one is mostly overhead, so full
batches alone tell its speed. The median of the last ones is taken, once there
are three: the first draw of a model is slow, and a busy machine delays single
ones. What is not known yet counts as no time. Knows no request.
"""

import math
from collections import deque
from statistics import median
from weakref import WeakKeyDictionary

from models.runtime import Runtime

_SMOOTHING = 0.1
_KEPT_BATCHES, _FEWEST_BATCHES = 9, 3


class DrawTimes:
    """The times of one engine thread; called by that thread, and read by others."""

    def __init__(self) -> None:
        self._single_s: WeakKeyDictionary[Runtime, float] = WeakKeyDictionary()
        self._full_s: WeakKeyDictionary[Runtime, deque[float]] = WeakKeyDictionary()
        self._per_image_s: WeakKeyDictionary[Runtime, float] = WeakKeyDictionary()

    def add(self, runtime: Runtime, images: int, seconds: float) -> None:
        """A batch of so many pictures took so long."""
        if images == 1:
            before_s = self._single_s.get(runtime, seconds)
            self._single_s[runtime] = before_s + _SMOOTHING * (seconds - before_s)
        if images >= runtime.batch_sizes[-1]:
            kept = self._full_s.setdefault(runtime, deque(maxlen=_KEPT_BATCHES))
            kept.append(seconds / images)
            if len(kept) >= _FEWEST_BATCHES:
                self._per_image_s[runtime] = median(kept)

    def single_s(self, runtime: Runtime) -> float:
        """Seconds of one picture by itself; infinite until one was drawn."""
        return self._single_s.get(runtime, math.inf)

    def per_image_s(self, runtime: Runtime) -> float:
        """Seconds a picture in full batches; 0 until three were drawn."""
        return self._per_image_s.get(runtime, 0.0)
