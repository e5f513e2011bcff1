"""Augmentation of what a discriminator sees: real and generated pictures alike, and as much as it overfits.

    held-out pictures, scores -> [augmentation] -> Transforms -> gan (both losses)

With few pictures the discriminator learns them by heart, and its gradient makes the generator copy them. So it is
shown pictures that were moved, zoomed, recoloured or partly covered, each of these with probability p. Real and
generated ones go through the same transforms, pair by pair, and the generator's gradient goes back through them:
pictures that look right after them must look right before, as long as p leaves enough pictures as they are. That
holds for a shift by an eighth up to p = 0.82 and for the others up to 1 [Karras2020, appendix C]; p ends at 0.8.

Not among them: flips and turns. Where left and right do not matter `--mirror` doubles the pictures, which no
generator can mistake; elsewhere a flipped picture is the first thing that leaks, and so is a turned one.

p follows overfitting, and not the clock. What [Karras2020] measure, the mean sign of the scores of real pictures,
says nothing here: the relativistic loss sees differences of scores alone, so all of them may drift together. Their
other measure knows no level and no scale, and is taken:

    overfitting = (D(train) - D(held-out)) / (D(train) - D(generated))        means of scores

0: held-out pictures pass for training ones. 1: they score no better than generated ones. `d_wins`, the share of
pairs ordered rightly, is no substitute: it is near 1 for half a million images of any healthy run. Where generated
pictures are good both differences are small and noisy, so each is averaged over the last looks, and one standard
deviation of the mean of so many held-out pictures is taken off the first. p begins at 0 and moves slowly, and at 0
a step is that of a run without augmentation, bit for bit.

Letters: N pictures    C channels    H, W height and width    I, J rows or columns, drawn and taken from

Papers:
    [Karras2020]  Training Generative Adversarial Networks with Limited Data.          arXiv:2006.06676
    [Zhao2020]    Differentiable Augmentation for Data-Efficient GAN Training.         arXiv:2006.10738
"""

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from training.config import Settings
from training.data.batches import Batches
from training.device import images_between_waits
from training.networks.gan import Discriminator, Generator

MOST_P = 0.8
LOOK_IMAGES = 2_000
"""Images shown between two looks at overfitting, at least."""
LOOKED_AT = 128
"""Pictures of each kind, at most: with the steps in between it costs a hundredth of the time."""
TARGET = 0.25
"""Overfitting that p holds on to; below, p falls."""
_FULL_RATE_IMAGES = 40_000
"""p goes from 0 to 1 within so many images at the fastest ..."""
_FULL_RATE_EXCESS = 0.2
"""... which is where overfitting is so far from the target."""
_SHIFT, _ZOOM_OCTAVES, _BRIGHTNESS, _CONTRAST_OCTAVES, _SATURATION_OCTAVES, _BOX = 1 / 8, 0.2, 0.2, 0.5, 1.0, 1 / 2
"""Largest shift, in sides; deviations of zoom, brightness, contrast and saturation; side of the box that covers."""
_GATES = 6
NUMBERS = _GATES + 4 + 4
"""Random numbers a picture: whether, where, and how much."""
_KEPT = 0.8
"""Share of the looks so far that the next one leaves: means go over the last 10,000 images."""
_LARGEST_OVERFITTING = 2.0
_LARGE_PRIME = 1_000_000_007


class Transforms(NamedTuple):
    """What is done to each picture of a batch: an affine map of its pixels. Tensors only, so that a step with it can
    be compiled."""

    rows: Tensor
    """(N, I, J): each row of the result as weights over the rows of the picture: shift and zoom."""
    columns: Tensor
    """(N, I, J): the same of columns."""
    colours: Tensor
    """(N, C, C): each channel of the result as weights over those of the picture: contrast and saturation."""
    brightness: Tensor
    """(N,): added to all channels."""
    uncovered: Tensor
    """(N, 1, H, W): 0 in the box that is covered with the middle grey, 1 elsewhere."""
    middle: Tensor
    """() that grey, on the scale of -1 to 1."""

    def of_pairs(self) -> "Transforms":
        """For a batch of real pictures and then as many generated partners of theirs: each pair has the same."""
        rows, columns, colours, brightness, uncovered = (torch.cat([one, one]) for one in self[:5])
        return Transforms(rows, columns, colours, brightness, uncovered, self.middle)


def augmented(images_NCHW: Tensor, how: Transforms) -> Tensor:
    """Pictures after their transforms: (N, C, H, W) -> the same shape."""
    x = images_NCHW - how.middle
    x = torch.einsum("nij,ncjw->nciw", how.rows, x)
    x = torch.einsum("nij,nchj->nchi", how.columns, x)
    x = torch.einsum("ndc,nchw->ndhw", how.colours, x) + how.brightness[:, None, None, None]
    return x * how.uncovered + how.middle


