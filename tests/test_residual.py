"""The blocks of the default bodies."""

import torch
from torch import nn

from training.networks.residual import Convolution, Residual


def test_a_convolution_agrees_with_torchs_own():
    ours = Convolution(3, 5, 3, gain=1.0)
    theirs = nn.Conv2d(3, 5, 3, padding=1)
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(2, 3, 6, 7)

    assert torch.allclose(ours(x), theirs(x), atol=1e-6)


def test_a_new_block_is_a_straight_wire():
    x = torch.randn(2, 4, 5, 5)

    assert torch.equal(Residual(4)(x), x)
