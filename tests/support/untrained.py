"""Bundles that need no training: real graphs, exported by our own code, whose pictures are noise."""

import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from models.bundle import Bundle
from models.bundle_writer import write_bundle


def write_untrained(
    path: Path, height: int, width: int, channels: int, code_size: int, seed: int = 0, classes: Sequence[str] = ()
) -> Bundle:
    """A whole bundle around a generator that has learned nothing: its pictures are noise, but all its own.

    Class number k has k + 1 training pictures, by the card.
    """
    graph = _graph(height, width, channels, code_size, seed, len(classes))
    return write_with_graph(path, graph, height, width, channels, code_size, seed, classes)


def write_with_graph(
    path: Path,
    graph: bytes,
    height: int,
    width: int,
    channels: int,
    code_size: int,
    seed: int = 0,
    classes: Sequence[str] = (),
) -> Bundle:
    """A whole bundle around any generator."""
    facts = {
        "method": "gan",
        "image": {"height": height, "width": width, "channels": channels},
        "code_size": code_size,
        "classes": tuple({"name": name, "count": k + 1} for k, name in enumerate(classes)) or None,
        "training": {
            "preset": "tiny",
            "data": "none",
            "data_digest": "0" * 64,
            "data_images": 1,
            "images_shown": 0,
            "seconds": 0.0,
            "seed": seed,
            "options": {},
        },
    }
    return write_bundle(path, facts, {"generator.onnx": graph, "samples.png": b"none"})


@cache
def _graph(*shape: int) -> bytes:
    """Exported once a process. TEST_GRAPHS names a folder that keeps the graphs, for an environment without torch."""
    kept = Path(os.environ["TEST_GRAPHS"], "-".join(map(str, shape)) + ".onnx") if "TEST_GRAPHS" in os.environ else None
    if kept and kept.exists():
        return kept.read_bytes()
    graph = _exported(*shape)
    if kept:
        kept.write_bytes(graph)
    return graph


def _exported(height: int, width: int, channels: int, code_size: int, seed: int, classes: int) -> bytes:
    import torch

    from training.config import preset_named
    from training.exporter.graphs import generator_graph
    from training.networks.gan import Generator
    from training.networks.geometry import Geometry

    torch.manual_seed(seed)
    settings = preset_named("tiny").with_changes(code_size=code_size)
    geometry = Geometry(height, width, channels, settings.patch_pixels, classes)
    return generator_graph(Generator(settings, geometry), geometry)
