"""The averaged networks: what is drawn with in sheets, exported and served.

    methods -> [ema] -> train, exporter

Weights of a GAN circle around their goal; their average over the last images
shown is nearer to it than they are. An average is set by its half-life, the
number that a person can picture: a share of the images shown so far, so that a
young average forgets its beginnings, and never more than the preset's longest.
Several are kept, because which is best is known only at the end.
"""

import copy

import torch
from torch import Tensor

from training.config import Settings
from training.networks.gan import LatentGenerator


class EmaBank:
    """EmaBank of one network, a half-life each; the first is the one to draw with."""

    def __init__(self, network: LatentGenerator, settings: Settings) -> None:
        self._shares, self._longest_images = settings.half_life_shares, settings.half_life_images
        self.networks = [copy.deepcopy(network).requires_grad_(False).eval() for _ in self._shares]
        # Listed once: to walk through the modules at every step takes a GPU's host longer than the averaging.
        self._weights: list[list[Tensor]] = [list(average.parameters()) for average in self.networks]

    def update(self, network: LatentGenerator, batch: int, images_shown: int) -> None:
        """Move every average towards the network by one batch's worth.

        Args:
            batch: images shown since the last call.
            images_shown: by the run so far, this batch included.
        """
        weights: list[Tensor] = list(network.parameters())
        buffers = list(network.buffers())
        for average, averaged, share in zip(self.networks, self._weights, self._shares, strict=True):
            half_life_images = min(self._longest_images, share * images_shown)
            with torch.no_grad():
                # All at once: on a GPU a launch for each of them takes longer than the averaging.
                torch._foreach_lerp_(averaged, weights, 1 - 0.5 ** (batch / half_life_images))
            for old, new in zip(average.buffers() if buffers else (), buffers, strict=True):
                old.copy_(new)
