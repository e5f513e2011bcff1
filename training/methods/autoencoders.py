"""Three autoencoders: plain, denoising and variational. Each draws again what it saw.

    networks, batches -> [autoencoders] -> train

The lecture: an encoder followed by a decoder, which must recover x from a code h
with dim h < dim x. The denoising autoencoder (Vincent et al., 2008) sees a noisy
picture and must recover the clean one. To make new pictures with either, codes
are sampled from a mixture fitted to those of the training pictures.

The variational autoencoder (Kingma and Welling, arXiv:1312.6114): the encoder
gives a distribution of codes, one is sampled from it, and the decoder must
recover the picture; what the encoder says beyond "standard normal" costs its KL
divergence. `noise` is the scale by which an error of a pixel is measured: with
less of it reconstructions are sharper, and codes leave gaps that the decoder
never saw, so new pictures are worse. Learning it (arXiv:2006.13202) does just
that: training/LOG.md has the figures.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.config import Settings
from training.data.batches import Batches
from training.device import cloned, compile_step
from training.methods.method import Exports, Method
from training.methods.optimizer import new_optimizer, optimizer_step
from training.networks.autoencoder import Autoencoder
from training.networks.gan import LatentGenerator
from training.networks.geometry import Geometry
from training.schedule import ScheduleValues


def reconstruction_loss(autoencoder: Autoencoder, images: Tensor, noise: Tensor | None) -> Tensor:
    """Mean squared error of the pixels: noisy picture in, clean picture wanted."""
    seen = images if noise is None else images + noise
    return F.mse_loss(autoencoder.decoder(autoencoder.encoder(seen)), images)


class _AutoencoderMethod(Method):
    """What all three share: a prior that is fitted before the network draws, and an encoder that is exported."""

    averaged_network = "autoencoder"

    def prepare_to_draw(self, average: LatentGenerator, images_NCHW: Tensor, finished: bool) -> None:
        """Fit the prior to the codes of the training pictures as the encoder places them by now."""
        assert isinstance(average, Autoencoder)
        average.fit_prior(images_NCHW, finished)

    def exports(self, average: LatentGenerator) -> Exports:
        """The average, and its encoder."""
        assert isinstance(average, Autoencoder)
        return Exports(average, encoder=average)


class Reconstruction(_AutoencoderMethod):
    """One network that is encoder and decoder, and one optimizer."""

    def __init__(self, settings: Settings, geometry: Geometry, device: torch.device, compiled: bool = False) -> None:
        self._noise = settings.noise if settings.method == "denoising" else 0.0
        dtype = getattr(torch, settings.precision)
        self.autoencoder = Autoencoder(settings, geometry, dtype, variational=False).to(device)
        self.networks: dict[str, nn.Module] = {"autoencoder": self.autoencoder}
        self.optimizers = {"adam": new_optimizer(self.autoencoder, settings)}
        self._loss = compile_step(reconstruction_loss, device=device) if compiled else reconstruction_loss

    def update(self, batches: Batches, schedule: ScheduleValues) -> dict[str, Tensor]:
        """One step down the squared error."""
        images, _ = batches.real()
        noise = self._noise * batches.normal(*images.shape[1:]) if self._noise else None
        loss = self._loss(self.autoencoder, images, noise)
        optimizer_step(self.optimizers["adam"], loss, schedule, batches.distributed)
        return cloned({"reconstruction": loss})


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


class Variational(_AutoencoderMethod):
    """Encoder, decoder, and one optimizer for both."""

    def __init__(self, settings: Settings, geometry: Geometry, device: torch.device, compiled: bool = False) -> None:
        dtype = getattr(torch, settings.precision)
        self._code_size, self._noise = settings.code_size, settings.noise
        self.autoencoder = Autoencoder(settings, geometry, dtype, variational=True).to(device)
        self.networks: dict[str, nn.Module] = {"autoencoder": self.autoencoder}
        self.optimizers = {"adam": new_optimizer(self.autoencoder, settings)}
        self._loss = compile_step(variational_loss, device=device) if compiled else variational_loss

    def update(self, batches: Batches, schedule: ScheduleValues) -> dict[str, Tensor]:
        """One step up the bound."""
        normal = batches.normal(self._code_size)
        loss, seen = self._loss(self.autoencoder, self._noise, *batches.real(), normal)
        optimizer_step(self.optimizers["adam"], loss, schedule, batches.distributed)
        return cloned(seen)
