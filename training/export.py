"""A run's checkpoint -> ONNX -> a bundle, checked through the code that serves it.

    runs/<name>/ -> [export] -> models/<name>/

The averaged generator is exported. The graph is opened by `models.runtime`, the
piece that the service draws with, and its pictures are compared with torch's:
where they differ by more than one level of 255, there will be no bundle.
"""

import io
import json
import logging
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save as safetensors_bytes

from models.bundle import GENERATOR, SAMPLES, WEIGHTS, Bundle, write_bundle
from models.codes import codes
from models.runtime import Runtime
from models.sheet import as_picture, contact_sheet
from training.checkpoint import State, load_weights
from training.drawing import Drawing, draw
from training.loop import new_state
from training.networks import Generator, Geometry
from training.run import Run

LARGEST_DIFFERENCE_LEVELS = 1
CHECKED_PICTURES = 67  # more than one full batch of 64: the padded remainder is checked too
OPSET = 20


class ExportDiffers(RuntimeError):
    """The exported graph draws other pictures than the network that was trained."""


def export_run(run: Run, out: Path) -> Bundle:
    """Make a bundle of a run's checkpoint.

    Args:
        run: finished or not; what its checkpoint holds is exported.
        out: the bundle's folder; its name is the model's.

    Raises:
        FileNotFoundError: the run has no checkpoint yet.
        ExportDiffers: the ONNX file's pictures differ from torch's by more than one level.
    """
    if not run.checkpoint.exists():
        raise FileNotFoundError(f"{run.checkpoint}: no such file. Expected a run that has saved a checkpoint.")
    config, settings = run.config(), run.settings().but(precision="float32")
    data = config["data"]
    geometry = Geometry(data["height"], data["width"], data["channels"], settings.patch_pixels)
    state = new_state(settings, geometry, torch.device("cpu"))
    load_weights(run.checkpoint, state)
    facts = _facts(config, state)
    contents = {GENERATOR: to_onnx(state.average, settings.code_size), WEIGHTS: _weights(state)}
    contents[SAMPLES] = _checked_sheet(facts, contents, state.average)
    return write_bundle(out, facts, contents)


def to_onnx(generator: Generator, code_size: int) -> bytes:
    """A float32 generator on the CPU as an ONNX graph: z (N, Z) float32 -> images (N, H, W, C) uint8, dynamic N."""
    example = torch.zeros(2, code_size)
    with warnings.catch_warnings(), _quiet("torch.onnx"):
        warnings.simplefilter("ignore")  # the exporter's own deprecations are not the user's to act on
        program = torch.onnx.export(
            Drawing(generator).eval(),
            (example,),
            input_names=["z"],
            output_names=["images"],
            dynamic_shapes={"z": {0: torch.export.Dim("N", min=1)}},
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    return bytes(program.model_proto.SerializeToString())


def check_pictures(exported: NDArray[np.uint8], trained: NDArray[np.uint8]) -> None:
    """Refuse pictures that differ by more than rounding explains.

    Raises:
        ExportDiffers: says by how much, and in how many of the pixels.
    """
    difference = np.abs(exported.astype(np.int16) - trained.astype(np.int16))
    if difference.max() > LARGEST_DIFFERENCE_LEVELS:
        share = (difference > LARGEST_DIFFERENCE_LEVELS).mean()
        raise ExportDiffers(
            f"found pictures of the ONNX file that differ from torch's by up to {difference.max()} levels of 255 "
            f"(more than {LARGEST_DIFFERENCE_LEVELS} in {share:.2%} of the pixels), "
            f"expected at most {LARGEST_DIFFERENCE_LEVELS}. No bundle was written."
        )


def _checked_sheet(facts: dict[str, Any], contents: dict[str, bytes], trained: Generator) -> bytes:
    """Open the graph as the service will, compare it with torch, and draw the bundle's sheet with it."""
    with tempfile.TemporaryDirectory() as folder:
        draft = write_bundle(Path(folder) / "draft", facts, {**contents, SAMPLES: b""})
        runtime = Runtime(draft)
        addressed = codes(1, 0, CHECKED_PICTURES, facts["code_size"])
        check_pictures(runtime.draw(addressed), draw(trained, addressed))
        png = io.BytesIO()
        as_picture(contact_sheet(runtime.generate(seed=0, start=0, count=64))).save(png, "PNG")
    return png.getvalue()


def _facts(config: dict[str, Any], state: State) -> dict[str, Any]:
    data, settings = config["data"], config["settings"]
    return {
        "method": "gan",
        "image": {"height": data["height"], "width": data["width"], "channels": data["channels"]},
        "code_size": settings["code_size"],
        "training": {
            "preset": settings["preset"],
            "data": data["name"],
            "data_digest": data["digest"],
            "data_images": data["images"],
            "images_shown": state.images_shown,
            "seconds": round(state.seconds, 1),
            "seed": settings["seed"],
            "options": json.loads(json.dumps(settings)),
        },
    }


def _weights(state: State) -> bytes:
    networks = {"generator": state.average, "discriminator": state.players.discriminator}
    return bytes(
        safetensors_bytes(
            {
                f"{name}.{key}": tensor.detach().to(torch.bfloat16).contiguous()
                for name, network in networks.items()
                for key, tensor in network.state_dict().items()
            }
        )
    )


@contextmanager
def _quiet(name: str) -> Iterator[None]:
    """Hold a library's informational log back."""
    logger = logging.getLogger(name)
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)
