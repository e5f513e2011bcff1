"""Evaluation of a model: a bundle and real pictures -> scores in its card, measured on the file that is shipped.

    evaluator_store, reference, modes, inception -> evaluate -> models.bundle.write_scores -> card.json
    controls, intervals, models.runtime (ONNX, uint8) ^     -> scores_table -> a person

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

from models.bundle import Bundle, open_bundle
from models.bundle_writer import write_scores
from models.card import Card
from models.cores import usable_cores
from models.engine import Device, reference_on
from models.runtime import Runtime
from models.scores import Scores, ScoresElsewhere
from training.data.dataset import data_digest
from training.evaluation.controls import checked_controls
from training.evaluation.evaluator import Evaluator, Features
from training.evaluation.evaluator_store import FeaturesName, find_evaluator
from training.evaluation.in_use import Asked, examine, is_own, kept
from training.evaluation.inception import inception_fid
from training.evaluation.index_writer import check_index, write_index_of
from training.evaluation.intervals import Halves, intervals, too_few_to_tell
from training.evaluation.modes import stacked_scores
from training.evaluation.per_class import per_class_scores
from training.evaluation.quality_metrics import (
    active_units,
    kernel_distance,
    manifold,
    memorisation,
    nearest_distances,
    pca_psnr_db,
    psnr_db,
)
from training.evaluation.reference import DRAWS, RealPictures, Reference
from training.evaluation.scores_table import of_real

TIMED_BATCHES, TIMED_IMAGES = 7, 256
Report = Callable[[str], object]


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
    features: FeaturesName = "auto",
    usefulness: bool = True,
    leaks: bool = True,
    probe_seeds: int = Asked.seeds,
    images: int | None = None,
    seed: int = 0,
    index: Path | None = None,
    device: Device = "cpu",
    threads: int | None = None,
    report: Report | None = None,
) -> Scores:
    """Find or train the evaluator for these pictures, evaluate a bundle, and write the scores into its card.

    What is known within seconds is written first: it stays where the rest is stopped.

    Args:
        path: a bundle's folder.
        real: the data that the model was trained on, or other data: `write_scores_of` keeps them apart.
        digits: the grey pictures that `real` are stacks of: their evaluator then counts modes as well.
        inception: a file of weights, for the canonical FID as well; see `inception_fid`.
        features: see `find_evaluator`.
        usefulness: measure what its pictures are worth to a classifier, where model and pictures have classes.
        leaks: try to tell its training pictures by what it draws, where `real` are those.
        index: a file to write, with which a service shows the training pictures that a drawn one is nearest to; it is
            written first.
        probe_seeds: 2 to 10, how often pictures are drawn for these two.

    The other arguments are those of `find_evaluator`, `Reference` and `evaluate_bundle`.

    Raises:
        EvaluatorRefused: the evaluator orders pictures of known quality wrongly.
        BundleReplaced: the bundle was replaced meanwhile.
        ValueError, ModelError, ModuleNotFoundError: those of the functions above.
    """
    card = open_bundle(path).card
    if index is not None:
        check_index(index, card, real)
        write_index_of(index, card, real, report)
    on = torch.device(device)
    evaluator = find_evaluator(real, fit=fit and digits is None, features=features, device=on, report=report)
    reader = None if digits is None else stack_reader(digits, fit=fit, device=on, report=report)
    reference = Reference(real, evaluator, images)
    controls = checked_controls(evaluator, real, reference.images, report)
    scores = evaluate_bundle(path, reference, reader=reader, seed=seed, device=device, threads=threads)
    scores = scores.model_copy(update={"controls": controls})
    if inception is not None:
        drawn = Runtime(open_bundle(path), reference_on(device), threads).generate(seed, 0, len(real.train))
        fid = inception_fid(drawn, real.train, inception, cuda=device == "cuda")
        scores = scores.model_copy(update={"inception_fid": fid})
    scores = scores.model_copy(update=kept(card, real))
    card = write_scores_of(path, card, scores, real, report).card
    if usefulness or leaks:
        if report:
            report(
                f"in the card now: an FD ratio of {scores.fd_ratio:.4g} and what belongs to it; the rest takes longer"
            )
        asked = Asked(usefulness, leaks, probe_seeds, images, seed)
        runtime = Runtime(open_bundle(path), reference_on(device), threads)
        scores = scores.model_copy(update=examine(runtime, real, evaluator, asked, report))
        write_scores_of(path, card, scores, real)
    return scores


def write_scores_of(
    path: Path, scored: Card, scores: Scores, real: RealPictures, report: Report | None = None
) -> Bundle:
    """Write scores into a card: those of the model's own data as `scores`, those of others as `scores_elsewhere`.

    Args:
        path: the bundle's folder.
        scored: its card, when its pictures were drawn.
        real: the pictures that it was compared with.
        report: is told which older scores are replaced.

    Raises:
        BundleReplaced: the card is another one now; nothing is written.
    """
    digest = data_digest(real.train, real.train_labels, real.classes)
    own = is_own(real, scored)
    elsewhere = ScoresElsewhere(data=real.name, data_digest=digest, scores=scores)
    older = [scored.scores] if own else [one.scores for one in scored.scores_elsewhere if one.data_digest == digest]
    written = write_scores(path, scores if own else elsewhere, scored)
    if report and not own:
        report(f"these scores are of other data: they are in `scores_elsewhere` of the card of {scored.name}")
    for replaced in older:
        if report and replaced.fd_ratio is not None:
            same = (replaced.evaluator, replaced.evaluator_digest) == (scores.evaluator, scores.evaluator_digest)
            other = "" if same else ", which does not compare with this one"
            report(f"replaced in the card: an FD ratio of {replaced.fd_ratio:.4g} by {replaced.evaluator}{other}")
    return written


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

    Below 1,000 pictures every figure has an interval; see `intervals`.

    Args:
        images_NHWC: (N, H, W, C) uint8.
        reference: real pictures in the features of an evaluator.
        requested_N: the class that each picture was requested to be, by the evaluator's numbers; None without.
    """
    features = reference.evaluator.extract(images_NHWC)
    nearest_N = nearest_distances(images_NHWC, reference.real.train)
    figures = {
        "fd_ratio": reference.fd_ratio(features),
        **_classifier_scores(features, reference, requested_N),
        **_memorisation_scores(nearest_N, reference.nearest_test),
    }

    def of_halves(halves: Halves, at: int) -> dict[str, Any]:
        drawn, test, train = halves
        some, real = _rows(features, drawn), _rows(reference.test_features, test)
        floor = reference.evaluator.distance(_rows(reference.train_features[at % DRAWS], train), real)
        requested = None if requested_N is None else requested_N[drawn]
        return {
            "fd_ratio": reference.evaluator.distance(some, real) / floor if floor else None,
            **_manifold_scores(some, real),
            **_class_scores(some, reference, requested),
            **_memorisation_scores(nearest_N[drawn], reference.nearest_test[test]),
        }

    found = intervals(figures, of_halves, min(len(images_NHWC), reference.images))
    return {
        "fd_floor": reference.fd_floor,
        "images": len(images_NHWC),
        "evaluator": reference.evaluator.name,
        "evaluator_digest": reference.evaluator.digest,
        **figures,
        "per_class": per_class_scores(features, requested_N, reference),
        "intervals": found or None,
        "too_few": too_few_to_tell(found, of_real(figures)) or None,
    }