def draw_transforms(
    normal_NK: Tensor, shape: tuple[int, int, int], p: float | Tensor, offset: float = 0.0, scale: float = 1.0
) -> Transforms:
    """Transforms for a batch, from standard normal numbers.

    Args:
        normal_NK: (N, `NUMBERS`), all the chance that there is.
        shape: (C, H, W).
        p: probability of each of the six, from 0, where they change no bit, to `MOST_P`.
        offset, scale: of the pixels, as in `Settings`: middle grey, and the unit of brightness.
    """
    channels, height, width = shape
    uniform_NK = (torch.erf(normal_NK[:, : _GATES + 4] / math.sqrt(2)) + 1) / 2
    moves, zooms, brightens, contrasts, saturates, covers = (uniform_NK[:, :_GATES] < p).to(normal_NK.dtype).unbind(1)
    down, right, box_y, box_x = uniform_NK[:, _GATES:].unbind(1)
    zoom, brightness, contrast, saturation = normal_NK[:, _GATES + 4 :].unbind(1)
    magnified = torch.exp2(_ZOOM_OCTAVES * zoom * zooms)
    saturated = torch.exp2(_SATURATION_OCTAVES * saturation * saturates)[:, None, None]
    contrasted = torch.exp2(_CONTRAST_OCTAVES * contrast * contrasts)[:, None, None]
    own_CC = torch.eye(channels, dtype=normal_NK.dtype, device=normal_NK.device)
    return Transforms(
        _resampling(height, moves * ((2 * down - 1) * _SHIFT * height).round(), magnified),
        _resampling(width, moves * ((2 * right - 1) * _SHIFT * width).round(), magnified),
        contrasted * (own_CC + (saturated - 1) * (own_CC - 1 / channels)),  # what is not grey is multiplied
        _BRIGHTNESS * scale * brightness * brightens,
        _uncovered(height, width, box_y, box_x, covers),
        normal_NK.new_full((), offset),
    )


def _resampling(side: int, shift_N: Tensor, zoom_N: Tensor) -> Tensor:
    """Weights (N, I, J) that move by whole pixels and zoom about the middle, linear between pixels, mirrored past the
    edge; one-hot where nothing changes."""
    places = torch.arange(side, dtype=shift_N.dtype, device=shift_N.device)
    middle = (side - 1) / 2
    taken_NI = (places - middle) / zoom_N[:, None] + middle - shift_N[:, None]
    taken_NI = torch.remainder(taken_NI, 2 * (side - 1))
    taken_NI = torch.minimum(taken_NI, 2 * (side - 1) - taken_NI)
    return (1 - (taken_NI[:, :, None] - places).abs()).clamp(min=0)


def _uncovered(height: int, width: int, y_N: Tensor, x_N: Tensor, covers_N: Tensor) -> Tensor:
    """(N, 1, H, W): 0 in a box around (y, x), which are shares of height and width; the box may reach past the edge."""

    def inside(side: int, centre_N: Tensor) -> Tensor:
        places = (torch.arange(side, dtype=y_N.dtype, device=y_N.device) + 0.5) / side
        return ((places - centre_N[:, None]).abs() < _BOX / 2).to(y_N.dtype)

    box_NHW = inside(height, y_N)[:, :, None] * inside(width, x_N)[:, None, :]
    return (1 - covers_N[:, None, None] * box_NHW)[:, None]


