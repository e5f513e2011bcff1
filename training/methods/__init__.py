"""The lecture's ways to train a generator; all are the same thing to the training loop.

    networks, data.batches -> [methods] -> train, export

Read in this order:

    losses            what the two players of the game minimise
    gan               generator and discriminator: the two updates, next to each other
    augmentation      what the discriminator is shown where it overfits, and how it is noticed
    autoencoders      autoencoder, denoising and variational autoencoder
    reward_weighted   fine-tuning a GAN with people's grades
    method            what the loop asks of a method
    optimizer         Adam: scheduled, scaled by fan-in, bounded
"""

import torch

from training.config import MethodName, Settings
from training.methods.autoencoders import Reconstruction, Variational
from training.methods.gan import Gan
from training.methods.method import Method
from training.methods.reward_weighted import RewardWeighted
from training.networks.geometry import Geometry

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
