"""Four ways to be moved by grades, each of them the formula that it says."""

import math

import numpy as np
import pytest
import torch
from support.pretrained import SETTINGS, noise, pretrained
from torch import nn

from training.data.batches import Batches
from training.methods.reward_weighted import GradedTensors, RewardWeighted, dislike, literal_loss
from training.networks.geometry import Geometry
from training.networks.reward import PESSIMISM
from training.schedule import ScheduleValues

CPU = torch.device("cpu")
GEOMETRY = Geometry(8, 8, 1, SETTINGS.patch_pixels)


class Still(nn.Module):
    """Draws one pixel, whatever the code."""

    def __init__(self, *pixels: float) -> None:
        super().__init__()
        self.pixels = nn.Parameter(torch.tensor(pixels).reshape(-1, 1, 1, 1))

    def forward(self, *_: torch.Tensor | None) -> torch.Tensor:
        return self.pixels


def graded(levels: list[int], scores: list[float]) -> GradedTensors:
    images = torch.tensor(levels, dtype=torch.uint8).reshape(-1, 1, 1, 1)
    return GradedTensors(images, None, torch.tensor(scores))


def test_the_literal_loss_by_hand():
    """Pictures at 1 (liked) and -1 (not); drawn at 0 and 0.5: log p = log sum exp(-d^2 / width)."""
    found = literal_loss(Still(0.0, 0.5), graded([255, 0], [1.0, 0.0]), torch.zeros(2, 4)).item()

    width = (0.5**2 + 1.0**2) / 2
    log_p = [math.log(sum(math.exp(-((x - g) ** 2) / width) for g in (0.0, 0.5))) for x in (1.0, -1.0)]
    assert found == pytest.approx((-0.5 * log_p[0] + 0.5 * log_p[1]) / 2, abs=1e-6)


def test_a_literal_step_goes_towards_what_was_liked():
    still = Still(0.0, 0.1)
    literal_loss(still, graded([255, 0], [1.0, 0.0]), torch.zeros(2, 4)).backward()

    assert (still.pixels.grad < 0).all()  # down the loss is up in brightness


def test_equal_grades_move_nothing():
    still = Still(0.0, 0.1)
    literal_loss(still, graded([255, 0], [0.7, 0.7]), torch.zeros(2, 4)).backward()

    assert still.pixels.grad.abs().max() == 0


def test_dislike_is_the_pessimists_log_loss():
    reward = pretrained().new_reward()
    nn.init.normal_(reward.heads.weight, std=0.1)
    pixels = torch.rand(5, 1, 8, 8) * 2 - 1
    logits = reward.logits(pixels).double()
    pessimistic = logits.mean(dim=1) - PESSIMISM * logits.std(dim=1)

    assert float(dislike(reward, pixels, None)) == pytest.approx(
        float(torch.log1p((-pessimistic).exp()).mean()), abs=1e-5
    )


def rated(update: str) -> tuple[RewardWeighted, Batches]:
    torch.manual_seed(0)
    method = RewardWeighted(SETTINGS.with_changes(method="rated", update=update), GEOMETRY, CPU)
    nn.init.normal_(method.reward.heads.weight, std=0.1)
    images = torch.from_numpy(noise(40)).permute(0, 3, 1, 2).contiguous()
    method.graded = GradedTensors(images, None, torch.linspace(0, 1, 40))
    return method, Batches(images, None, torch.Generator().manual_seed(0), 8)


def weights(network: nn.Module) -> np.ndarray:
    return torch.cat([parameter.detach().flatten() for parameter in network.parameters()]).numpy().copy()


@pytest.mark.parametrize(
    ("update", "plays"), [("tilted", True), ("both", True), ("gradient", False), ("literal", False)]
)
def test_only_the_game_moves_the_discriminator_and_nothing_moves_the_reward(update: str, plays: bool):
    method, batches = rated(update)
    before = {name: weights(network) for name, network in method.networks.items()}

    seen = method.update(batches, ScheduleValues(1e-3, 0.9, 0.1))

    moved = {name: not np.array_equal(before[name], weights(network)) for name, network in method.networks.items()}
    assert moved == {"generator": True, "discriminator": plays, "reward": False}
    assert all(torch.isfinite(value) for value in seen.values())


def test_the_reward_gradient_makes_pictures_that_the_reward_likes_better():
    method, batches = rated("gradient")
    z = torch.randn(64, 4)

    def mean_grade() -> float:
        with torch.no_grad():
            return float(method.reward(method.generator(z))[0].mean())

    before = mean_grade()
    for _ in range(60):
        method.update(batches, ScheduleValues(3e-3, 0.9, 0.1))

    assert mean_grade() > before + 0.1


def test_both_is_the_game_and_the_climb():
    method, batches = rated("both")

    assert {"g_loss", "d_loss", "dislike"} <= method.update(batches, ScheduleValues(1e-3, 0.9, 0.1)).keys()
