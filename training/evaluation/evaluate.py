"""Evaluation of a model: a bundle and real pictures -> scores in its card, measured on the file that is shipped.

    evaluator_store, reference, modes, inception -> evaluate -> models.bundle.write_scores -> card.json
    models.runtime (ONNX, uint8) --------------------^      -> scores_table -> a person

Every score is a function of the bundle, the pictures, the evaluator and the seed:
evaluated again on the same machine, it is the same to the last bit. Only
`images_per_s` is a measurement of time.

Letters: N pictures scored    H, W, C of a picture    Z numbers in a code
"""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from rich.table import Table

from models.bundle import open_bundle, write_scores
from models.card import Scores
from models.engine import Device, reference_on, usable_cores
from models.runtime import Runtime
from training.evaluation.evaluator import Evaluator, Features
from training.evaluation.evaluator_store import find_evaluator
from training.evaluation.in_use import Asked, examine, kept
from training.evaluation.inception import inception_fid
from training.evaluation.membership import leak_rows
from training.evaluation.modes import stacked_scores
from training.evaluation.quality_metrics import active_units, pca_psnr_db, psnr_db
from training.evaluation.reference import RealPictures, Reference
from training.evaluation.usefulness import usefulness_rows

TIMED_BATCHES, TIMED_IMAGES = 7, 256


@dataclass(frozen=True)
class StackReader:
    """Reads the digits of stacks."""

    evaluator: Evaluator
    """Of single digits."""
    label_counts: NDArray[np.int64]
    """(K,) number of digits of each class that the stacks are made of."""


def stack_reader(digits: RealPictures, **options: Any) -> StackReader:
    """A reader of stacks of these grey pictures.

    Args:
        digits: labelled pictures of one channel.
        options: those of `find_evaluator`.

    Raises:
        ValueError: there are no labels, or no evaluator knows their classes.
    """
    evaluator = find_evaluator(digits, **options)
    if not isinstance(evaluator, Evaluator) or digits.train_labels is None:
        raise ValueError("found no evaluator that reads these digits, expected one. Train it: --fit.")
    return StackReader(evaluator, np.bincount(digits.train_labels))


def evaluate_model(
    path: Path,
    real: RealPictures,
    *,
    digits: RealPictures | None = None,
    inception: Path | None = None,
    fit: bool = False,
    usefulness: bool = True,
    leaks: bool = True,
    probe_seeds: int = Asked.seeds,
    images: int | None = None,
    seed: int = 0,
    device: Device = "cpu",
    threads: int | None = None,
    report: Callable[[str], object] | None = None,
) -> Scores:
    """Find or train the evaluator for these pictures, evaluate a bundle, and write the scores into its card.

    Args:
        path: a bundle's folder.
        real: the data that the model was trained on.
        digits: the grey pictures that `real` are stacks of: their evaluator then counts modes as well.
        inception: a file of weights, for the canonical FID as well; see `inception_fid`.
        usefulness: measure what its pictures are worth to a classifier, where model and pictures have classes.
        leaks: try to tell its training pictures by what it draws, where `real` are those.
        probe_seeds: 2 to 10, how often pictures are drawn for these two.

    The other arguments and the errors are those of `find_evaluator`, `Reference` and `evaluate_bundle`.
    """
    evaluator = find_evaluator(real, fit=fit and digits is None, device=torch.device(device), report=report)
    reader = None if digits is None else stack_reader(digits, fit=fit, device=torch.device(device), report=report)
    reference = Reference(real, evaluator, images)
    scores = evaluate_bundle(path, reference, reader=reader, seed=seed, device=device, threads=threads)
    if inception is not None:
        drawn = Runtime(open_bundle(path), reference_on(device), threads).generate(seed, 0, len(real.train))
        fid = inception_fid(drawn, real.train, inception, cuda=device == "cuda")
        scores = scores.model_copy(update={"inception_fid": fid})
    asked = Asked(usefulness, leaks, probe_seeds, images, seed)
    scores = scores.model_copy(update=kept(open_bundle(path).card, real, asked))
    if usefulness or leaks:
        runtime = Runtime(open_bundle(path), reference_on(device), threads)
        scores = scores.model_copy(update=examine(runtime, real, evaluator, asked, report))
    write_scores(path, scores)
    return scores


