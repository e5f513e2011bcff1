"""Which of a run's averaged networks is exported: the one whose pictures are nearest to the training pictures.

    checkpoint, training pictures, an evaluator -> [averages] -> runs/<name>/averages.json -> exporter.bundle

Short averages are best where a run still learns fast, or the network without any,
long ones where it circles around its goal, and which of these it is shows only at
its end. What compares is the evaluator of these classes, where one is known;
otherwise the run's own discriminator, by what it has learned to see, and it must be
clearly in favour of another one than the first. Looks at training pictures alone:
the test part scores what was chosen. What was found is kept with the run, so that
`export` repeats it.

Letters: N pictures    H, W, C of a picture    F features
"""

import json
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from models.codes import codes
from training.checkpoint import TrainingState, images_shown_in
from training.config import Settings
from training.device import CPU
from training.evaluation.evaluator import Evaluator
from training.evaluation.intervals import ENOUGH_IMAGES
from training.evaluation.quality_metrics import Gaussian, frechet_distance
from training.evaluation.reference import LEAST_ACCURACY, AnyEvaluator, RealPictures, unseen_pictures
from training.exporter.graphs import draw
from training.networks.gan import Discriminator, LatentGenerator
from training.pixels import from_bytes
from training.run import Run
from training.train import load_state

FOUND = "averages.json"
IMAGES = 2_000
"""N: pictures of each average, and training pictures, that are compared at most."""
FEWEST_IMAGES_SHOWN = 10_000
"""Of a run that has shown fewer the first average is taken: all of them are far from the pictures."""
FEWEST_PICTURES = 50
"""Of fewer no distance says anything."""
CLEARLY = 0.8
"""Share of the first average's distance that another one must fall below, where the discriminator compares."""
PLAYED_AGAINST = 1.4
"""By how much the discriminator's distance to the network without average counts more: it learned from its faults."""
_BATCH = 250
_Distance = Callable[[NDArray[np.uint8]], float]


def candidates(state: TrainingState, settings: Settings) -> list[tuple[float, LatentGenerator]]:
    """The networks that may be exported, each with its half-life as a share of the images shown.

    The averages, and after them, with 0, the network itself where it needs nothing before it draws.
    """
    found = [*zip(settings.half_life_shares, state.ema_bank.networks, strict=True)]
    ready = settings.method == "gan" and settings.network == "residual"
    return [*found, (0.0, state.method.averaged)] if ready else found


def chosen_average(run: Run) -> int:
    """The place among the candidates of the one to export: what was found of this checkpoint, or the first."""
    path = run.path / FOUND
    found = json.loads(path.read_text()) if path.exists() else {}
    return int(found["average"]) if found.get("images_shown") == images_shown_in(run.checkpoint) else 0


def choose_average(run: Run, real: RealPictures, evaluator: AnyEvaluator, device: torch.device = CPU) -> None:
    """Compare the averages of a run's checkpoint with pictures that it trained on, and keep what was found.

    Args:
        run: of any method; one that is short, or has nothing to choose from, keeps nothing.
        real: their training part is what it trained on.
        evaluator: asked where it knows their classes.
        device: of the networks; an evaluator runs on the CPU.
    """
    settings, shown = run.settings(), images_shown_in(run.checkpoint)
    if settings.method != "gan" or len(settings.half_life_shares) == 1 or shown < FEWEST_IMAGES_SHOWN:
        return
    unseen = np.flatnonzero(unseen_pictures(evaluator, real))
    if len(unseen) < ENOUGH_IMAGES:
        unseen = np.arange(len(real.train))
    if len(unseen) < FEWEST_PICTURES:
        return
    state, _ = load_state(run, device)
    shares, networks = zip(*candidates(state, settings), strict=True)
    rows = np.random.default_rng(0).permutation(unseen)[:IMAGES]
    known = _knows(evaluator, real, rows)
    distance = known or _by_discriminator(state.method.networks["discriminator"], real.train[rows])
    classes_N = real.train_labels[rows] if settings.conditional and real.train_labels is not None else None
    codes_NZ = codes(0, 0, len(rows), state.ema.code_size)
    distances = [distance(_drawn(network, codes_NZ, classes_N)) for network in networks]
    found = {
        "average": int(np.argmin(distances)) if known else _clearly_nearest(distances, shares),
        "images_shown": shown,
        "half_life_shares": shares,
        "distances": distances,
        "compared_by": evaluator.name if known else "discriminator",
    }
    run.write(FOUND, f"{json.dumps(found, indent=1)}\n".encode())


def _drawn(
    network: LatentGenerator, codes_NZ: NDArray[np.float32], classes_N: NDArray[np.int64] | None
) -> NDArray[np.uint8]:
    """What a network draws, some at a time: of large pictures all at once would take gigabytes."""
    parts = (slice(at, at + _BATCH) for at in range(0, len(codes_NZ), _BATCH))
    drawn = [draw(network, codes_NZ[part], None if classes_N is None else classes_N[part]) for part in parts]
    return np.concatenate(drawn)


def _clearly_nearest(distances: Sequence[float], shares: Sequence[float]) -> int:
    """The place of the least distance by the discriminator, where it is clearly less than the first; else 0."""
    counted = [each * (1 if share else PLAYED_AGAINST) for each, share in zip(distances, shares, strict=True)]
    nearest = int(np.argmin(counted))
    return nearest if counted[nearest] < CLEARLY * counted[0] else 0


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
    device = next(discriminator.parameters()).device
    with torch.no_grad():
        parts = torch.from_numpy(images_NHWC).to(device).permute(0, 3, 1, 2).split(_BATCH)
        return torch.cat([discriminator.features(from_bytes(part)).mean(dim=(2, 3)) for part in parts]).cpu().numpy()
