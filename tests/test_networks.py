"""Any height and width, grey or colour; one the reverse of the other."""

import pytest
import torch
from torch import nn

from training.networks import Convolution, Discriminator, Generator, Geometry
from training.presets import preset_named

SHAPES = [(8, 8, 1), (28, 28, 1), (32, 32, 3), (48, 80, 3), (64, 64, 3), (9, 13, 1), (17, 100, 3)]
settings = preset_named("tiny").but(width=4, discriminator_width=4)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("patch_pixels", [1, 2])
def test_every_shape_comes_out_as_it_was_asked_for(shape: tuple[int, int, int], patch_pixels: int):
    height, width, channels = shape
    geometry = Geometry(height, width, channels, patch_pixels)

    images = Generator(settings, geometry)(torch.randn(3, settings.code_size))
    scores = Discriminator(settings, geometry)(images)

    assert images.shape == (3, channels, height, width)
    assert scores.shape == (3,)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("patch_pixels", [1, 2])
def test_the_drawn_size_is_the_least_that_covers_the_picture(shape: tuple[int, int, int], patch_pixels: int):
    geometry = Geometry(*shape, patch_pixels)
    cell = patch_pixels * 2**geometry.doublings

    for side, base in zip(shape, geometry.base, strict=False):
        assert (base - 1) * cell < side <= base * cell
    assert min(geometry.base) >= 4


def test_28_pixels_need_no_cropping():
    assert Geometry(28, 28, 1, 2).base == (7, 7)
    assert Geometry(28, 28, 1, 2).margins == (0, 0, 0, 0)


def test_a_score_depends_on_its_own_picture_alone():
    """Nothing in the network mixes the pictures of a batch, or the gradient penalty would be wrong."""
    torch.manual_seed(0)
    discriminator = Discriminator(settings, Geometry(8, 8, 1, 1))
    images = torch.randn(4, 1, 8, 8)
    together = discriminator(images)

    alone = torch.cat([discriminator(image[None]) for image in images])

    assert torch.allclose(together, alone, atol=1e-5)


def test_a_convolution_agrees_with_torchs_own():
    ours = Convolution(3, 5, 3, gain=1.0)
    theirs = nn.Conv2d(3, 5, 3, padding=1)
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(2, 3, 6, 7)

    assert torch.allclose(ours(x), theirs(x), atol=1e-6)


def test_bfloat16_convolutions_keep_float32_weights_codes_and_scores():
    geometry = Geometry(8, 8, 1, 1)
    generator, discriminator = (kind(settings, geometry, torch.bfloat16) for kind in (Generator, Discriminator))
    images = generator(torch.randn(2, settings.code_size))

    assert images.dtype == discriminator(images).dtype == torch.float32
    assert {parameter.dtype for parameter in generator.parameters()} == {torch.float32}


def test_bfloat16_draws_what_float32_draws_within_its_rounding():
    geometry = Geometry(28, 28, 1, 2)
    torch.manual_seed(0)
    exact = Generator(settings, geometry)
    rounded = Generator(settings, geometry, torch.bfloat16)
    rounded.load_state_dict(exact.state_dict())
    codes_NZ = torch.randn(16, settings.code_size)

    with torch.no_grad():
        error = (exact(codes_NZ) - rounded(codes_NZ)).abs()

    assert error.mean() < 0.02 * exact(codes_NZ).abs().mean()


def test_a_new_networks_pictures_and_scores_are_of_order_one():
    torch.manual_seed(0)
    geometry = Geometry(32, 32, 3, 2)
    small = preset_named("small")
    with torch.no_grad():
        images = Generator(small, geometry)(torch.randn(64, small.code_size))
        scores = Discriminator(small, geometry)(images)

    assert 0.1 < images.std() < 3
    assert 0.01 < scores.std() < 3
