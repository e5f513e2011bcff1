"""A small untrained model to fine-tune, as its bundle stores it."""

from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import torch
from safetensors.torch import save

from models.bundle import Bundle
from models.bundle_writer import write_bundle
from training.config import Settings, preset_named
from training.exporter.graphs import generator_graph
from training.feedback.pretrained import Pretrained
from training.methods.gan import Gan
from training.networks.geometry import Geometry

SETTINGS = preset_named("tiny").with_changes(width=8, discriminator_width=8, code_size=4, precision="float32")


def write_pretrained(
    path: Path, classes: int = 0, method: str = "gan", seed: int = 0, data_digest: str = "0" * 64
) -> Bundle:
    """A bundle with the weights that fine-tuning starts from."""
    settings, contents = _untrained(classes, seed)
    facts = {
        "method": method,
        "image": {"height": 8, "width": 8, "channels": 1},
        "code_size": settings.code_size,
        "classes": tuple({"name": str(number), "count": 10} for number in range(classes)) or None,
        "training": {
            "preset": "tiny",
            "data": "none",
            "data_digest": data_digest,
            "data_images": 10,
            "images_shown": 0,
            "seconds": 0.0,
            "seed": seed,
            "options": _stored(settings),
        },
    }
    return write_bundle(path, facts, contents)


@cache
def _untrained(classes: int, seed: int) -> tuple[Settings, dict[str, bytes]]:
    """Its settings and files; exported once in a process."""
    torch.manual_seed(seed)
    settings = SETTINGS.with_changes(conditional=classes > 0)
    geometry = Geometry(8, 8, 1, settings.patch_pixels, classes)
    gan = Gan(settings, geometry, torch.device("cpu"))
    weights = {
        f"{name}.{key}": tensor.to(torch.bfloat16).contiguous()
        for name, network in gan.networks.items()
        for key, tensor in network.state_dict().items()
    }
    graph = generator_graph(gan.generator, geometry)
    return settings, {"generator.onnx": graph, "samples.png": b"none", "weights.safetensors": bytes(save(weights))}


def pretrained(classes: int = 0) -> Pretrained:
    """The same, opened."""
    folder = Path(mkdtemp()) / "small"
    write_pretrained(folder, classes)
    return Pretrained.open(folder)


def noise(count: int, seed: int = 0) -> np.ndarray:
    """(count, 8, 8, 1) uint8."""
    return np.random.default_rng(seed).integers(0, 256, (count, 8, 8, 1)).astype(np.uint8)


def _stored(settings: Settings) -> dict:
    from dataclasses import asdict

    return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(settings).items()}
