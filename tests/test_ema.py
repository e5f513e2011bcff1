"""An average forgets by half in its half-life, whatever the batch."""

import pytest
import torch
from torch import nn

from training.config import preset_named
from training.ema import EmaBank

LONG_RUN_IMAGES = 10_000_000


def started(half_life_images: int, shares: tuple[float, ...] = (0.05,)) -> tuple[EmaBank, nn.Module]:
    """EmaBank of all zeros and a network of all ones."""
    network = nn.Linear(2, 2)
    settings = preset_named("tiny").with_changes(half_life_images=half_life_images, half_life_shares=shares)
    ema_bank = EmaBank(network, settings)
    for one, value in ((network, 1.0), *((average, 0.0) for average in ema_bank.networks)):
        nn.init.constant_(one.weight, value)
    return ema_bank, network


def weights(ema_bank: EmaBank) -> list[float]:
    return [float(network.weight.detach()[0, 0]) for network in ema_bank.networks]


@pytest.mark.parametrize("batch", [10, 100, 1000])
def test_after_one_half_life_the_average_is_half_way(batch: int):
    ema_bank, network = started(half_life_images=1000)

    for _ in range(1000 // batch):
        ema_bank.update(network, batch, LONG_RUN_IMAGES)

    assert weights(ema_bank) == pytest.approx([0.5], abs=1e-4)


def test_a_young_average_forgets_faster():
    """After 2,000 images the half-life is 5 % of them, 100: two half-lives leave a quarter."""
    ema_bank, network = started(half_life_images=1000)

    ema_bank.update(network, 200, images_shown=2000)

    assert weights(ema_bank) == pytest.approx([0.75], abs=1e-4)


def test_each_average_of_the_bank_has_its_own_half_life():
    """After 1,000 images: half-lives of 100 and 200 images leave a quarter and a half after 200."""
    ema_bank, network = started(half_life_images=1000, shares=(0.1, 0.2))

    ema_bank.update(network, 200, images_shown=1000)

    assert weights(ema_bank) == pytest.approx([0.75, 0.5], abs=1e-4)


def test_buffers_are_those_of_the_network():
    network = nn.BatchNorm2d(3)
    ema_bank = EmaBank(network, preset_named("tiny"))
    network(torch.randn(4, 3, 2, 2))
    ema_bank.update(network, 10, 1000)

    assert torch.equal(ema_bank.networks[0].running_mean, network.running_mean)


def test_averages_are_for_drawing_and_not_for_learning():
    ema_bank, _ = started(1000)

    assert not any(parameter.requires_grad for parameter in ema_bank.networks[0].parameters())
    assert not ema_bank.networks[0].training
