"""A service in this process, and requests for pictures as it would put them to a model."""

import threading
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from models.class_weights import PictureClasses
from models.runtime import Runtime
from service.app import App
from service.latents import AddressRange
from service.registry import ModelRegistry
from service.routes import create_app
from service.settings import Settings

PINNED = {"engine": "onnxruntime", "precision": "float32", "threads": 1}
"""Settings of a service that draws what `Runtime` draws in a test."""


def loaded_registry(folder: Path, **settings: object) -> ModelRegistry:
    """A registry whose current models are all loaded, or have a fault."""
    registry = ModelRegistry(Settings(**{"models": folder, **PINNED, **settings}))
    registry.start()
    registry.wait_until_loaded()
    return registry


def started_app(folder: Path, grades: str, **settings: object) -> App:
    """The API with loaded models, which does not look for new ones."""
    app = create_app()
    app.start(Settings(**{"models": folder, "grades": grades, "renew_seconds": 0, **PINNED, **settings}))
    app.registry.wait_until_loaded()
    return app


def loaded(registry: ModelRegistry, model: str | None) -> Runtime:
    """The runtime of a version that is in memory."""
    runtime = registry.find(model).runtime
    assert runtime is not None, f"{model} is not in memory"
    return runtime


def address(runtime: Runtime, n: int, seed: int = 0, start: int = 0) -> AddressRange:
    """As a request for n pictures of a model gives it, with its classes by turns."""
    count = len(runtime.class_names)
    classes = PictureClasses(np.arange(n) % count, count) if count else None
    return AddressRange(runtime.card.name, runtime.card.version, seed, start, n, 1.0, classes, runtime.class_names)


@dataclass
class BlockedSource:
    """Pictures whose codes come only when `go_on` is set: this blocks the engine thread for as long as a test needs."""

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
