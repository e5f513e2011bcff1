"""Bundles that need no training: real graphs, exported by our own code, whose pictures are noise."""

from collections.abc import Sequence
from pathlib import Path

import torch

from models.bundle import Bundle, write_bundle
from training.config import preset_named
from training.export.onnx import generator_graph
from training.networks.generator import Generator
from training.networks.geometry import Geometry


def write_untrained(
    path: Path, height: int, width: int, channels: int, code_size: int, seed: int = 0, classes: Sequence[str] = ()
) -> Bundle:
    """A whole bundle around a generator that has learned nothing: its pictures are noise, but all its own.

    Class number k has k + 1 training pictures, by the card.
    """
    torch.manual_seed(seed)
    settings = preset_named("tiny").with_changes(code_size=code_size)
    geometry = Geometry(height, width, channels, settings.patch_pixels, len(classes))
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
    return write_bundle(
        path,
        facts,
        {"generator.onnx": generator_graph(Generator(settings, geometry), geometry), "samples.png": b"none"},
    )
