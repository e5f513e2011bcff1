"""Reward-weighted fine-tuning: training a model further, in the direction of people's grades.

    networks (with a reward), gan -> [reward_weighted] -> train

Four ways, of which the first is the one to use:

    tilted    the game as it was, on real pictures that are shown the more often the better they are liked. Its optimum
              is p(x) exp(reward(x) / beta), the answer of KL-regularised preference learning, and it cannot leave the
              data: whatever the reward is wrong about, real pictures are all that is ever praised.
    both      besides, the generator climbs the reward: for tastes that few of the data meet.
    gradient  the generator climbs the reward alone. It soon draws what the reward has never seen; shows why not.
    literal   what the lecture asks: a loss from the grades themselves, one step for 256 of them. A person has no
              gradient, so each step follows the score function of [Williams1992]; shows how little that moves.

Letters: N pictures of a step    G graded pictures    P pixels of a picture

Paper:
    [Williams1992]  Simple statistical gradient-following algorithms for connectionist reinforcement learning.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.config import Settings
from training.data.batches import Batches
from training.methods.gan import Gan, Real, Seen
from training.methods.method import Exports
from training.methods.optimizer import optimizer_step
from training.networks.gan import LatentGenerator
from training.networks.geometry import Geometry
from training.networks.reward import PESSIMISM, Reward
from training.pixels import from_bytes
from training.schedule import ScheduleValues


@dataclass(frozen=True)
class GradedTensors:
    """Pictures that people graded."""

    images: Tensor
    """(G, C, H, W) uint8."""
    labels: Tensor | None
    """(G,) int64; None where the model has no classes."""
    scores: Tensor
    """(G,) float32 from 0 to 1."""


def dislike(reward: Reward, images: Tensor, labels: Tensor | None) -> Tensor:
    """How little the reward expects these pictures to be liked, unsure ones less: (N, C, H, W), (N,) -> ()."""
    logits_NM = reward.logits(images, labels)
    return F.softplus(PESSIMISM * logits_NM.std(dim=1) - logits_NM.mean(dim=1)).mean()


def literal_loss(generator: nn.Module, graded: GradedTensors, z: Tensor) -> Tensor:
    """The score function of people's grades: graded above the mean should become likelier, below it less likely.

    A generator has no density; its pictures are taken for the middles of Gaussians as wide as the nearest of them
    are far from the graded ones.

    Args:
        graded: N pictures that it drew.
        z: (N, Z) other codes.

    Returns:
        () mean over the graded pictures of (mean grade - grade) log p(picture).
    """
    drawn_NP = generator(z, graded.labels).flatten(1)
    apart_GN = torch.cdist(from_bytes(graded.images).flatten(1), drawn_NP).square()
    width = apart_GN.detach().min(dim=1).values.mean().clamp(min=1e-6)
    log_p_G = torch.logsumexp(-apart_GN / width, dim=1)
    return ((graded.scores.mean() - graded.scores) * log_p_G).mean()


class RewardWeighted(Gan):
    """The game, with grades: begins with the weights of the model that was graded, and with its reward."""

    def __init__(self, settings: Settings, geometry: Geometry, device: torch.device, compiled: bool = False) -> None:
        super().__init__(settings, geometry, device, compiled)
        self.reward = Reward(settings, geometry).to(device)
        self.networks["reward"] = self.reward
        self.graded: GradedTensors | None = None
        """What `literal` learns from."""
        self._update = settings.update
        self._game = self._generator_loss
        if self._update == "both":
            self._generator_loss = self._pleasing

    def update(self, batches: Batches, schedule: ScheduleValues) -> Seen:
        """One step, in the way that the settings name."""
        if self._update in ("tilted", "both"):
            return super().update(batches, schedule)
        if self._update == "gradient":
            _, labels = batches.real()
            loss = dislike(self.reward, self.generator(batches.normal(self.generator.code_size), labels), labels)
        else:
            some = self._some_graded(batches)
            loss = literal_loss(self.generator, some, batches.normal(self.generator.code_size))
        optimizer_step(self.optimizers["generator"], loss, schedule, batches.distributed)
        return {"g_loss": loss.detach()}

    def exports(self, average: LatentGenerator) -> Exports:
        """The average, and the reward model."""
        return Exports(average, reward=self.reward)

    def _pleasing(self, real: Real, z: Tensor) -> tuple[Tensor, Seen]:
        """The generator's loss of `both`."""
        game, seen = self._game(real, z)
        disliked = dislike(self.reward, self.generator(z, real[1]), real[1])
        return game + disliked, seen | {"dislike": disliked}

    def _some_graded(self, batches: Batches) -> GradedTensors:
        """As many graded pictures as a step has."""
        assert self.graded is not None, "`literal` is given its pictures before the first step"
        images, labels, scores = self.graded.images, self.graded.labels, self.graded.scores
        chosen = torch.randperm(len(images), generator=batches.random, device=images.device)[: batches.batch]
        return GradedTensors(images[chosen], None if labels is None else labels[chosen], scores[chosen])
