"""A bundle and real pictures -> scores: all of the judging together, on the file that is shipped.

    bundle -> runtime (ONNX, uint8) -> [judge] <- reference      -> scores -> write_scores -> card.json

Every score is a function of the bundle, the pictures, the judge and the seed:
judged again on the same machine, it comes out the same to the last bit. Only
`images_per_s` is a measurement.

Letters: N pictures judged    H, W, C of a picture
"""

import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.bundle import open_bundle
from models.card import Scores
from models.engine import Device, usable_cores
from models.runtime import BATCH_SIZES, Runtime
from training.judging.reference import Reference

TIMED_BATCHES = 7


def judge_bundle(
    path: Path,
    reference: Reference,
    *,
    seed: int = 0,
    device: Device = "cpu",
    threads: int | None = None,
) -> Scores:
    """Draw as many pictures as there are test pictures, and score them.

    Args:
        path: a bundle's folder.
        reference: the real pictures, as the judge sees them.
        seed: pictures 0 to N - 1 of this seed are judged.
        device, threads: of the engine that draws; see `Runtime`.

    Raises:
        ModelError: the bundle is damaged, or the device is not here.
        ValueError: it draws pictures of another shape than the real ones.
    """
    runtime = Runtime(open_bundle(path), device, threads)
    images_NHWC = runtime.generate(seed, 0, reference.images)
    asked_N = labels_asked(runtime, seed, 0, reference.images)
    speed = {
        "images_per_s": images_per_s(runtime),
        "images_per_s_on": f"{runtime.engine}, threads {threads or usable_cores()}, batches of {BATCH_SIZES[-1]}",
    }
    return Scores(**score(images_NHWC, reference, asked_N), **speed)


def score(
    images_NHWC: NDArray[np.uint8], reference: Reference, asked_N: NDArray[np.int64] | None = None
) -> dict[str, Any]:
    """Score pictures of any origin: every field of `Scores` but the speed.

    Args:
        images_NHWC: (N, H, W, C) uint8.
        reference: the real pictures, as the judge sees them.
        asked_N: the class that each picture was asked to be, if one was.
    """
    look = reference.judge.look(images_NHWC)
    found, real = reference.manifold(look), reference.manifold_floor
    heart = reference.memorisation(images_NHWC)
    return {
        "fd_ratio": reference.fd_ratio(look),
        "fd_floor": float(np.mean(reference.frechet_floors)),
        "images": len(images_NHWC),
        "judge": reference.judge.facts.name,
        "judge_digest": reference.judge.digest,
        "judge_accuracy": reference.accuracy,
        "kernel_distance": reference.kernel_distance(look),
        "kernel_floor": reference.kernel_floor,
        **found._asdict(),
        **{f"{name}_floor": value for name, value in real._asdict().items()},
        "nearest_ratio": heart.ratio,
        "near_share": heart.near_share,
        "class_agreement": None if asked_N is None else float((look.classes == asked_N).mean()),
    }


def labels_asked(runtime: Runtime, seed: int, start: int, count: int) -> NDArray[np.int64] | None:
    """The classes that these pictures are of by their address; None where the model has none."""
    labels = getattr(runtime, "labels", None)
    return None if labels is None else labels(seed, start, count)


def images_per_s(runtime: Runtime) -> float:
    """Pictures a second, codes included: the median of some batches of the largest size."""
    size, seconds = BATCH_SIZES[-1], []
    for batch in range(TIMED_BATCHES):
        begun = time.perf_counter()
        runtime.generate(0, batch * size, size)
        seconds.append(time.perf_counter() - begun)
    return size / statistics.median(seconds)