def _rows(features: Features, rows: NDArray[np.int64]) -> Features:
    return Features(features.vectors[rows], None if features.classes is None else features.classes[rows])


def _memorisation_scores(
    nearest_drawn: NDArray[np.float64], nearest_test: NDArray[np.float64]
) -> dict[str, float | None]:
    ratio, near_share = memorisation(nearest_drawn, nearest_test)
    return {"nearest_ratio": ratio, "near_share": near_share}


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
    """The scores that need one vector of each picture, or classes, with their floors; empty for wavelets."""
    if features.vectors.ndim != 2:
        return {}
    found: dict[str, Any] = {
        **_manifold_scores(features, reference.test_features),
        "kernel_floor": reference.kernel_floor,
        **{f"{name}_floor": value for name, value in reference.manifold_floor._asdict().items()},
    }
    names = reference.evaluator.class_names
    if names is None or features.classes is None:
        return found
    counts = np.bincount(features.classes, minlength=len(names)).tolist()
    return found | {
        "evaluator_accuracy": reference.accuracy,
        "class_histogram": dict(zip(names, counts, strict=True)),
        **_class_scores(features, reference, requested_N),
        "class_kl_floor": reference.class_kl_floor,
    }


def _manifold_scores(features: Features, real: Features) -> dict[str, float]:
    if features.vectors.ndim != 2:
        return {}
    distance = kernel_distance(features.vectors, real.vectors)
    return {"kernel_distance": distance, **manifold(features.vectors, real.vectors)._asdict()}


def _class_scores(
    features: Features, reference: Reference, requested_N: NDArray[np.int64] | None
) -> dict[str, float | None]:
    agreement = None if requested_N is None else float(np.mean(features.classes == requested_N))
    return {"class_kl": reference.class_kl(features), "class_agreement": agreement}


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
