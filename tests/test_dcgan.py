"""The lecture's bodies: strided, the downward one without normalisation over the batch."""

import torch
from support.shapes import SMALLEST
from torch import nn

from training.networks.dcgan import DownsamplingBody, UpsamplingBody
from training.networks.geometry import Geometry

GEOMETRY = Geometry(16, 24, 3, 1)


def test_up_ends_in_tanh_at_the_drawn_size():
    up = UpsamplingBody(SMALLEST, GEOMETRY)
    pixels = up(10 * torch.randn(2, up.channels_in, *GEOMETRY.base))

    assert pixels.shape == (2, 3, 16, 24)
    assert pixels.abs().max() <= 1


def test_down_ends_at_the_coarsest_cells():
    down = DownsamplingBody(SMALLEST, GEOMETRY)

    assert down(torch.randn(2, 3, 16, 24)).shape == (2, down.channels_out, *GEOMETRY.base)


def test_only_the_upward_body_normalises_over_the_batch():
    def normalises(body: nn.Module) -> bool:
        return any(isinstance(module, nn.BatchNorm2d) for module in body.modules())

    assert normalises(UpsamplingBody(SMALLEST, GEOMETRY))
    assert not normalises(DownsamplingBody(SMALLEST, GEOMETRY))
