"""The model that was graded, as training goes on from it.

    models/<name>/ -> [parent] -> round, preference

A bundle keeps the averaged generator and the discriminator; a run that goes on
begins with both, and with the settings of the card.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from models.bundle import WEIGHTS, Bundle, open_bundle
from training.checkpoint import TrainingState, below
from training.config import ADVERSARIAL_METHODS, Settings
from training.networks.geometry import Geometry, geometry_of
from training.networks.reward import Reward


@dataclass(frozen=True)
class Pretrained:
    """A bundle, and all that its training left."""

    bundle: Bundle
    settings: Settings
    geometry: Geometry
    weights: dict[str, Tensor]

    @classmethod
    def open(cls, path: Path) -> "Pretrained":
        """Read a model to go on from.

        Raises:
            ModelError: the bundle is damaged.
            ValueError: it was not learned by a game, or without its weights; says what to do.
        """
        bundle = open_bundle(path)
        card = bundle.card
        if card.method not in ADVERSARIAL_METHODS or WEIGHTS not in card.files:
            raise ValueError(
                f"{path}: found method {card.method}{'' if WEIGHTS in card.files else f' without {WEIGHTS}'}, expected "
                f"gan or rated, with {WEIGHTS}: it takes a discriminator to go on"
            )
        settings = Settings.from_json(card.training.options)
        shape = card.image
        geometry = geometry_of(settings, (shape.height, shape.width, shape.channels), len(card.classes or ()))
        weights = {name: tensor.float() for name, tensor in load_file(path / WEIGHTS).items()}
        return cls(bundle, settings, geometry, weights)

    def give(self, state: TrainingState) -> None:
        """Put its weights in the place of a new run's."""
        for name in ("generator", "discriminator"):
            state.method.networks[name].load_state_dict(below(name, self.weights))
        for average in state.ema_bank.networks:
            average.load_state_dict(below("generator", self.weights))

    def reward(self) -> Reward:
        """A reward with its discriminator's eyes, and no opinion yet."""
        with torch.random.fork_rng(devices=[]):
            reward = Reward(self.settings, self.geometry)
        eyes = {name: tensor for name, tensor in below("discriminator", self.weights).items() if "head" not in name}
        reward.eyes.load_state_dict(eyes)
        return reward
