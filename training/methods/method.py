"""What the loop asks of a method, and which methods there are.

    gan, reconstruction, variational -> [method] -> loop, export

The loop knows how to repeat, to average, to save and to show; a method knows how
to take one step. Whatever the method, its averaged network draws pictures from
standard normal z.
"""

from collections.abc import Iterable
from typing import Protocol

import torch
from torch import Tensor, nn

from training.batches import Batches
from training.networks.geometry import Geometry
from training.presets import Settings
from training.ranks import Ranks
from training.schedule import Moment


class Drawer(Protocol):
    """A network that draws: a GAN's generator, or a whole autoencoder."""

    code_size: int

    def __call__(self, z_NZ: Tensor, labels_N: Tensor | None = None) -> Tensor:
        """(N, Z) standard normal, (N,) -> (N, C, H, W), pixels around [-1, 1]."""


class Method(Protocol):
    """Networks, their optimisers, and the step that teaches them."""

    averaged: str
    """Which of the networks is averaged, drawn with and exported."""
    networks: dict[str, nn.Module]
    adams: dict[str, torch.optim.Adam]

    def update(self, batches: Batches, moment: Moment) -> dict[str, Tensor]:
        """Take one step; returns detached scalars for the log."""


def new_method(settings: Settings, geometry: Geometry, device: torch.device, compiled: bool = False) -> Method:
    """The method that the settings name, before its first step."""
    from training.methods.gan import Gan
    from training.methods.reconstruction import Reconstruction
    from training.methods.variational import Variational

    if settings.method == "gan":
        return Gan(settings, geometry, device, compiled)
    if settings.method == "variational":
        return Variational(settings, geometry, device, compiled)
    return Reconstruction(settings, geometry, device, compiled)


def new_adam(parameters: Iterable[nn.Parameter], beta1: float) -> torch.optim.Adam:
    """Rate and beta2 are set at every step."""
    return torch.optim.Adam(parameters, betas=(beta1, 0.9), eps=1e-8, fused=True)


def descend(adam: torch.optim.Adam, loss: Tensor, moment: Moment, ranks: Ranks) -> None:
    """One step of Adam down this loss, with the gradients of all processes."""
    group = adam.param_groups[0]
    group.update(lr=moment.learning_rate, betas=(group["betas"][0], moment.beta2))
    adam.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    ranks.average_gradients(group["params"])
    adam.step()
