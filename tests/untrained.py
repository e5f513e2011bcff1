"""Bundles that need no training: real graphs, exported by our own code, whose pictures are noise."""

from pathlib import Path

import torch

from models.bundle import Bundle, write_bundle
from training.export import to_onnx
from training.networks import Generator, Geometry
from training.presets import preset_named


def write_untrained(path: Path, height: int, width: int, channels: int, code_size: int, seed: int = 0) -> Bundle:
    """A whole bundle around a generator that has learned nothing: its pictures are noise, but all its own."""
    torch.manual_seed(seed)
    settings = preset_named("tiny").but(code_size=code_size)
    generator = Generator(settings, Geometry(height, width, channels, settings.patch_pixels))
    facts = {
        "method": "gan",
        "image": {"height": height, "width": width, "channels": channels},
        "code_size": code_size,
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
    return write_bundle(path, facts, {"generator.onnx": to_onnx(generator, code_size), "samples.png": b"none"})
