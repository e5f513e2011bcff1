"""Planted controls: pictures of known quality, which an evaluator must order rightly before it is believed.

    held-out real pictures, an evaluator -> [controls] -> evaluator_store (kept with the evaluator), evaluate

Real pictures that the evaluator has not seen, the same blurred a little and more,
noise, blocks of the data's own colours, one picture repeated, and the training
pictures themselves take the place of a model's. What they score is known in
advance; an evaluator that finds otherwise would also flatter or slander a model.
Knows evaluators by their interface, and no bundle.

Letters: N pictures of a control    H, W, C of a picture
"""

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from training.evaluation.evaluator import Evaluator, Features
from training.evaluation.quality_metrics import NEIGHBOURS, manifold, memorisation, nearest_distances
from training.evaluation.reference import AnyEvaluator, RealPictures, unseen_pictures

Images = NDArray[np.uint8]
MOST_IMAGES = 2_000
"""N, at most."""
FEWEST_IMAGES = 2 * NEIGHBOURS
BLUR_PIXELS = (1.0, 2.0)
"""Standard deviations of the two blurs."""
_CELLS = 4
"""Blocks along a side."""
MOST_PRECISION, MOST_RECALL, LEAST_NEAR = 0.5, 0.1, 0.5
"""Of the blocks and of the repeated picture, over those of real pictures; and of the training pictures."""
NEAR_IMAGES = 200
"""Pictures whose nearest training picture is searched: there may be 60,000 of those."""
_SEED = 2
Figures = dict[str, float]
"""Name of a control -> its FD ratio; and `... precision`, `... recall`, `... near share` of some."""


class EvaluatorRefused(ValueError):
    """An evaluator orders pictures of known quality wrongly: it says nothing about a model."""


class Extractor(Protocol):
    """What of an evaluator is tested."""

    def extract(self, images_NHWC: Images, /) -> Features:
        """Features of pictures."""

    def distance(self, found: Features, real: Features, /) -> float:
        """Frechet distance."""


def checked_controls(
    evaluator: AnyEvaluator,
    real: RealPictures,
    images: int = MOST_IMAGES,
    report: Callable[[str], object] | None = None,
) -> Figures | None:
    """What the controls score, if the evaluator orders them rightly.

    Args:
        evaluator: a trained one is refused where it does not; of one without training it is reported.
        real: pictures to make the controls of.
        images: N, at most; what is kept with an evaluator has its own.
        report: is told what is wrong.

    Returns:
        None where there are too few pictures for controls.

    Raises:
        EvaluatorRefused: says what was found, what was expected and what to do.
    """
    figures = _figures(evaluator, real, images)
    if figures is None:
        if report:
            report(f"{len(real.test)} test pictures are too few to test the evaluator with controls")
        return None
    if wrong := violations(figures):
        found = f"on {figures['images']:,.0f} pictures of known quality: {'; '.join(wrong)}"
        if isinstance(evaluator, Evaluator):
            raise EvaluatorRefused(
                f"evaluator {evaluator.name} does not order these pictures rightly, and says nothing about the model. "
                f"Found {found}. Use more pictures with labels, or --features imagenet, or --features wavelets."
            )
        if report:
            report(f"{evaluator.name}: take the figures with care. Found {found}")
    return figures


def _figures(evaluator: AnyEvaluator, real: RealPictures, images: int) -> Figures | None:
    """Those that are kept with the evaluator, or measured now."""
    held_out = unseen_pictures(evaluator, real)
    unseen = train = real.train
    if not held_out.all():
        if isinstance(evaluator, Evaluator) and evaluator.info.controls:
            return evaluator.info.controls
        unseen, train = real.train[held_out], real.train[~held_out]
    if min(images, len(unseen), len(real.test), len(train)) < FEWEST_IMAGES:
        return None
    return measure_controls(evaluator, train, unseen, real.test, images)


def violations(figures: Figures) -> list[str]:
    """What an evaluator gets wrong, in words with the figures; empty if it is to be believed."""

    def ratio(name: str) -> str:
        return f"{name} has an FD ratio of {figures[name]:.3g}"

    ladder = ["real", *(f"blur {pixels:g}" for pixels in BLUR_PIXELS), "noise"]
    pairs = [*pairwise(ladder), ("real", "blocks"), ("real", "one repeated")]
    wrong = [
        f"{ratio(better)} and {ratio(worse)}, expected {better} < {worse}"
        for better, worse in pairs
        if not figures[better] < figures[worse]
    ]
    for control, share, most in (("blocks", "precision", MOST_PRECISION), ("one repeated", "recall", MOST_RECALL)):
        if (found := figures.get(f"{control} {share}")) is not None:
            real = figures[f"real {share}"]
            if not found <= most * real:
                wrong.append(
                    f"{control}: {share} {found:.2f}, of real {real:.2f}, expected at most {most:g} times that"
                )
    near = figures.get("training near share")
    if near is not None and near < LEAST_NEAR:
        wrong.append(f"{near:.0%} of the training pictures are recognised, expected {LEAST_NEAR:.0%} or more")
    return wrong


