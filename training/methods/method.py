"""What the loop asks of a method, and which methods there are.

    gan, reconstruction, variational, rated -> [method] -> loop, export

The loop knows how to repeat, to average, to save and to show; a method knows how
to take one step. Whatever the method, its averaged network draws pictures from
standard normal z: (N, Z) [and labels (N,)] -> (N, C, H, W), and says its
`code_size`, Z.
"""

from typing import Protocol

import torch
from torch import Tensor, nn

from training.config import MethodName, Settings
from training.data.batches import Batches
from training.methods.gan import Gan
from training.methods.reconstruction import Reconstruction
from training.methods.reward_weighted import RewardWeighted
from training.methods.variational import Variational
from training.networks.geometry import Geometry
from training.schedule import ScheduleValues


class Method(Protocol):
    """Networks, their optimisers, and the step that teaches them."""

    averaged_network: str
    """Which of the networks is averaged, drawn with and exported."""
    networks: dict[str, nn.Module]
    optimizers: dict[str, torch.optim.Adam]

    def update(self, batches: Batches, schedule: ScheduleValues) -> dict[str, Tensor]:
        """Take one step; returns detached scalars for the log."""


METHODS: dict[MethodName, type[Method]] = {
    "gan": Gan,
    "autoencoder": Reconstruction,
    "denoising": Reconstruction,
    "variational": Variational,
    "rated": RewardWeighted,
}


def new_method(settings: Settings, geometry: Geometry, device: torch.device, compiled: bool = False) -> Method:
    """The method that the settings name, before its first step."""
    return METHODS[settings.method](settings, geometry, device, compiled)
