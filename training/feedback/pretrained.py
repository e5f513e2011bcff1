"""A pretrained model, as fine-tuning starts from it.

    models/<name>/ -> pretrained -> finetuning_round, transfer, profiling.engines

A bundle keeps the averaged generator and the discriminator, the former in its
graph alone where `shrink` made it smaller; a fine-tuning run starts with both, and
with the settings of the card.
"""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from models.bundle import WEIGHTS, Bundle, open_bundle
from training.checkpoint import TrainingState, below
from training.config import ADVERSARIAL_METHODS, Settings
from training.exporter.graphs import generator_weights
from training.networks.geometry import Geometry, geometry_of
from training.networks.reward import Reward


@dataclass(frozen=True)
class Pretrained:
    """A bundle with the weights and settings that its training left."""

    bundle: Bundle
    settings: Settings
    geometry: Geometry
    weights: dict[str, Tensor]
    """Network and parameter, such as `generator.base.weight` -> float32."""

    @classmethod
    def open(cls, path: Path) -> "Pretrained":
        """Read a bundle to fine-tune.

        Raises:
            ModelError: the bundle is damaged.
            ValueError: it was not trained adversarially, or has no weights; says what to do.
        """
        return cls._open(path, ADVERSARIAL_METHODS, "gan or rated", "fine-tuning needs a discriminator")

    @classmethod
    def open_to_transfer(cls, path: Path) -> "Pretrained":
        """Read a bundle whose generator goes on with other pictures.

        Raises:
            ModelError: the bundle is damaged.
            ValueError: its generator does not draw from standard normal codes, or it has no weights; says what to do.
        """
        why = "other pictures need a generator that draws from standard normal numbers. Train from the beginning: fit"
        return cls._open(path, ADVERSARIAL_METHODS | {"variational"}, "gan, rated or variational", why)

    @classmethod
    def _open(cls, path: Path, methods: Collection[str], named: str, why: str) -> "Pretrained":
        bundle = open_bundle(path)
        card = bundle.card
        if card.method not in methods or WEIGHTS not in card.files:
            raise ValueError(
                f"{path}: found method {card.method}{'' if WEIGHTS in card.files else f' without {WEIGHTS}'}, expected "
                f"{named}, with {WEIGHTS}: {why}"
            )
        settings = Settings.from_json(card.training.options)
        shape = card.image
        geometry = geometry_of(settings, (shape.height, shape.width, shape.channels), len(card.classes or ()))
        weights = {name: tensor.float() for name, tensor in load_file(path / WEIGHTS).items()}
        if not below("generator", weights) and not below("autoencoder", weights):  # a model that `shrink` wrote
            weights |= {f"generator.{name}": one for name, one in generator_weights(bundle.generator).items()}
        return cls(bundle, settings, geometry, weights)

    def network(self, name: str) -> dict[str, Tensor]:
        """The weights of its `generator` or `discriminator`; none where it keeps no such network."""
        found = below(name, self.weights)
        return below("autoencoder.decoder", self.weights) if name == "generator" and not found else found

    def load_into(self, state: TrainingState) -> None:
        """Replace the weights of a new run by the pretrained ones."""
        for name in ("generator", "discriminator"):
            state.method.networks[name].load_state_dict(below(name, self.weights))
        for average in state.ema_bank.networks:
            average.load_state_dict(below("generator", self.weights))

    def new_reward(self) -> Reward:
        """A reward with the features of its discriminator, and heads that are not fitted yet."""
        with torch.random.fork_rng(devices=[]):
            reward = Reward(self.settings, self.geometry)
        features = {name: tensor for name, tensor in below("discriminator", self.weights).items() if "head" not in name}
        reward.eyes.load_state_dict(features)
        return reward