class Augmentation:
    """p, and what moves it. All processes of a run have the same, and a checkpoint holds it.

    Args:
        settings: of the run.
        compiled: `draw_transforms`, compiled. Then transforms are drawn at p = 0 too, where they change nothing but
            rounding: a step that is compiled with them is not compiled again, for a minute, when p rises.
    """

    def __init__(self, settings: Settings, compiled: Callable[..., Transforms] | None = None) -> None:
        self.p, self.overfitting = 0.0, 0.0
        self._always, self._draw_transforms = compiled is not None, compiled or draw_transforms
        self._lacking, self._gap, self._looks = 0.0, 0.0, 0.0
        self._offset, self._scale, self._seed = settings.pixel_offset, settings.pixel_scale, settings.seed

    def draw(self, batches: Batches) -> Transforms | None:
        """Transforms for a step's pictures; None, and no random number drawn, while they would change nothing."""
        some = self.p > 0 or (self._always and batches.held_out is not None)
        return self._transforms(batches.normal(NUMBERS), batches) if some else None

    def look_if_due(
        self, batches: Batches, discriminator: Discriminator, generator: Generator, images_shown: int
    ) -> None:
        """Measure overfitting once in `LOOK_IMAGES` (on a GPU in 32 steps, where these are more), and move p.

        Nothing happens without held-out pictures, and before each picture was shown once: until then none is known.

        Args:
            images_shown: before this step. With the seed it decides what is looked at, so a run that was stopped
                sees what it would have seen, and the random numbers of its steps are as if it had not looked.
        """
        every = images_between_waits(LOOK_IMAGES, batches.batch, batches.images.device)
        due = images_shown % every < batches.batch
        if batches.held_out is None or not due or images_shown < len(batches.images):
            return
        look = self._look(batches, discriminator, generator, images_shown)
        self._lacking = _KEPT * self._lacking + look["train"] - look["held_out"]
        self._gap = _KEPT * self._gap + look["train"] - look["generated"]
        self._looks = _KEPT * self._looks + 1
        chance = look["deviation"] / math.sqrt(len(batches.held_out))
        self.overfitting = overfitting(self._lacking / self._looks - chance, self._gap / self._looks)
        self.p = moved(self.p, self.overfitting, max(every, batches.batch))

    @torch.no_grad()
    def _look(
        self, batches: Batches, discriminator: Discriminator, generator: Generator, images_shown: int
    ) -> dict[str, float]:
        """Mean scores of pictures of each kind, seen as in training, and the deviation of those of held-out ones."""
        device = batches.images.device
        random = torch.Generator(device).manual_seed((self._seed * _LARGE_PRIME + images_shown) % 2**63)

        def scores(images: Tensor, labels: Tensor | None) -> Tensor:
            normal = torch.randn(len(images), NUMBERS, generator=random, device=device)
            found: Tensor = discriminator(augmented(images, self._transforms(normal, batches)), labels)
            return found

        train, labels = batches.some(LOOKED_AT, random)
        held_out = scores(*batches.some(LOOKED_AT, random, held_out=True))
        z = torch.randn(len(train), generator.code_size, generator=random, device=device)
        learning = generator.training
        generator.eval()  # batch normalisation learns nothing from a look
        generated = generator(z, labels)
        generator.train(learning)
        found = {
            "train": scores(train, labels).mean(),
            "held_out": held_out.mean(),
            "generated": scores(generated, labels).mean(),
            "deviation": held_out.std(correction=0),
        }
        return {name: float(value) for name, value in batches.distributed.average(found).items()}

    def _transforms(self, normal_NK: Tensor, batches: Batches) -> Transforms:
        _, channels, height, width = batches.images.shape
        p = torch.full((), self.p, device=normal_NK.device)  # a number would be compiled in
        return self._draw_transforms(normal_NK, (channels, height, width), p, self._offset, self._scale)

    def logged(self, batches: Batches) -> dict[str, Tensor]:
        """What a step adds to the log: nothing in a run without held-out pictures."""
        if batches.held_out is None:
            return {}
        device = batches.images.device
        found = {"augment_p": self.p, "overfitting": self.overfitting}
        return {name: torch.full((), value, device=device) for name, value in found.items()}  # no copy to wait for

    def state(self) -> dict[str, Tensor]:
        """What a checkpoint holds."""
        values = {
            "augment_p": self.p,
            "overfitting": self.overfitting,
            "lacking": self._lacking,
            "gap": self._gap,
            "looks": self._looks,
        }
        return {name: torch.tensor(value, dtype=torch.float64) for name, value in values.items()}

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Put back what a checkpoint holds."""
        self.p, self.overfitting = float(state["augment_p"]), float(state["overfitting"])
        self._lacking, self._gap, self._looks = (float(state[name]) for name in ("lacking", "gap", "looks"))


def overfitting(lacking: float, gap: float) -> float:
    """How much of the way from generated to training pictures the held-out ones lack.

    Args:
        lacking: mean score of training pictures less that of held-out ones, and less what chance explains.
        gap: mean score of training pictures less that of generated ones.

    Returns:
        From 0 to 2. 0 also where generated pictures score as high as training ones: then none is known by heart.
    """
    return max(0.0, min(_LARGEST_OVERFITTING, lacking / gap)) if gap > 0 else 0.0


def moved(p: float, overfitting: float, images: int) -> float:
    """p after so many more images shown at this overfitting: towards `TARGET`, within 0 and `MOST_P`."""
    excess = max(-1.0, min(1.0, (overfitting - TARGET) / _FULL_RATE_EXCESS))
    return max(0.0, min(MOST_P, p + excess * images / _FULL_RATE_IMAGES))
