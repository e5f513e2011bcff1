"""The average forgets by half in its half-life, whatever the batch."""

import copy

import pytest
import torch

from training.ema import update_average
from training.networks import Generator, Geometry
from training.presets import preset_named

LONG_RUN_IMAGES = 10_000_000


def pair() -> tuple[Generator, Generator]:
    """An average of all zeros and a generator of all ones."""
    generator = Generator(preset_named("tiny").but(width=2), Geometry(8, 8, 1, 1))
    average = copy.deepcopy(generator)
    for network, value in ((average, 0.0), (generator, 1.0)):
        for parameter in network.parameters():
            torch.nn.init.constant_(parameter, value)
    return average, generator


def first_weight(generator: Generator) -> float:
    return float(next(generator.parameters()).detach().flatten()[0])


@pytest.mark.parametrize("batch", [10, 100, 1000])
def test_after_one_half_life_the_average_is_half_way(batch: int):
    average, generator = pair()

    for _ in range(1000 // batch):
        update_average(average, generator, batch, LONG_RUN_IMAGES, half_life_images=1000)

    assert first_weight(average) == pytest.approx(0.5, abs=1e-4)


def test_a_young_average_forgets_faster():
    """After 2,000 images the half-life is 5 % of them, 100: two half-lives leave a quarter."""
    average, generator = pair()

    update_average(average, generator, 200, images_shown=2000, half_life_images=1000)

    assert first_weight(average) == pytest.approx(0.75, abs=1e-4)