def evaluate_bundle(
    path: Path,
    reference: Reference,
    *,
    reader: StackReader | None = None,
    seed: int = 0,
    device: Device = "cpu",
    threads: int | None = None,
) -> Scores:
    """Draw as many pictures as the reference holds, and score them. Writes nothing.

    Args:
        path: a bundle's folder.
        reference: real pictures in the features of an evaluator; one serves any number of bundles.
        reader: for a bundle that draws stacks: counts their modes.
        seed: pictures 0 to N - 1 of this seed are scored.
        device, threads: of the engine that draws; see `Runtime`.

    Raises:
        ModelError: the bundle is damaged, or the device is not available.
        ValueError: it draws another shape than the real pictures have, or classes that the evaluator does not know.
    """
    runtime = Runtime(open_bundle(path), reference_on(device), threads)
    requested = _requested_classes(runtime, seed, reference)
    scores = score(runtime.generate(seed, 0, reference.images), reference, requested)
    if runtime.encodes:
        scores |= _reconstruction_scores(runtime, reference.real)
    if reader is not None:
        stacks = reference.real.test
        modes = stacked_scores(runtime, reader.evaluator, stacks, reader.label_counts, images=len(stacks), seed=seed)
        scores["stacked"] = modes
    engine = f"{runtime.engine}, threads {threads or usable_cores()}, {TIMED_IMAGES} at a time"
    return Scores(**scores, images_per_s=round(images_per_s(runtime), 1), images_per_s_on=engine)


def score(
    images_NHWC: NDArray[np.uint8], reference: Reference, requested_N: NDArray[np.int64] | None = None
) -> dict[str, Any]:
    """Score pictures of any origin: the fields of `Scores` that need no bundle.

    Args:
        images_NHWC: (N, H, W, C) uint8.
        reference: real pictures in the features of an evaluator.
        requested_N: the class that each picture was requested to be, by the evaluator's numbers; None without.
    """
    features = reference.evaluator.extract(images_NHWC)
    memorisation = reference.memorisation(images_NHWC)
    return {
        "fd_ratio": reference.fd_ratio(features),
        "fd_floor": reference.fd_floor,
        "images": len(images_NHWC),
        "evaluator": reference.evaluator.name,
        "evaluator_digest": reference.evaluator.digest,
        **_classifier_scores(features, reference, requested_N),
        "nearest_ratio": memorisation.ratio,
        "near_share": memorisation.near_share,
    }


def images_per_s(runtime: Runtime) -> float:
    """Pictures a second, codes included: the median of some requests."""
    size, seconds = TIMED_IMAGES, []
    for batch in range(TIMED_BATCHES):
        started_s = time.perf_counter()
        runtime.generate(0, batch * size, size)
        seconds.append(time.perf_counter() - started_s)
    return size / statistics.median(seconds)


def _classifier_scores(
    features: Features, reference: Reference, requested_N: NDArray[np.int64] | None
) -> dict[str, Any]:
    """The scores that need an evaluator with classes; empty for wavelets."""
    names = reference.evaluator.class_names
    if names is None or features.classes is None:
        return {}
    counts = np.bincount(features.classes, minlength=len(names)).tolist()
    return {
        "evaluator_accuracy": reference.accuracy,
        "kernel_distance": reference.kernel_distance(features),
        "kernel_floor": reference.kernel_floor,
        **reference.manifold(features)._asdict(),
        **{f"{name}_floor": value for name, value in reference.manifold_floor._asdict().items()},
        "class_histogram": dict(zip(names, counts, strict=True)),
        "class_kl": reference.class_kl(features),
        "class_kl_floor": reference.class_kl_floor,
        "class_agreement": None if requested_N is None else float(np.mean(features.classes == requested_N)),
    }


