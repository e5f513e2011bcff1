"""What the training loop asks of a method.

    networks, data.batches, optimizer -> [method] -> gan, autoencoders, reward_weighted -> train, run_logger, export

The loop knows how to repeat, to average, to save and to log; a method knows how
to take one step. Hooks say what is special about it: `prepare_to_draw`, called
before its averages draw or are saved, `exports`, the networks that become graphs
of a bundle, and `extras`, what else a checkpoint holds.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from training.config import Settings
from training.data.batches import Batches
from training.networks.autoencoder import Autoencoder
from training.networks.gan import LatentGenerator
from training.networks.geometry import Geometry
from training.networks.reward import Reward
from training.schedule import ScheduleValues


@dataclass(frozen=True)
class Exports:
    """The networks of a trained model that a bundle holds as graphs."""

    generator: LatentGenerator
    encoder: Autoencoder | None = None
    reward: Reward | None = None


class Method(ABC):
    """Networks, their optimizers, and the step that trains them."""

    averaged_network: str
    """Name of the network that is averaged, drawn with and exported."""
    networks: dict[str, nn.Module]
    optimizers: dict[str, torch.optim.Adam]

    @abstractmethod
    def __init__(self, settings: Settings, geometry: Geometry, device: torch.device, compiled: bool = False) -> None:
        """The method before its first step, on a device."""

    @abstractmethod
    def update(self, batches: Batches, schedule: ScheduleValues) -> dict[str, Tensor]:
        """Take one step; returns detached scalars for the log."""

    @property
    def averaged(self) -> LatentGenerator:
        """The network that is averaged: z (N, Z) standard normal [and labels (N,)] -> (N, C, H, W)."""
        network = self.networks[self.averaged_network]
        assert isinstance(network, LatentGenerator)
        return network

    def prepare_to_draw(self, average: LatentGenerator, images_NCHW: Tensor, finished: bool) -> None:  # noqa: B027
        """Hook: called with each average before it draws a sheet or is saved. Does nothing by default.

        Args:
            images_NCHW: the training pictures, uint8, on the device.
            finished: the run is at its end, so this may take its time.
        """

    def extras(self) -> dict[str, Tensor]:
        """Hook: what a checkpoint must hold next to networks, optimizers and random numbers; nothing by default."""
        return {}

    def load_extras(self, stored: Mapping[str, Tensor]) -> None:  # noqa: B027
        """Hook: put back what `extras` gave."""

    def exports(self, average: LatentGenerator) -> Exports:
        """Hook: the networks to export; by default the average alone."""
        return Exports(average)
