"""The autoencoder learns to draw again what it saw, the denoising one from a noisy picture."""

import pytest
import torch
from support.shapes import EIGHT_BY_EIGHT, SMALLEST

from training.data.batches import Batches
from training.data.dataset import digits
from training.methods.autoencoders import Reconstruction, reconstruction_loss
from training.schedule import ScheduleValues

CPU = torch.device("cpu")


def batches() -> Batches:
    images = torch.from_numpy(digits().transpose(0, 3, 1, 2).copy())
    return Batches(images, None, torch.Generator().manual_seed(0), 64)


@pytest.mark.parametrize("method", ["autoencoder", "denoising"])
def test_it_learns_to_reconstruct(method: str):
    torch.manual_seed(0)
    learner = Reconstruction(SMALLEST.with_changes(method=method, precision="float32", beta1=0.9), EIGHT_BY_EIGHT, CPU)
    source, errors = batches(), []
    for _ in range(150):
        errors.append(learner.update(source, ScheduleValues(5e-3, 0.99, 0.0))["reconstruction"].item())

    assert sum(errors[-10:]) < 0.4 * sum(errors[:10])


def test_the_loss_is_the_mean_squared_error_of_the_clean_picture():
    torch.manual_seed(0)
    learner = Reconstruction(SMALLEST.with_changes(precision="float32"), EIGHT_BY_EIGHT, CPU)
    images, noise = torch.rand(4, 1, 8, 8), torch.randn(4, 1, 8, 8)
    network = learner.autoencoder
    expected = (network.decoder(network.encoder(images + noise)) - images).square().mean()

    assert reconstruction_loss(network, images, noise).item() == pytest.approx(expected.item(), rel=1e-5)


def test_only_the_denoising_one_draws_noise():
    """The same random numbers are left over where none were drawn for noise."""
    after = {}
    for method in ("autoencoder", "denoising"):
        source = batches()
        Reconstruction(SMALLEST.with_changes(method=method, precision="float32"), EIGHT_BY_EIGHT, CPU).update(
            source, ScheduleValues(1e-3, 0.9, 0.0)
        )
        after[method] = torch.rand(1, generator=source.random).item()

    assert after["autoencoder"] != after["denoising"]
