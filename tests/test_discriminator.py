"""Pictures become scores and codes: each by itself, and of its own class."""

import pytest
import torch
from support.shapes import EIGHT_BY_EIGHT, SHAPES, SMALLEST

from training.config import preset_named
from training.networks.gan import Discriminator, Encoder
from training.networks.geometry import Geometry


@pytest.mark.parametrize("network", ["residual", "dcgan"])
@pytest.mark.parametrize("shape", SHAPES)
def test_pictures_of_every_shape_get_a_score_and_a_code(shape: tuple[int, int, int], network: str):
    height, width, channels = shape
    settings, geometry = SMALLEST.with_changes(network=network), Geometry(height, width, channels, 1)
    images = torch.randn(3, channels, height, width)

    assert Discriminator(settings, geometry)(images).shape == (3,)
    assert Encoder(settings, geometry, 5, torch.float32)(images).shape == (3, 5)


@pytest.mark.parametrize("network", ["residual", "dcgan"])
def test_a_score_depends_on_its_own_picture_alone(network: str):
    """Nothing in the network mixes the pictures of a batch, or the gradient penalty would be wrong."""
    torch.manual_seed(0)
    discriminator = Discriminator(SMALLEST.with_changes(network=network), EIGHT_BY_EIGHT)
    images = torch.randn(4, 1, 8, 8)

    alone = torch.cat([discriminator(image[None]) for image in images])

    assert torch.allclose(discriminator(images), alone, atol=1e-5)


def test_with_classes_the_score_is_that_of_the_pictures_own_label():
    torch.manual_seed(0)
    discriminator = Discriminator(SMALLEST, Geometry(8, 8, 1, 1, classes=3))
    image = torch.randn(1, 1, 8, 8)

    scores = discriminator(image.repeat(3, 1, 1, 1), torch.arange(3))

    assert torch.allclose(scores[1:2], discriminator(image, torch.tensor([1])), atol=1e-6)
    assert len(set(scores.tolist())) == 3


def test_a_new_encoder_hears_of_the_class_too():
    encoder = Encoder(SMALLEST, Geometry(8, 8, 1, 1, classes=2), 4, torch.float32)
    image = torch.randn(1, 1, 8, 8).repeat(2, 1, 1, 1)

    one, other = encoder(image, torch.tensor([0, 1]))

    assert not torch.allclose(one, other)


def test_bfloat16_convolutions_give_float32_scores():
    assert Discriminator(SMALLEST, EIGHT_BY_EIGHT, torch.bfloat16)(torch.randn(2, 1, 8, 8)).dtype == torch.float32


@pytest.mark.parametrize("network", ["residual", "dcgan"])
def test_a_new_discriminators_scores_are_of_order_one(network: str):
    torch.manual_seed(0)
    settings = preset_named("small").with_changes(network=network)
    with torch.no_grad():
        scores = Discriminator(settings, Geometry(32, 32, 3, 1))(torch.randn(64, 3, 32, 32))

    assert 0.01 < scores.std() < 3
