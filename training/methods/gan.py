"""The game: one update of the discriminator, one update of the generator.

    networks, losses, batches -> [gan] -> train

The lecture's picture: put a discriminator on top of the generator and propagate
its loss right through to the generator. The two losses below match line by line,
and so do algorithm 1 of Goodfellow et al. (arXiv:1406.2661), with `--loss
minimax`, and the relativistic game with exact R1 and R2 at every step (Huang et
al., arXiv:2501.05441), the default.

This file knows two networks and two optimizers; it does not know what a run is.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from training.config import Settings
from training.data.batches import Batches
from training.device import cloned, compile_step
from training.methods.augmentation import Augmentation, Transforms, augmented, draw_transforms
from training.methods.losses import (
    OBJECTIVES,
    Objective,
    Score,
    classification_loss,
    gradient_penalty,
    scores_and_slopes,
)
from training.methods.method import Method
from training.methods.optimizer import new_optimizer, optimizer_step
from training.networks.gan import Discriminator, Generator
from training.networks.geometry import Geometry
from training.schedule import ScheduleValues

Real = tuple[Tensor, Tensor | None]
"""Pictures (N, C, H, W) in [-1, 1], and their labels (N,) where they have any."""
Seen = dict[str, Tensor]
"""Detached scalars for the log."""


def discriminator_loss(
    discriminator: Discriminator,
    generator: Generator,
    objective: Objective,
    real: Real,
    z: Tensor,
    gamma: Tensor | None,
    transforms: Transforms | None = None,
    classification_weight: float = 0.0,
) -> tuple[Tensor, Seen]:
    """The discriminator's loss: tell real pictures from generated ones, without being steep, and their classes.

    Args:
        z: (N, Z) standard normal; the generated pictures have the labels of the real ones, pair by pair.
        gamma: weight of R1 and R2; None for the game without them.
        transforms: of the augmentation, for each pair; None: the pictures are seen as they are. The penalties are on
            slopes by the pixels before the transforms: those that the generator will descend.
        classification_weight: of `classification_loss`, where there are labels.

    Returns:
        () loss; `d_loss`, the part that is the game; `penalty` (R1 + R2, gamma included); `margin`, the mean of
        real score - generated score; `d_wins`, the share of pairs that are ordered rightly.
    """
    images, labels = real
    with torch.no_grad():
        fake = generator(z, labels)
    both, both_labels = torch.cat([images, fake]), None if labels is None else torch.cat([labels, labels])
    score = _seen_through(None if transforms is None else transforms.of_pairs(), discriminator, both_labels)
    if gamma is None:
        (scores, scores_NK), penalty = score(both), both.new_zeros(())
    else:
        scores, scores_NK, slopes = scores_and_slopes(score, both)
        penalty = 2 * gradient_penalty(slopes, gamma)  # the mean over both halves, doubled: R1 + R2
    real_scores, fake_scores = scores.chunk(2)
    game = objective.discriminator(real_scores, fake_scores)
    margin = (real_scores - fake_scores).detach()
    seen = {"d_loss": game, "penalty": penalty, "margin": margin.mean(), "d_wins": (margin > 0).float().mean()}
    loss = game + penalty
    if classification_weight and labels is not None:
        loss = loss + classification_weight * classification_loss(scores_NK[: len(images)], labels)
    return loss, seen


def _seen_through(transforms: Transforms | None, discriminator: Discriminator, labels_N: Tensor | None) -> Score:
    """The discriminator as a function of pictures before their transforms."""
    if transforms is None:
        return partial(discriminator.scores, labels_N=labels_N)
    return lambda images: discriminator.scores(augmented(images, transforms), labels_N)


def generator_loss(
    discriminator: Discriminator,
    generator: Generator,
    objective: Objective,
    real: Real,
    z: Tensor,
    transforms: Transforms | None = None,
) -> tuple[Tensor, Seen]:
    """The generator's loss: make its pictures pass for real ones. Arguments as above, with fresh real pictures.

    Returns:
        () loss; `g_loss`, the same; `deviation` of the generated pixels, far from the data's where a run diverges;
        `spread`, that of a pixel over the pictures of the batch, 0 where all of them are one.
    """
    images, labels = real
    fake = generator(z, labels)
    score = _seen_through(transforms, discriminator, labels)
    fake_scores, _ = score(fake)
    if objective.generator_sees_real:
        with torch.no_grad():
            real_scores, _ = score(images)
    else:
        real_scores = fake_scores.detach()
    game = objective.generator(real_scores, fake_scores)
    spread = fake.detach().std(dim=0, correction=0).mean()
    return game, {"g_loss": game, "deviation": fake.detach().std(), "spread": spread}


class Gan(Method):
    """A generator, a discriminator, and an optimizer for each."""

    averaged_network = "generator"

    def __init__(self, settings: Settings, geometry: Geometry, device: torch.device, compiled: bool = False) -> None:
        dtype = getattr(torch, settings.precision)
        self.generator = Generator(settings, geometry, dtype).to(device)
        self.discriminator = Discriminator(settings, geometry, dtype).to(device)
        self.networks: dict[str, nn.Module] = {"generator": self.generator, "discriminator": self.discriminator}
        self.optimizers = {name: new_optimizer(network, settings) for name, network in self.networks.items()}
        self._penalised = max(settings.gamma) > 0
        self._pixel_scale = settings.pixel_scale
        self._discriminator_first_images = settings.discriminator_first_images
        drawing = compile_step(draw_transforms, device=device, recorded=False) if compiled else None
        self.augmentation = Augmentation(settings, drawing) if settings.augment == "auto" else None
        players = self.discriminator, self.generator, OBJECTIVES[settings.loss]
        prepare: Callable[..., Any] = partial(compile_step, device=device) if compiled else lambda step: step
        weight = settings.classification_weight
        self._discriminator_loss = prepare(partial(discriminator_loss, *players, classification_weight=weight))
        self._generator_loss = prepare(partial(generator_loss, *players))

    def update(self, batches: Batches, schedule: ScheduleValues) -> Seen:
        """Discriminator first, then generator, each on fresh pictures and fresh codes."""
        gamma = None
        if self._penalised and schedule.penalty_times:
            # Slopes are by the pixel, and gamma is for pixels that fill the range.
            weight = schedule.gamma * schedule.penalty_times * self._pixel_scale**2
            gamma = torch.full((), weight, device=batches.images.device)
        augmentation = self.augmentation
        if augmentation is not None:
            augmentation.look_if_due(batches, self.discriminator, self.generator, schedule.images_shown)
        loss, seen = self._discriminator_loss(*self._shown(batches), gamma, *self._transforms(batches))
        optimizer_step(self.optimizers["discriminator"], loss, schedule, batches.distributed)
        seen = cloned(seen)
        self._set_learning(False)
        loss, seen_too = self._generator_loss(*self._shown(batches), *self._transforms(batches))
        if schedule.images_shown >= self._discriminator_first_images:
            optimizer_step(self.optimizers["generator"], loss, schedule, batches.distributed)
        self._set_learning(True)
        return seen | cloned(seen_too) | ({} if augmentation is None else augmentation.logged(batches))

    def _set_learning(self, learning: bool) -> None:
        """Whether gradients of the discriminator's weights are computed."""
        for weight in self.optimizers["discriminator"].param_groups[0]["params"]:
            weight.requires_grad_(learning)

    def extras(self) -> dict[str, Tensor]:
        """The strength of the augmentation."""
        return {} if self.augmentation is None else self.augmentation.state()

    def load_extras(self, stored: Mapping[str, Tensor]) -> None:
        """Put it back."""
        if self.augmentation is not None:
            self.augmentation.load(stored)

    def _shown(self, batches: Batches) -> tuple[Real, Tensor]:
        """Fresh pictures and codes."""
        return batches.real(), batches.normal(self.generator.code_size)

    def _transforms(self, batches: Batches) -> tuple[Transforms, ...]:
        """What the losses take last; nothing while no picture is augmented."""
        drawn = None if self.augmentation is None else self.augmentation.draw(batches)
        return () if drawn is None else (drawn,)