def controls_line(controls: Mapping[str, float] | None) -> str | None:
    """The FD ratios of the controls in one line; None without any."""
    if controls is None:
        return None
    names = ("real", *(f"blur {pixels:g}" for pixels in BLUR_PIXELS), "noise", "blocks", "one repeated")
    return "FD ratios of known pictures; " + ", ".join(f"{name}: {controls[name]:.3g}" for name in names)


def measure_controls(
    evaluator: Extractor, train: Images, unseen: Images, test: Images, images: int = MOST_IMAGES
) -> Figures:
    """Score every control against test pictures; all sets have the size of the smallest, or that of `images`.

    Args:
        evaluator: whatever extracts features.
        train: what it was trained on, or any real pictures; (N, H, W, C) uint8.
        unseen: real pictures of neither part; the controls are made of these.
        test: real pictures that it is compared with.
        images: N, at most.

    Returns:
        FD ratios over that of the unseen pictures, which so have 1; with features of one vector a picture also
        precision and recall.
    """
    random = np.random.default_rng(_SEED)
    count = min(len(unseen), len(test), len(train), images, MOST_IMAGES)
    unseen, test, drawn = (some[np.sort(random.permutation(len(some))[:count])] for some in (unseen, test, train))
    real = evaluator.extract(test)
    controls = {name: evaluator.extract(made) for name, made in planted(unseen).items()}
    floor = max(evaluator.distance(controls["real"], real), float(np.finfo(np.float32).tiny))
    figures: Figures = {"images": count}
    for name, found in controls.items():
        figures[name] = evaluator.distance(found, real) / floor
        if real.vectors.ndim == 2 and name in ("real", "blocks", "one repeated"):
            shares = manifold(found.vectors, real.vectors)
            figures |= {f"{name} precision": shares.precision, f"{name} recall": shares.recall}
    near_test, near_drawn = (nearest_distances(some[:NEAR_IMAGES], train) for some in (test, drawn))
    if (share := memorisation(near_drawn, near_test).near_share) is not None:
        figures["training near share"] = share
    return figures


def planted(real_NHWC: Images) -> dict[str, Images]:
    """The controls that are made of real pictures: name -> as many pictures of the same shape, the best first."""
    random = np.random.default_rng(_SEED)
    return {
        "real": real_NHWC,
        **{f"blur {pixels:g}": blurred(real_NHWC, pixels) for pixels in BLUR_PIXELS},
        "noise": random.integers(0, 256, real_NHWC.shape, np.uint8),
        "blocks": _blocks(real_NHWC, random),
        "one repeated": np.repeat(real_NHWC[:1], len(real_NHWC), axis=0),
    }


def blurred(images_NHWC: Images, pixels: float) -> Images:
    """Blurred by a Gaussian of this standard deviation: (N, H, W, C) uint8 -> the same."""
    reach = round(3 * pixels)
    kernel = torch.exp(-torch.arange(-reach, reach + 1).float().square() / (2 * pixels**2))
    kernel = (kernel / kernel.sum()).reshape(1, 1, -1, 1)
    x = torch.from_numpy(images_NHWC).permute(0, 3, 1, 2).float()
    shape = x.shape
    x = x.reshape(-1, 1, *shape[2:])
    for weights, padding in ((kernel, (0, 0, reach, reach)), (kernel.transpose(2, 3), (reach, reach, 0, 0))):
        x = F.conv2d(F.pad(x, padding, mode="replicate"), weights)
    return x.reshape(shape).permute(0, 2, 3, 1).round().clamp(0, 255).to(torch.uint8).contiguous().numpy()


def _blocks(real_NHWC: Images, random: np.random.Generator) -> Images:
    """Grids of 4 x 4 blocks, each in the colour of some pixel of some real picture."""
    count, height, width, channels = real_NHWC.shape
    pixels = real_NHWC.reshape(-1, channels)
    colours = pixels[random.integers(0, len(pixels), (count, _CELLS, _CELLS))]
    rows, columns = (np.arange(size) * _CELLS // size for size in (height, width))
    return np.ascontiguousarray(colours[:, rows][:, :, columns])
