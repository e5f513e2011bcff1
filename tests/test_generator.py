"""Codes become pictures of any shape, by either body, of a class on demand."""

import math

import pytest
import torch
from support.shapes import EIGHT_BY_EIGHT, SHAPES, SMALLEST

from training.config import preset_named
from training.networks.gan import ClassEmbedding, Discriminator, Generator
from training.networks.geometry import Geometry
from training.networks.residual import bounded


@pytest.mark.parametrize("network", ["residual", "dcgan"])
@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_comes_out_as_it_was_asked_for(shape: tuple[int, int, int], network: str):
    height, width, channels = shape
    for patch_pixels in (1,) if network == "dcgan" else (1, 2):
        generator = Generator(SMALLEST.with_changes(network=network), Geometry(height, width, channels, patch_pixels))

        assert generator(torch.randn(3, 8)).shape == (3, channels, height, width)


def test_the_label_changes_the_picture_and_the_same_label_does_not():
    torch.manual_seed(0)
    generator = Generator(SMALLEST, Geometry(8, 8, 1, 1, classes=3))
    z = torch.randn(1, 8).repeat(3, 1)

    one, other, again = generator(z, torch.tensor([0, 1, 0]))

    assert torch.equal(one, again)
    assert not torch.allclose(one, other, atol=1e-2)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("network", ["residual", "dcgan"])
def test_one_hot_weights_draw_what_the_label_draws_and_others_something_between(network: str, dtype: torch.dtype):
    torch.manual_seed(0)
    generator = Generator(SMALLEST.with_changes(network=network), Geometry(8, 8, 1, 1, classes=3), dtype).eval()
    z, labels = torch.randn(1, 8).repeat(4, 1), torch.tensor([0, 1, 2, 0])
    one_hot = torch.eye(3)[labels]

    with torch.no_grad():
        assert torch.equal(generator(z, one_hot), generator(z, labels))
        mixed = generator(z, one_hot * 0.5 + one_hot.roll(1, dims=1) * 0.5)
    assert not torch.allclose(mixed[0], mixed[1], atol=1e-2)


def test_what_a_class_adds_is_a_weighted_sum_of_what_each_class_adds():
    table = ClassEmbedding(3, 5)

    assert torch.allclose(table(torch.tensor([[0.2, 0.0, 0.8]])), 0.2 * table.weight[0] + 0.8 * table.weight[2])
    assert torch.equal(table(torch.tensor([2, 0])), table.weight[[2, 0]])
    assert list(table.state_dict()) == ["weight"]


def test_bfloat16_convolutions_keep_float32_weights_and_pixels():
    generator = Generator(SMALLEST, EIGHT_BY_EIGHT, torch.bfloat16)

    assert generator(torch.randn(2, 8)).dtype == torch.float32
    assert {parameter.dtype for parameter in generator.parameters()} == {torch.float32}


@pytest.mark.parametrize("network", ["residual", "dcgan"])
def test_bfloat16_draws_what_float32_draws_within_its_rounding(network: str):
    settings = preset_named("tiny").with_changes(network=network)
    torch.manual_seed(0)
    exact = Generator(settings, Geometry(28, 28, 1, 1))
    rounded = Generator(settings, Geometry(28, 28, 1, 1), torch.bfloat16)
    rounded.load_state_dict(exact.state_dict())
    z = torch.randn(16, settings.code_size)

    with torch.no_grad():
        error = (exact(z) - rounded(z)).abs()

    assert error.mean() < 0.02 * exact(z).abs().mean()


@pytest.mark.parametrize("network", ["residual", "dcgan"])
def test_a_new_generators_pixels_are_of_order_one(network: str):
    torch.manual_seed(0)
    settings = preset_named("small").with_changes(network=network)
    with torch.no_grad():
        images = Generator(settings, Geometry(32, 32, 3, 2 if network == "residual" else 1))(torch.randn(64, 64))

    assert 0.1 < images.std() < 3


def test_pixels_are_drawn_within_the_margin_and_in_range_as_they_are():
    x = torch.tensor([-50.0, -1.0, -0.3, 0.0, 0.999, 1.1, 50.0])

    assert bounded(x, 0.25).tolist() == pytest.approx([-1.25, -1, -0.3, 0, 0.999, 1 + 0.25 * math.tanh(0.4), 1.25])


def test_a_pixel_that_is_pushed_out_of_range_finds_its_way_back():
    x = torch.tensor([1.5], requires_grad=True)
    bounded(x, 0.25).sum().backward()

    assert 0 < x.grad.item() < 0.2


def test_pictures_of_little_contrast_are_drawn_and_seen_stretched():
    """Offset 0.5 and scale 0.01: what is drawn around 0.5 is what another network draws around 0."""
    plain = SMALLEST.with_changes(pixel_margin=0.25, pixel_offset=0.0, pixel_scale=1.0)
    stretched = plain.with_changes(pixel_offset=0.5, pixel_scale=0.01)
    torch.manual_seed(0)
    one, judge = Generator(plain, EIGHT_BY_EIGHT), Discriminator(plain, EIGHT_BY_EIGHT)
    torch.manual_seed(0)
    other, other_judge = Generator(stretched, EIGHT_BY_EIGHT), Discriminator(stretched, EIGHT_BY_EIGHT)
    codes = torch.randn(4, plain.code_size)
    drawn = one(codes)

    assert torch.allclose(other(codes), drawn * 0.01 + 0.5)
    assert torch.allclose(other_judge(drawn * 0.01 + 0.5), judge(drawn), atol=1e-3)
