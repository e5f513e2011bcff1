"""Which of a run's averaged networks is exported: the one whose pictures are nearest to the training pictures.

    checkpoint, training pictures, an evaluator -> [averages] -> runs/<name>/averages.json -> exporter.bundle

Short averages are best where a run still learns fast, long ones where it circles
around its goal, and which of the two it is shows only at its end. What compares
is the evaluator of these classes, where one is known; otherwise the run's own
discriminator, by what it has learned to see, and it must be clearly in favour of
another one than the first. Looks at training pictures alone: the test part scores
what was chosen. What was found is kept with the run, so that `export` repeats it.

Letters: N pictures    H, W, C of a picture    F features
"""

import json
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from models.codes import codes
from training.checkpoint import TrainingState, images_shown_in
from training.evaluation.evaluator import Evaluator
from training.evaluation.quality_metrics import Gaussian, frechet_distance
from training.evaluation.reference import LEAST_ACCURACY, AnyEvaluator, RealPictures, unseen_pictures
from training.exporter.graphs import draw
from training.networks.gan import Discriminator
from training.pixels import from_bytes
from training.run import Run
from training.train import load_state

FOUND = "averages.json"
IMAGES = 2_000
"""N: pictures of each average, and training pictures, that are compared at most."""
FEWEST_IMAGES_SHOWN = 10_000
"""Of a run that has shown fewer the first average is taken: all of them are far from the pictures."""
CLEARLY = 0.8
"""Share of the first average's distance that another one must fall below, where the discriminator compares."""
_BATCH = 250
_Distance = Callable[[NDArray[np.uint8]], float]


def chosen_average(run: Run) -> int:
    """The place of the average to export in `half_life_shares`: what was found of this checkpoint, or the first."""
    path = run.path / FOUND
    found = json.loads(path.read_text()) if path.exists() else {}
    return int(found["average"]) if found.get("images_shown") == images_shown_in(run.checkpoint) else 0


def choose_average(run: Run, real: RealPictures, evaluator: AnyEvaluator) -> None:
    """Compare the averages of a run's checkpoint with pictures that it trained on, and keep what was found.

    Args:
        run: of any method; one that is short, or has nothing to choose from, keeps nothing.
        real: their training part is what it trained on.
        evaluator: asked where it knows their classes.
    """
    settings, shown = run.settings(), images_shown_in(run.checkpoint)
    if settings.method != "gan" or len(settings.half_life_shares) == 1 or shown < FEWEST_IMAGES_SHOWN:
        return
    state, _ = load_state(run)
    rows = np.random.default_rng(0).permutation(np.flatnonzero(unseen_pictures(evaluator, real)))[:IMAGES]
    known = _knows(evaluator, real, rows)
    distance = known or _by_discriminator(state.method.networks["discriminator"], real.train[rows])
    classes_N = real.train_labels[rows] if settings.conditional and real.train_labels is not None else None
    distances = [distance(images_NHWC) for images_NHWC in _drawn(state, len(rows), classes_N)]
    nearest = int(np.argmin(distances))
    clear = known is not None or distances[nearest] < CLEARLY * distances[0]
    found = {
        "average": nearest if clear else 0,
        "images_shown": shown,
        "half_life_shares": settings.half_life_shares,
        "distances": distances,
        "compared_by": evaluator.name if known else "discriminator",
    }
    run.write(FOUND, f"{json.dumps(found, indent=1)}\n".encode())


def _drawn(state: TrainingState, count: int, classes_N: NDArray[np.int64] | None) -> list[NDArray[np.uint8]]:
    """What each average draws from the same codes: (N, H, W, C)."""
    codes_NZ = codes(0, 0, count, state.ema.code_size)
    return [draw(state.method.exports(one).generator, codes_NZ, classes_N) for one in state.ema_bank.networks]


def _knows(evaluator: AnyEvaluator, real: RealPictures, rows: NDArray[np.int64]) -> _Distance | None:
    """Distance to these pictures by an evaluator; None from one that does not recognise their classes."""
    if not isinstance(evaluator, Evaluator) or real.train_labels is None:
        return None
    features = evaluator.extract(real.train[rows])
    accuracy = np.mean(features.classes == real.train_labels[rows])
    if accuracy < LEAST_ACCURACY * (evaluator.info.test_accuracy or 0):
        return None
    return lambda images_NHWC: evaluator.distance(evaluator.extract(images_NHWC), features)


def _by_discriminator(discriminator: nn.Module, real_NHWC: NDArray[np.uint8]) -> _Distance:
    """Distance to these pictures in the features of a discriminator, each in units of its deviation."""
    assert isinstance(discriminator, Discriminator)
    features_NF = _features(discriminator, real_NHWC)
    units_F = features_NF.std(axis=0) + np.float32(1e-6)
    real = Gaussian.of(features_NF / units_F)
    return lambda images_NHWC: frechet_distance(Gaussian.of(_features(discriminator, images_NHWC) / units_F), real)


def _features(discriminator: Discriminator, images_NHWC: NDArray[np.uint8]) -> NDArray[np.float32]:
    discriminator.eval()
    with torch.no_grad():
        parts = torch.from_numpy(images_NHWC).permute(0, 3, 1, 2).split(_BATCH)
        return torch.cat([discriminator.features(from_bytes(part)).mean(dim=(2, 3)) for part in parts]).numpy()
