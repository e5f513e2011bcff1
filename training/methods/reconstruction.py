"""The autoencoder, and the denoising one: draw again what was seen, from a code smaller than the picture.

    networks, batches -> [reconstruction] -> loop

The lecture: an encoder followed by a decoder, which must recover x from a code h
with dim h < dim x. The denoising autoencoder (Vincent et al., 2008) sees a noisy
picture and must recover the clean one. To make new pictures of either, codes are
drawn from a mixture fitted to those of the training pictures.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.config import Settings
from training.data.batches import Batches
from training.device import cloned, compile_step
from training.methods.optimizer_step import new_adam, optimizer_step
from training.networks.autoencoder import Autoencoder
from training.networks.geometry import Geometry
from training.schedule import ScheduleValues


def reconstruction_loss(autoencoder: Autoencoder, images: Tensor, noise: Tensor | None) -> Tensor:
    """Mean squared error of the pixels: noisy picture in, clean picture wanted."""
    seen = images if noise is None else images + noise
    return F.mse_loss(autoencoder.decoder(autoencoder.encoder(seen)), images)


class Reconstruction:
    """One network that is encoder and decoder, and one optimiser."""

    averaged_network = "autoencoder"

    def __init__(self, settings: Settings, geometry: Geometry, device: torch.device, compiled: bool = False) -> None:
        self._noise = settings.noise if settings.method == "denoising" else 0.0
        dtype = getattr(torch, settings.precision)
        self.autoencoder = Autoencoder(settings, geometry, dtype, variational=False).to(device)
        self.networks: dict[str, nn.Module] = {"autoencoder": self.autoencoder}
        self.optimizers = {"adam": new_adam(self.autoencoder.parameters(), settings.beta1)}
        self._loss = compile_step(reconstruction_loss, device=device) if compiled else reconstruction_loss

    def update(self, batches: Batches, schedule: ScheduleValues) -> dict[str, Tensor]:
        """One step down the squared error."""
        images, _ = batches.real()
        noise = self._noise * batches.normal(*images.shape[1:]) if self._noise else None
        loss = self._loss(self.autoencoder, images, noise)
        optimizer_step(self.optimizers["adam"], loss, schedule, batches.distributed)
        return cloned({"reconstruction": loss})
