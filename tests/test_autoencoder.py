"""An encoder and a decoder that together draw from standard normal z."""

import numpy as np
import pytest
import torch
from support.shapes import EIGHT_BY_EIGHT, SMALLEST

from training.data.dataset import digits
from training.networks.autoencoder import Autoencoder
from training.networks.geometry import Geometry


def autoencoder(variational: bool, classes: int = 0) -> Autoencoder:
    torch.manual_seed(0)
    return Autoencoder(SMALLEST, Geometry(8, 8, 1, 1, classes), torch.float32, variational)


def pictures(count: int) -> torch.Tensor:
    return torch.from_numpy(digits()[:count].transpose(0, 3, 1, 2).copy())


@pytest.mark.parametrize(("variational", "z_size"), [(False, 9), (True, 8)])
def test_z_is_the_code_and_where_there_is_a_mixture_one_number_more(variational: bool, z_size: int):
    network = autoencoder(variational)

    assert network.code_size == z_size
    assert network(torch.randn(3, z_size)).shape == (3, 1, 8, 8)
    assert network.encode(torch.randn(3, 1, 8, 8)).shape == (3, z_size)


@pytest.mark.parametrize("variational", [False, True])
def test_encoding_and_drawing_again_is_reconstruction(variational: bool):
    network = autoencoder(variational)
    network.fit_prior(pictures(300), finished=True)
    images = pictures(20).float() / 127.5 - 1
    with torch.no_grad():
        direct = network.decoder(network.encoder(images)[:, :8])
        through_z = network(network.encode(images))

    assert torch.allclose(direct, through_z, atol=1e-3)


def test_settling_is_a_function_of_weights_and_pictures():
    one, other = autoencoder(False), autoencoder(False)
    for network in (one, other):
        network.fit_prior(pictures(200), finished=False)

    assert all(torch.equal(a, b) for a, b in zip(one.prior.buffers(), other.prior.buffers(), strict=True))


def test_codes_drawn_after_settling_lie_where_pictures_have_them():
    network = autoencoder(False)
    network.fit_prior(pictures(1000), finished=True)
    with torch.no_grad():
        real = network.encoder(pictures(1000).float() / 127.5 - 1).numpy()
        drawn = network.prior(torch.randn(1000, 9)).numpy()

    assert np.allclose(drawn.mean(axis=0), real.mean(axis=0), atol=0.3 * real.std())
    assert np.allclose(np.cov(drawn.T), np.cov(real.T), atol=0.3 * real.var())


def test_classes_reach_encoder_and_decoder():
    network = autoencoder(True, classes=3)
    z, labels_N = torch.randn(1, 8).repeat(2, 1), torch.tensor([0, 2])
    image = torch.randn(1, 1, 8, 8).repeat(2, 1, 1, 1)

    assert not torch.allclose(*network(z, labels_N))
    assert not torch.allclose(*network.encode(image, labels_N))


def test_a_code_no_smaller_than_the_picture_is_refused_in_words():
    words = "code_size is 64, and a picture has 64 numbers; an autoencoder's code must be smaller"
    with pytest.raises(ValueError, match=words):
        Autoencoder(SMALLEST.with_changes(code_size=64), EIGHT_BY_EIGHT, torch.float32, variational=False)
