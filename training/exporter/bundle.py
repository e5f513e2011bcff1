"""A run's checkpoint -> ONNX -> a bundle, checked through the code that serves it.

    runs/<name>/, graphs -> [export] -> models/<name>/

The averaged generator is exported. The graph is opened by `models.runtime`, the
piece that the service draws with, and its pictures are compared with torch's:
where they differ by more than one level of 255, there will be no bundle.
"""

import io
import shlex
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save as safetensors_bytes
from torch import nn

from models.bundle import CARD, DIRECTIONS, ENCODER, GENERATOR, REWARD, SAMPLES, WEIGHTS, Bundle, read_card
from models.bundle_writer import write_bundle
from models.card import Lineage
from models.class_weights import one_hot
from models.codes import codes
from models.directions import encode_directions, measure_directions
from models.fidelity import measure_fidelity
from models.graph import count_multiply_adds
from models.runtime import Runtime
from models.sheet import as_picture, contact_sheet, enlarged
from training.checkpoint import TrainingState
from training.config import Settings
from training.errors import ExportDiffers, OlderVersion
from training.exporter.averages import candidates, chosen_average
from training.exporter.graphs import draw, encode, encoder_graph, generator_graph, reward_graph
from training.exporter.record import training_record
from training.methods.method import Exports
from training.run import Run
from training.train import load_state

LARGEST_DIFFERENCE_LEVELS = 1
LARGEST_DIFFERENCE_OF_CODES, LARGEST_SHARE_APART = 0.01, 0.05
SHEET_PIXELS = 360
"""A sheet of tiny pictures is enlarged by a whole number, as long as its longer side stays within this."""
CHECKED_PICTURES = 67  # more than one full batch of 64: the padded remainder is checked too


Inspect = Callable[[Runtime], Lineage]
"""Looks at a model before it is written; may raise to refuse it."""


def export_run(run: Run, out: Path, average: int | None = None, inspect: Inspect | None = None) -> Bundle:
    """Make a bundle of a run's checkpoint.

    Args:
        run: finished or not; what its checkpoint holds is exported.
        out: the bundle's folder; its name is the model's.
        average: which of the averaged networks, by its place in `half_life_shares`, after which the network itself
            comes; by default what `choose_average` found of this checkpoint, else the first.
        inspect: what says where a model that goes on from another one stands, or refuses it.

    Raises:
        FileNotFoundError: the run has no checkpoint yet.
        ValueError: the run has no such average.
        ExportDiffers: the ONNX file's pictures differ from torch's by more than one level.
        OlderVersion: the bundle that is there came after this very model.
    """
    state, geometry = load_state(run)
    config, settings = run.config(), run.settings()
    networks, average = candidates(state, settings), chosen_average(run) if average is None else average
    if average >= len(networks):
        raise ValueError(f"average is {average}; this run has {len(networks)} to export, 0 to {len(networks) - 1}")
    share, network = networks[average]
    record = training_record(run, state.images_shown, state.seconds)
    record["half_life_share"] = share
    facts = _facts(config, settings, state.ema.code_size, record)
    contents = {GENERATOR: generator_graph(network, geometry), WEIGHTS: _weights(state, network)}
    exports = state.method.exports(network)
    if exports.encoder is not None:
        contents[ENCODER] = encoder_graph(exports.encoder, geometry)
    if exports.reward is not None:
        contents[REWARD] = reward_graph(exports.reward, geometry)
    files, found = _checked(out, facts, contents, exports, inspect)
    return write_bundle(out, facts | found, contents | files)


def refuse_older_version(out: Path, version: str) -> None:
    """Refuse to put an older version back over the model that came after it: restoring is a deliberate act.

    Args:
        out: the bundle's folder, which may be absent.
        version: of the model that would be written there.

    Raises:
        OlderVersion: it is kept as `<name>@<version>`, or the bundle that is there was fine-tuned from it.
    """
    if not (out / CARD).exists():
        return
    current, older = read_card(out), out.with_name(f"{out.name}@{version}")
    is_parent = current.lineage is not None and current.lineage.parent == version
    if current.version == version or not (older.exists() or is_parent):
        return
    successor = out.with_name(f"{out.name}@{current.version}")
    steps = [("mv", out, successor), *([("mv", older, out)] if older.exists() else [])]
    commands = " && ".join(shlex.join(map(str, step)) for step in steps)
    raise OlderVersion(
        f"{out}: found version {current.version}, {'fine-tuned from' if is_parent else 'which replaced'} {version}, "
        f"and this run makes {version} again; expected a version that is new. Nothing was written. Choose another "
        f"folder with --out, or go back to {version}{'' if older.exists() else ' and repeat this command'}: {commands}"
    )


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


