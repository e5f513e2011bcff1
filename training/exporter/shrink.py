"""A bundle -> one of half the size: the generator's weights as float16, and kept once.

    models/<name>/ -> [shrink] -> models/<name>/, its next version

The graph keeps each weight as float16 and casts it to float32. An engine does that once, when it loads the graph, so
all is computed in float32 as before, and as fast. `weights.safetensors` then keeps the discriminator alone:
`feedback.pretrained` finds the generator in the graph. Rounded weights draw other bytes, so it is another version, and
what was measured of the old one is not said of it. Knows graphs as `exporter.graphs` writes them; trains nothing.
"""

import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from safetensors.torch import load, save

from models.bundle import DIRECTIONS, GENERATOR, SAMPLES, WEIGHTS, Bundle, open_bundle
from models.bundle_writer import write_bundle
from models.engine import reference_on
from models.fidelity import psnr_db
from models.label_input import take_class_weights
from models.runtime import Runtime
from training.checkpoint import below
from training.exporter.bundle import measured
from training.exporter.graphs import FLOAT16, generator_weights

FEWEST_VALUES = 1_000
"""Of a weight that is kept as float16: of a smaller one nothing is saved, and biases move pictures most."""
COMPARED_PICTURES = 256
_MEASURED = {"name", "version", "files", "scores", "scores_elsewhere", "fidelity", "compute"}
"""Fields of a card that are not those of the smaller model."""


class Shrunk(NamedTuple):
    """A smaller bundle, and how near its pictures are to those of the larger one."""

    bundle: Bundle
    bytes_before: int
    bytes_now: int
    version_before: str
    worst_db: float
    """Lowest peak signal-to-noise ratio of a picture."""
    median_db: float


def shrink_bundle(path: Path, out: Path) -> Shrunk:
    """Write a bundle with the generator of another one in half the bytes.

    Args:
        path: a bundle, of any method.
        out: the new bundle's folder, which may be `path`: the old version stays as `<name>@<version>`.

    Raises:
        BundleError: the bundle is damaged.
        ValueError: its weights are float16 already, or too large for it.
    """
    bundle = open_bundle(path)
    graph, _ = take_class_weights(bundle.generator, len(bundle.card.classes or ()))
    contents = {name: (path / name).read_bytes() for name in bundle.card.files if name not in (DIRECTIONS, SAMPLES)}
    contents[GENERATOR] = _in_float16(graph, path)
    if WEIGHTS in contents:
        contents[WEIGHTS] = _beside(contents[GENERATOR], contents[WEIGHTS])
    facts = {name: value for name, value in bundle.card if name not in _MEASURED}
    with tempfile.TemporaryDirectory() as folder:
        draft = write_bundle(Path(folder) / "draft", facts, contents | {SAMPLES: b""})
        decibels_N = psnr_db(*(_drawn_in_float32(one) for one in (draft, bundle)))
        files, found = measured(draft, Runtime(draft))
    size, version = _bytes(path), bundle.card.version
    written = write_bundle(out, facts | found, contents | files)
    return Shrunk(written, size, _bytes(out), version, float(decibels_N.min()), float(np.median(decibels_N)))


def _drawn_in_float32(bundle: Bundle) -> NDArray[np.uint8]:
    return Runtime(bundle, reference_on("cpu"), warm_all=False).generate(0, 0, COMPARED_PICTURES)


def _bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.iterdir())


def _in_float16(graph: bytes, path: Path) -> bytes:
    """The same graph with its large weights as float16, each followed by a Cast to the name that it had."""
    model = onnx.load_model_from_string(graph)
    large = [one for one in model.graph.initializer if _is_large(one)]
    if not large:
        raise ValueError(
            f"{path}: found no weight of {FEWEST_VALUES:,} numbers or more in float32, expected one: nothing to shrink"
        )
    casts = []
    for one in large:
        name, values = one.name, numpy_helper.to_array(one)
        with np.errstate(over="ignore"):
            half = values.astype(np.float16)
        if np.isinf(half).sum() > np.isinf(values).sum():
            largest = np.abs(values[np.isfinite(values)]).max()
            raise ValueError(f"{path}: found {largest:.3g} in {name}, expected at most 65,504, the largest float16")
        one.CopyFrom(numpy_helper.from_array(half, name + FLOAT16))
        casts.append(helper.make_node("Cast", [name + FLOAT16], [name], name=f"{name}.cast", to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return bytes(model.SerializeToString(deterministic=True))


def _is_large(one: TensorProto) -> bool:
    return one.data_type == TensorProto.FLOAT and int(np.prod(one.dims)) >= FEWEST_VALUES


def _beside(graph: bytes, weights: bytes) -> bytes:
    """The weights that the graph does not have: without the generator, where it is in the graph tensor by tensor."""
    tensors, in_graph = load(weights), generator_weights(graph)
    generator = below("generator", tensors)
    if not all(name in in_graph and in_graph[name].shape == tensor.shape for name, tensor in generator.items()):
        return weights
    return bytes(save({name: one for name, one in tensors.items() if not name.startswith("generator.")}))
