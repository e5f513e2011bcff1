"""A judged bundle -> one row: what it draws at the addresses that all rows share, and what comes back through it.

    bundle -> runtime (ONNX, uint8) -> [rows] -> columns, strips, comparison

Letters: N pictures of a row    H, W, C of a picture
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.bundle import Bundle, open_bundle
from models.runtime import Runtime
from training.comparison.entries import Entry
from training.evaluation.reference import RealPictures
from training.monitoring.diversity import evenly_spaced

SEED, PICTURES = 0, 12
"""Every row shows pictures 0 to 11 of this seed; where there are classes, of the classes 0, 1, 2, ... in turn."""


@dataclass(frozen=True)
class Row:
    """One method."""

    name: str
    what: str
    bundle: Bundle
    """Its card has the scores."""
    drawn: NDArray[np.uint8]
    """(N, H, W, C), at the addresses above."""
    reconstructed: NDArray[np.uint8] | None
    """The test pictures of `shown_test`, through encoder and decoder; None without an encoder."""


def row_of(entry: Entry, real: RealPictures, threads: int | None = None) -> Row:
    """Draw a row through the ONNX files of a bundle."""
    bundle = open_bundle(entry.bundle)
    runtime = Runtime(bundle, threads=threads)
    classes = len(runtime.class_names)
    label = [place % classes for place in range(PICTURES)] if classes else None
    what = (
        entry.recipe.what
        if entry.recipe
        else f"Taken as it is: method {bundle.card.method}, version {bundle.card.version}."
    )
    drawn = runtime.generate(SEED, 0, PICTURES, label=label)
    return Row(entry.name, what, bundle, drawn, _reconstructed(runtime, real) if runtime.encodes else None)


def shown_test(real: RealPictures) -> NDArray[np.int64]:
    """Which test pictures are shown as they are and as they come back."""
    return evenly_spaced(len(real.test), PICTURES)


def _reconstructed(runtime: Runtime, real: RealPictures) -> NDArray[np.uint8]:
    shown = shown_test(real)
    labels_N = None if runtime.card.classes is None or real.test_labels is None else real.test_labels[shown]
    return runtime.draw(runtime.encode(real.test[shown], labels_N), labels_N)