def _reconstruction_scores(runtime: Runtime, real: RealPictures) -> dict[str, Any]:
    """How well test pictures are reconstructed by encoder and decoder, and by a PCA of the same size."""
    labels_N = None if runtime.card.classes is None else real.test_labels
    codes_NZ = runtime.encode(real.test, labels_N)
    variational = runtime.card.method == "variational"
    size = runtime.card.code_size - (not variational)  # the mixture's component is not part of the code
    return {
        "reconstruction_psnr_db": psnr_db(real.test, runtime.draw(codes_NZ, labels_N)),
        "pca_psnr_db": pca_psnr_db(real.train, real.test, size),
        "active_units": active_units(codes_NZ) if variational else None,
    }


def _requested_classes(runtime: Runtime, seed: int, reference: Reference) -> NDArray[np.int64] | None:
    """(N,) the classes of the scored pictures by their address, in the evaluator's numbers; None without classes."""
    classes, known = runtime.card.classes, reference.evaluator.class_names
    labels = runtime.labels(seed, 0, reference.images)
    if classes is None or known is None or labels is None:
        return None
    if unknown := [one.name for one in classes if one.name not in known]:
        raise ValueError(
            f"{runtime.card.name}: found classes {', '.join(unknown)}, expected some of {', '.join(known)}, "
            f"which evaluator {reference.evaluator.name} knows"
        )
    return np.array([known.index(one.name) for one in classes])[labels]


_ROWS = (
    ("FD ratio", "fd_ratio", "1", "1 is as good as real, more is worse"),
    ("FD floor", "fd_floor", "", "the distance of real pictures, which the ratio is over"),
    ("kernel distance", "kernel_distance", "kernel_floor", "0 is as good as real, more is worse"),
    ("precision", "precision", "precision_floor", "share of drawn pictures among the real ones"),
    ("recall", "recall", "recall_floor", "share of real pictures among the drawn ones"),
    ("density", "density", "density_floor", "precision, weighted by how many real ones are near"),
    ("coverage", "coverage", "coverage_floor", "share of real pictures with a drawn one nearby"),
    ("classes, KL", "class_kl", "class_kl_floor", "0: as often as in training"),
    ("class agreement", "class_agreement", "evaluator_accuracy", "the requested class is the class drawn"),
    ("nearest ratio", "nearest_ratio", "1", "0 is memorised"),
    ("near share", "near_share", "0.01", "1 is memorised"),
    ("reconstruction, dB", "reconstruction_psnr_db", "pca_psnr_db", "next to PCA of the same size"),
    ("active units", "active_units", "", "numbers of the code that carry information"),
    ("Inception FID", "inception_fid", "", "by torch-fidelity"),
    ("images a second", "images_per_s", "", ""),
)
"""Title, field, field (or value) of real pictures, and how to read it."""


def scores_table(name: str, scores: Scores) -> Table:
    """The scores of a model for a person: a row each, next to what real pictures score."""
    title = f"{scores.images or 0:,} pictures evaluated by {scores.evaluator}"
    title += f" ({scores.evaluator_digest[:16]})" if scores.evaluator_digest else ""
    table = Table("score", name, "real pictures", "how to read it", title=title)
    for label, field, floor, meaning in _ROWS:
        if (found := getattr(scores, field)) is not None:
            real = getattr(scores, floor) if floor in Scores.model_fields else floor
            table.add_row(label, _short(found), _short(real), meaning or scores.images_per_s_on)
    if modes := scores.stacked:
        kl_floors = f"{_short(modes.kl_real)}; perfect {modes.kl_floor:.4f}, of real labels {modes.kl_floor_real:.4f}"
        table.add_row("modes", str(modes.modes), str(modes.modes_real), f"of triples in {modes.images:,} stacks")
        table.add_row("modes, 5 hits", str(modes.modes_of_5), str(modes.modes_of_5_real), "excludes misreadings")
        table.add_row("KL to uniform", _short(modes.kl), kl_floors, "natural logarithm")
    for row in usefulness_rows(scores.usefulness) if scores.usefulness else ():
        table.add_row(*row)
    for row in leak_rows(scores.leaks) if scores.leaks else ():
        table.add_row(*row)
    return table


def sentences(scores: Scores) -> list[str]:
    """What the scores say about the use of the pictures, a sentence each; none where it was not measured."""
    return [found.sentence for found in (scores.usefulness, scores.leaks) if found is not None]


def _short(value: float | int | str | None) -> str:
    return "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
