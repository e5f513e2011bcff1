"""The variational autoencoder: codes that are standard normal because it pays for any other.

    networks, batches -> [variational] -> loop

Kingma and Welling, arXiv:1312.6114. The encoder says where a code may lie, one
is drawn from there, and the decoder must recover the picture; what the encoder
says beyond "standard normal" costs its KL divergence. How much an error of a
pixel costs against that is learned too, as the deviation of the pixels (Rybkin
et al., arXiv:2006.13202), so there is no weight to tune.
"""

import math

import torch
from torch import Tensor, nn

from training.batches import Batches
from training.machine import compile_step
from training.methods.descent import descend, new_adam
from training.networks.autoencoder import Autoencoder
from training.networks.geometry import Geometry
from training.presets import Settings
from training.schedule import Moment

LEAST_LOG_DEVIATION = -6.0
"""Below the rounding of a byte there is nothing to learn, and a flawless background would be worth infinitely much."""


class Likelihood(nn.Module):
    """Pixels are normal around what was drawn, all with one deviation, which is learned."""

    def __init__(self) -> None:
        super().__init__()
        self.log_deviation = nn.Parameter(torch.zeros(()))

    def forward(self, drawn: Tensor, images: Tensor) -> Tensor:
        """(N, C, H, W) twice -> (N,) negative log-likelihood in nats, the constant left out."""
        log_deviation = self.log_deviation.clamp(min=LEAST_LOG_DEVIATION)
        errors = (drawn - images).square().flatten(1) * torch.exp(-2 * log_deviation) / 2
        return (errors + log_deviation).sum(dim=1)


def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """(N, D) twice -> (N,) nats: KL of independent normals from the standard normal."""
    return (mean.square() + log_variance.exp() - 1 - log_variance).sum(dim=1) / 2


def variational_loss(
    autoencoder: Autoencoder, likelihood: Likelihood, images: Tensor, labels: Tensor | None, normal: Tensor
) -> tuple[Tensor, dict[str, Tensor]]:
    """The negative evidence lower bound in nats a picture; `normal` (N, D) draws the codes."""
    mean, log_variance = autoencoder.encoder(images, labels).chunk(2, dim=1)
    drawn = autoencoder.decoder(mean + normal * torch.exp(log_variance / 2), labels)
    kl = divergence(mean, log_variance).mean()
    loss = likelihood(drawn, images).mean() + kl
    seen = {"bound": loss, "kl": kl, "reconstruction": (drawn - images).square().mean()}
    return loss / math.prod(images.shape[1:]), seen  # by the pixel, so that learning rates mean the same at any size


class Variational:
    """Encoder, decoder, likelihood, and one optimiser for all."""

    averaged = "autoencoder"

    def __init__(self, settings: Settings, geometry: Geometry, device: torch.device, compiled: bool = False) -> None:
        dtype = getattr(torch, settings.precision)
        self._code_size = settings.code_size
        self.autoencoder = Autoencoder(settings, geometry, dtype, variational=True).to(device)
        self.likelihood = Likelihood().to(device)
        self.networks: dict[str, nn.Module] = {"autoencoder": self.autoencoder, "likelihood": self.likelihood}
        learned = [*self.autoencoder.parameters(), *self.likelihood.parameters()]
        self.adams = {"adam": new_adam(learned, settings.beta1)}
        self._loss = compile_step(variational_loss, device) if compiled else variational_loss

    def update(self, batches: Batches, moment: Moment) -> dict[str, Tensor]:
        """One step up the bound."""
        normal = batches.normal(self._code_size)
        loss, seen = self._loss(self.autoencoder, self.likelihood, *batches.real(), normal)
        descend(self.adams["adam"], loss, moment, batches.ranks)
        return {name: value.detach().clone() for name, value in seen.items()}
