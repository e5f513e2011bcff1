"""An average forgets by half in its half-life, whatever the batch."""

import pytest
import torch
from torch import nn

from training.config import preset_named
from training.ema import Averages

LONG_RUN_IMAGES = 10_000_000


def started(half_life_images: int, shares: tuple[float, ...] = (0.05,)) -> tuple[Averages, nn.Module]:
    """Averages of all zeros and a network of all ones."""
    network = nn.Linear(2, 2)
    settings = preset_named("tiny").but(half_life_images=half_life_images, half_life_shares=shares)
    averages = Averages(network, settings)
    for one, value in ((network, 1.0), *((average, 0.0) for average in averages.networks)):
        nn.init.constant_(one.weight, value)
    return averages, network


def weights(averages: Averages) -> list[float]:
    return [float(network.weight.detach()[0, 0]) for network in averages.networks]


@pytest.mark.parametrize("batch", [10, 100, 1000])
def test_after_one_half_life_the_average_is_half_way(batch: int):
    averages, network = started(half_life_images=1000)

    for _ in range(1000 // batch):
        averages.update(network, batch, LONG_RUN_IMAGES)

    assert weights(averages) == pytest.approx([0.5], abs=1e-4)


def test_a_young_average_forgets_faster():
    """After 2,000 images the half-life is 5 % of them, 100: two half-lives leave a quarter."""
    averages, network = started(half_life_images=1000)

    averages.update(network, 200, images_shown=2000)

    assert weights(averages) == pytest.approx([0.75], abs=1e-4)


def test_each_average_of_the_bank_has_its_own_half_life():
    """After 1,000 images: half-lives of 100 and 200 images leave a quarter and a half after 200."""
    averages, network = started(half_life_images=1000, shares=(0.1, 0.2))

    averages.update(network, 200, images_shown=1000)

    assert weights(averages) == pytest.approx([0.75, 0.5], abs=1e-4)


def test_buffers_are_those_of_the_network():
    network = nn.BatchNorm2d(3)
    averages = Averages(network, preset_named("tiny"))
    network(torch.randn(4, 3, 2, 2))
    averages.update(network, 10, 1000)

    assert torch.equal(averages.networks[0].running_mean, network.running_mean)


def test_averages_are_for_drawing_and_not_for_learning():
    averages, _ = started(1000)

    assert not any(parameter.requires_grad for parameter in averages.networks[0].parameters())
    assert not averages.networks[0].training
