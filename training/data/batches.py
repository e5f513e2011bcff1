"""Where a step's pictures and random numbers come from.

    dataset -> [batches] -> methods

One generator of random numbers makes them all, and the checkpoint holds it, so
the order of the pictures continues where it stopped. Several processes draw the
same numbers and take a part each: together they see what one would have seen.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from training.distributed import SINGLE_PROCESS, DistributedContext
from training.pixels import from_bytes


@dataclass(frozen=True)
class Batches:
    """A data set on the device that trains, and the random numbers of the run."""

    images: Tensor
    """(M, C, H, W) uint8."""
    labels: Tensor | None
    """(M,) int64."""
    random: torch.Generator
    batch: int
    """Pictures of one step, over all processes together."""
    distributed: DistributedContext = SINGLE_PROCESS
    class_counts: list[int] | None = None
    """How many pictures each class has, by how often they are shown."""
    summed_weights: Tensor | None = None
    """(M,) float64 (MPS: float32), ends with 1: how often the pictures up to each one are shown; None: all as often."""

    mirror: bool = False
    """Each picture stands for two, the other one with left and right exchanged."""
    held_out: Tensor | None = None
    """(L, C, H, W) uint8 that are never trained on: by them a run sees overfitting."""
    held_out_labels: Tensor | None = None
    """(L,) int64."""

    def real(self) -> tuple[Tensor, Tensor | None]:
        """Pictures (N, C, H, W) in [-1, 1] and labels (N,), chosen with replacement."""
        chosen = self.distributed.shard(self._chosen())
        images = self.images[chosen]
        if self.mirror:
            images = _mirrored(images, self.distributed.shard(self._coins()))
        return from_bytes(images), None if self.labels is None else self.labels[chosen]

    def some(self, most: int, random: torch.Generator, held_out: bool = False) -> tuple[Tensor, Tensor | None]:
        """Up to so many different pictures in [-1, 1] and their labels, alike in all processes of a run.

        Args:
            random: decides which; that of the run stays as it is.
            held_out: of the held-out pictures, instead of those that are trained on.
        """
        images, labels = (self.held_out, self.held_out_labels) if held_out else (self.images, self.labels)
        assert images is not None, "a run without held-out pictures looks at none"
        chosen = torch.randperm(len(images), generator=random, device=images.device)[:most]
        pixels = images[chosen]
        if self.mirror:
            coins = torch.rand(len(chosen), generator=random, device=images.device) < 0.5
            pixels = _mirrored(pixels, coins)
        return from_bytes(pixels), None if labels is None else labels[chosen]

    def _chosen(self) -> Tensor:
        device = self.images.device
        if self.summed_weights is None:
            return torch.randint(len(self.images), (self.batch,), generator=self.random, device=device)
        tickets = torch.rand(self.batch, generator=self.random, device=device, dtype=self.summed_weights.dtype)
        return torch.searchsorted(self.summed_weights, tickets, right=True).clamp(max=len(self.images) - 1)

    def _coins(self) -> Tensor:
        return torch.rand(self.batch, generator=self.random, device=self.images.device) < 0.5

    def normal(self, *shape: int) -> Tensor:
        """(N, *shape) standard normal."""
        numbers = torch.randn(self.batch, *shape, generator=self.random, device=self.images.device)
        return self.distributed.shard(numbers)


def _mirrored(images_NCHW: Tensor, which_N: Tensor) -> Tensor:
    """Some of the pictures with left and right exchanged."""
    return torch.where(which_N[:, None, None, None], images_NCHW.flip(3), images_NCHW)
