"""Planted faults: a quarter of a batch is spoilt by a known strength, and the rest is left alone."""

import pytest
import torch

from training.evaluation import faults
from training.evaluation.faults import WORST, with_faults


def batch(count: int = 128, side: int = 16, channels: int = 3) -> torch.Tensor:
    return torch.rand(count, channels, side, side, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.mark.parametrize(("count", "side", "channels"), [(128, 16, 3), (10, 8, 1), (7, 5, 1)])
def test_the_last_quarter_is_spoilt_and_says_by_how_much(count: int, side: int, channels: int):
    images, strengths = with_faults(batch(count, side, channels))
    whole = count - count // 4

    assert torch.equal(images[:whole], batch(count, side, channels)[:whole])
    assert (strengths[:whole] == 0).all()
    assert ((strengths[whole:] > 0).sum(dim=1) == 1).all()
    assert (strengths <= torch.tensor(WORST)).all()
    assert images.abs().max() <= 1 + 1e-5


@pytest.mark.parametrize("spoil", [faults._blurred, faults._noisy, faults._pixelated, faults._in_blocks])
def test_no_strength_leaves_a_picture_and_more_changes_it_more(spoil):
    images = batch(4)
    torch.manual_seed(0)
    changes = [
        float((spoil(images, torch.full((4, 1, 1, 1), strength)) - images).abs().mean()) for strength in (0.0, 0.2, 0.9)
    ]

    assert changes[0] < 1e-5
    assert changes[0] < changes[1] < changes[2]


def test_the_same_seed_spoils_alike():
    torch.manual_seed(3)
    first = with_faults(batch())
    torch.manual_seed(3)
    again = with_faults(batch())

    assert all(torch.equal(one, other) for one, other in zip(first, again, strict=True))


def test_pictures_are_blurred_each_by_its_own_strength():
    images = batch(3)
    together = faults._blurred(images, torch.tensor([0.0, 0.3, 0.9]).reshape(3, 1, 1, 1))

    assert torch.allclose(together[0], images[0], atol=1e-6)
    for at, strength in ((1, 0.3), (2, 0.9)):
        alone = faults._blurred(images[at : at + 1], torch.full((1, 1, 1, 1), strength))
        assert torch.allclose(together[at], alone[0], atol=1e-5)
