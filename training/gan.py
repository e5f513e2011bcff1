"""The game: one update of the discriminator, one update of the generator.

    data, networks, losses -> [gan] -> loop

The lecture's picture: put a discriminator on top of the generator and propagate
its loss through to the generator. The two updates below match line by line.
Paired real and generated pictures, exact R1 and R2 at every step [Huang2025].

This file knows two networks and two optimisers; it does not know what a run is.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from training.losses import gradient_penalty, relativistic_loss
from training.networks import Discriminator, Generator


@dataclass
class Players:
    """The two networks and their optimisers."""

    generator: Generator
    discriminator: Discriminator
    generator_adam: torch.optim.Adam
    discriminator_adam: torch.optim.Adam


def discriminator_update(players: Players, real: Tensor, codes: Tensor, gamma: float) -> dict[str, Tensor]:
    """Teach the discriminator to score each real picture above its generated partner.

    Args:
        real: (N, C, H, W) pixels in [-1, 1].
        codes: (N, Z) standard normal.

    Returns:
        Detached scalars for the log: `d_loss`; `penalty` (R1 + R2, gamma included); `margin`, the mean of
        D(real) - D(fake); `d_wins`, the share of pairs that the discriminator orders rightly.
    """
    with torch.no_grad():
        fake = players.generator(codes)
    images = torch.cat([real, fake]).requires_grad_()
    scores = players.discriminator(images)
    real_scores, fake_scores = scores.chunk(2)
    adversarial = relativistic_loss(real_scores, fake_scores)
    penalty = 2 * gradient_penalty(scores, images, gamma)  # the mean over both halves, doubled: R1 + R2
    _descend(players.discriminator_adam, adversarial + penalty)
    margin = (real_scores - fake_scores).detach()
    return {
        "d_loss": adversarial.detach(),
        "penalty": penalty.detach(),
        "margin": margin.mean(),
        "d_wins": (margin > 0).float().mean(),
    }


def generator_update(players: Players, real: Tensor, codes: Tensor) -> dict[str, Tensor]:
    """Teach the generator to draw pictures that score above their real partners.

    Args and letters as for the discriminator; `real` and `codes` are fresh ones.

    Returns:
        Detached scalars for the log: `g_loss`.
    """
    players.discriminator.requires_grad_(False)
    fake_scores = players.discriminator(players.generator(codes))
    with torch.no_grad():
        real_scores = players.discriminator(real)
    adversarial = relativistic_loss(fake_scores, real_scores)
    _descend(players.generator_adam, adversarial)
    players.discriminator.requires_grad_(True)
    return {"g_loss": adversarial.detach()}


def _descend(adam: torch.optim.Adam, loss: Tensor) -> None:
    adam.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    adam.step()
