"""The variational autoencoder: codes that are standard normal because it pays for any other.

    networks, batches -> [variational] -> loop

Kingma and Welling, arXiv:1312.6114. The encoder says where a code may lie, one
is drawn from there, and the decoder must recover the picture; what the encoder
says beyond "standard normal" costs its KL divergence. `noise` is what an error
of a pixel is measured by: with less of it pictures come back sharper, and codes
leave places between them that the decoder never saw, so new pictures are worse.
To learn it (arXiv:2006.13202) does just that: training/LOG.md has the figures.
"""

import math

import torch
from torch import Tensor, nn

from training.config import Settings
from training.data.batches import Batches
from training.device import cloned, compile_step
from training.methods.optimizer_step import new_adam, optimizer_step
from training.networks.autoencoder import Autoencoder
from training.networks.geometry import Geometry
from training.schedule import ScheduleValues


def misfit(drawn: Tensor, images: Tensor, noise: float) -> Tensor:
    """(N, C, H, W) twice -> (N,) nats: negative log-likelihood of normal pixels, the constant left out."""
    return (drawn - images).square().flatten(1).sum(dim=1) / (2 * noise**2)


def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """(N, D) twice -> (N,) nats: KL of independent normals from the standard normal."""
    return (mean.square() + log_variance.exp() - 1 - log_variance).sum(dim=1) / 2


def variational_loss(
    autoencoder: Autoencoder, noise: float, images: Tensor, labels: Tensor | None, normal: Tensor
) -> tuple[Tensor, dict[str, Tensor]]:
    """The negative evidence lower bound in nats a picture; `normal` (N, D) draws the codes."""
    mean, log_variance = autoencoder.encoder(images, labels).chunk(2, dim=1)
    drawn = autoencoder.decoder(mean + normal * torch.exp(log_variance / 2), labels)
    kl = divergence(mean, log_variance).mean()
    loss = misfit(drawn, images, noise).mean() + kl
    seen = {"bound": loss, "kl": kl, "reconstruction": (drawn - images).square().mean()}
    return loss / math.prod(images.shape[1:]), seen  # by the pixel, so that learning rates mean the same at any size


class Variational:
    """Encoder, decoder, and one optimiser for both."""

    averaged_network = "autoencoder"

    def __init__(self, settings: Settings, geometry: Geometry, device: torch.device, compiled: bool = False) -> None:
        dtype = getattr(torch, settings.precision)
        self._code_size, self._noise = settings.code_size, settings.noise
        self.autoencoder = Autoencoder(settings, geometry, dtype, variational=True).to(device)
        self.networks: dict[str, nn.Module] = {"autoencoder": self.autoencoder}
        self.optimizers = {"adam": new_adam(self.autoencoder.parameters(), settings.beta1)}
        self._loss = compile_step(variational_loss, device=device) if compiled else variational_loss

    def update(self, batches: Batches, schedule: ScheduleValues) -> dict[str, Tensor]:
        """One step up the bound."""
        normal = batches.normal(self._code_size)
        loss, seen = self._loss(self.autoencoder, self._noise, *batches.real(), normal)
        optimizer_step(self.optimizers["adam"], loss, schedule, batches.distributed)
        return cloned(seen)
