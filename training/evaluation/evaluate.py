"""A bundle and real pictures -> scores: all of the judging together, on the file that is shipped.

    bundle -> runtime (ONNX, uint8) -> [judge] <- reference      -> scores -> write_scores -> card.json

Every score is a function of the bundle, the pictures, the judge and the seed:
judged again on the same machine, it comes out the same to the last bit. Only
`images_per_s` is a measurement.

Letters: N pictures judged    H, W, C of a picture
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

from models.bundle import open_bundle, write_scores
from models.card import Scores
from models.engine import Device, reference_on, usable_cores
from models.runtime import Runtime
from training.evaluation.evaluator import Evaluator, Features
from training.evaluation.evaluator_store import find_evaluator
from training.evaluation.inception import inception_fid
from training.evaluation.modes import stacked_scores
from training.evaluation.reconstruction import active_units, pca_psnr_db, psnr_db
from training.evaluation.reference import RealPictures, Reference
from training.evaluation.wavelets import WaveletEvaluator

TIMED_BATCHES, TIMED_IMAGES = 7, 256


@dataclass(frozen=True)
class StackReader:
    """Who reads the digits of stacks, and how many of each class these were made of."""

    evaluator: Evaluator
    label_counts: NDArray[np.int64]


def stack_reader(digits: RealPictures, **asked: Any) -> StackReader:
    """A reader of stacks of these grey pictures; arguments and errors are those of `judge_for`."""
    return StackReader(find_evaluator(digits, **asked), np.bincount(digits.train_labels))


def evaluate_model(
    path: Path,
    real: RealPictures,
    *,
    digits: RealPictures | None = None,
    inception: Path | None = None,
    fit: bool = False,
    images: int | None = None,
    seed: int = 0,
    device: Device = "cpu",
    threads: int | None = None,
    report: Callable[[str], object] | None = None,
) -> Scores:
    """Find or fit the judge for these pictures, judge a bundle, and write what was found into its card.

    Args:
        digits: the grey pictures that `real` are stacks of: their judge then counts modes as well.
        inception: a file of weights, for the canonical FID as well; see `inception_fid`.

    The other arguments and the errors are those of `judge_for`, `Reference` and `judge_bundle`.
    """
    evaluator = find_evaluator(real, fit=fit and digits is None, device=torch.device(device), report=report)
    reader = None if digits is None else stack_reader(digits, fit=fit, device=torch.device(device), report=report)
    reference = Reference(real, evaluator, images)
    scores = evaluate_bundle(path, reference, reader=reader, seed=seed, device=device, threads=threads)
    if inception is not None:
        drawn = Runtime(open_bundle(path), reference_on(device), threads).generate(seed, 0, len(real.train))
        fid = inception_fid(drawn, real.train, inception, cuda=device == "cuda")
        scores = scores.model_copy(update={"inception_fid": fid})
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
        reference: the real pictures, as the judge sees them; one serves any number of bundles.
        reader: of a bundle that draws stacks: counts their modes.
        seed: pictures 0 to N - 1 of this seed are judged.
        device, threads: of the engine that draws; see `Runtime`.

    Raises:
        ModelError: the bundle is damaged, or the device is not here.
        ValueError: it draws pictures of another shape than the real ones, or classes that the judge does not know.
    """
    runtime = Runtime(open_bundle(path), reference_on(device), threads)
    scores = score(runtime.generate(seed, 0, reference.images), reference, _asked(runtime, seed, reference))
    if runtime.encodes:
        scores |= _recovered(runtime, reference.real)
    if reader is not None:
        modes = stacked_scores(runtime, reader.evaluator, reference.real.test, reader.label_counts, seed=seed)
        scores["stacked"] = modes
    engine = f"{runtime.engine}, threads {threads or usable_cores()}, {TIMED_IMAGES} at a time"
    return Scores(**scores, images_per_s=round(images_per_s(runtime), 1), images_per_s_on=engine)


def score(
    images_NHWC: NDArray[np.uint8], reference: Reference, asked_N: NDArray[np.int64] | None = None
) -> dict[str, Any]:
    """Score pictures of any origin: the fields of `Scores` that need no bundle.

    Args:
        images_NHWC: (N, H, W, C) uint8.
        reference: the real pictures, as the judge sees them.
        asked_N: the class that each picture was asked to be, by the judge's numbers, if one was.
    """
    features = reference.evaluator.extract(images_NHWC)
    by_heart = reference.memorisation(images_NHWC)
    return {
        "fd_ratio": reference.fd_ratio(features),
        "fd_floor": reference.fd_floor,
        "images": len(images_NHWC),
        "evaluator": reference.evaluator.name,
        "evaluator_digest": reference.evaluator.digest,
        **({} if features.classes is None else _by_features(features, reference, asked_N)),
        "nearest_ratio": by_heart.ratio,
        "near_share": by_heart.near_share,
    }


def images_per_s(runtime: Runtime) -> float:
    """Pictures a second, codes included: the median of some requests."""
    size, seconds = TIMED_IMAGES, []
    for batch in range(TIMED_BATCHES):
        begun = time.perf_counter()
        runtime.generate(0, batch * size, size)
        seconds.append(time.perf_counter() - begun)
    return size / statistics.median(seconds)


def _by_features(features: Features, reference: Reference, asked_N: NDArray[np.int64] | None) -> dict[str, Any]:
    names = reference.evaluator.facts.classes
    return {
        "evaluator_accuracy": reference.accuracy,
        "kernel_distance": reference.kernel_distance(features),
        "kernel_floor": reference.kernel_floor,
        **reference.manifold(features)._asdict(),
        **{f"{name}_floor": value for name, value in reference.manifold_floor._asdict().items()},
        "class_histogram": dict(zip(names, np.bincount(features.classes, minlength=len(names)).tolist(), strict=True)),
        "class_kl": reference.class_kl(features),
        "class_kl_floor": reference.class_kl_floor,
        "class_agreement": None if asked_N is None else float((features.classes == asked_N).mean()),
    }


def _recovered(runtime: Runtime, real: RealPictures) -> dict[str, Any]:
    """How well test pictures come back through encoder and decoder, beside a PCA of the same size."""
    labels_N = None if runtime.card.classes is None else real.test_labels
    codes_NZ = runtime.encode(real.test, labels_N)
    variational = runtime.card.method == "variational"
    size = runtime.card.code_size - (not variational)  # the mixture's choice is no part of the code
    return {
        "reconstruction_psnr_db": psnr_db(real.test, runtime.draw(codes_NZ, labels_N)),
        "pca_psnr_db": pca_psnr_db(real.train, real.test, size),
        "active_units": active_units(codes_NZ) if variational else None,
    }


def _asked(runtime: Runtime, seed: int, reference: Reference) -> NDArray[np.int64] | None:
    """The classes that the judged pictures are of by their address, in the judge's numbers; None without classes."""
    classes = runtime.card.classes
    if classes is None or isinstance(reference.evaluator, WaveletEvaluator):
        return None
    labels = runtime.labels(seed, 0, reference.images)
    known = reference.evaluator.facts.classes
    if unknown := [one.name for one in classes if one.name not in known]:
        raise ValueError(
            f"{runtime.card.name}: found classes {', '.join(unknown)}, expected some of {', '.join(known)}, "
            f"which judge {reference.evaluator.name} knows"
        )
    return np.array([known.index(one.name) for one in classes])[labels]
