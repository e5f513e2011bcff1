"""Questions for pictures, as the service would put them to a model."""

import threading
from dataclasses import dataclass, field

import numpy as np

from models.runtime import Runtime
from service.latents import AddressRange

PINNED = {"engine": "onnxruntime", "precision": "float32", "threads": 1}
"""Settings of a service that measures no engine, and draws what `Runtime` draws in a test."""


def address(runtime: Runtime, n: int, seed: int = 0, start: int = 0) -> AddressRange:
    """As a question for n pictures of a model, or of its classes by turns, would give it."""
    count = len(runtime.class_names)
    labels = np.arange(n) % count if count else None
    return AddressRange(runtime.card.name, runtime.card.version, seed, start, n, 1.0, labels, runtime.class_names)


@dataclass
class Held:
    """Pictures whose codes come only when `go_on` is set: so the engine is held up for as long as a test needs."""

    address: AddressRange
    begun: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)

    @property
    def n(self) -> int:
        return self.address.n

    def codes(self, runtime: Runtime, at: int, count: int) -> tuple[np.ndarray, np.ndarray | None]:
        self.begun.set()
        assert self.go_on.wait(30)
        return self.address.codes(runtime, at, count)