def check_codes(exported: NDArray[np.float32], trained: NDArray[np.float32]) -> None:
    """Refuse codes that differ by more than rounding explains; a picture between two components may go to either.

    Raises:
        ExportDiffers: says in how many of the pictures.
    """
    apart = (np.abs(exported - trained) > LARGEST_DIFFERENCE_OF_CODES).any(axis=1).mean()
    if apart > LARGEST_SHARE_APART:
        raise ExportDiffers(
            f"found codes of the ONNX file that differ from torch's by more than {LARGEST_DIFFERENCE_OF_CODES} for "
            f"{apart:.1%} of the pictures, expected at most {LARGEST_SHARE_APART:.0%}. No bundle was written."
        )


def _checked(
    out: Path, facts: dict[str, Any], contents: dict[str, bytes], exports: Exports, inspect: Inspect | None
) -> tuple[dict[str, bytes], dict[str, Any]]:
    """Open the graphs as the service will, compare them with torch, and draw the bundle's sheet with them.

    Returns:
        The sheet and the directions by file name, and what is known of the model only now: lineage, and what the
        engine rule reads.
    """
    with tempfile.TemporaryDirectory() as folder:
        draft = write_bundle(Path(folder) / "draft", facts, {**contents, SAMPLES: b""})
        refuse_older_version(out, draft.card.version)
        runtime = Runtime(draft)
        addressed = codes(1, 0, CHECKED_PICTURES, facts["code_size"])
        labels_N = runtime.labels(1, 0, CHECKED_PICTURES)
        pictures = runtime.draw(addressed, labels_N)
        check_pictures(pictures, draw(exports.generator, addressed, labels_N))
        if labels_N is not None:
            mixed_NK = _mixed(labels_N, len(runtime.class_names))
            check_pictures(runtime.draw(addressed, mixed_NK), draw(exports.generator, addressed, mixed_NK))
        if exports.encoder is not None:
            check_codes(runtime.encode(pictures, labels_N), encode(exports.encoder, pictures, labels_N))
        lineage = None if inspect is None else inspect(runtime)
        files, found = measured(draft, runtime)
    return files, found | {"lineage": lineage}


def measured(draft: Bundle, runtime: Runtime) -> tuple[dict[str, bytes], dict[str, Any]]:
    """What a bundle holds that follows from its graphs: its sheet and its directions, and what the engine rule reads.

    Args:
        draft: a bundle of these graphs.
        runtime: of the draft.

    Returns:
        Files by name, and facts of the card.
    """
    png = io.BytesIO()
    sheet = contact_sheet(runtime.generate(seed=0, n=64))
    as_picture(enlarged(sheet, max(1, SHEET_PIXELS // max(sheet.shape)))).save(png, "PNG")
    compute = count_multiply_adds(draft.generator)
    found = {"compute": compute, "fidelity": measure_fidelity(draft)}
    directions_ZZ = measure_directions(draft, compute=compute)
    files = {SAMPLES: png.getvalue()}
    return files if directions_ZZ is None else files | {DIRECTIONS: encode_directions(directions_ZZ)}, found


def _mixed(labels_N: NDArray[np.int64], classes: int) -> NDArray[np.float32]:
    """Weights (N, K) of each class and the next one."""
    return np.float32(0.5) * (one_hot(labels_N, classes) + one_hot((labels_N + 1) % classes, classes))


def _facts(config: dict[str, Any], settings: Settings, code_size: int, record: dict[str, Any]) -> dict[str, Any]:
    data = config["data"]
    counts = data["classes"] if settings.conditional else None
    return {
        "method": settings.method,
        "image": {"height": data["height"], "width": data["width"], "channels": data["channels"]},
        "code_size": code_size,
        "classes": counts and tuple({"name": name, "count": count} for name, count in counts),
        "training": record,
    }


def _weights(state: TrainingState, average: nn.Module) -> bytes:
    networks = {**state.method.networks, state.method.averaged_network: average}
    networks.pop("reward", None)  # fitted again to the grades of each round
    return bytes(
        safetensors_bytes(
            {
                f"{name}.{key}": tensor.detach().to(torch.bfloat16).contiguous()
                for name, network in networks.items()
                for key, tensor in network.state_dict().items()
            }
        )
    )
