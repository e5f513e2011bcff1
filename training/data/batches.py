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

    def real(self) -> tuple[Tensor, Tensor | None]:
        """Pictures (N, C, H, W) in [-1, 1] and labels (N,), chosen with replacement."""
        chosen = self.distributed.shard(self._chosen())
        return from_bytes(self.images[chosen]), None if self.labels is None else self.labels[chosen]

    def _chosen(self) -> Tensor:
        device = self.images.device
        if self.summed_weights is None:
            return torch.randint(len(self.images), (self.batch,), generator=self.random, device=device)
        tickets = torch.rand(self.batch, generator=self.random, device=device, dtype=self.summed_weights.dtype)
        return torch.searchsorted(self.summed_weights, tickets, right=True).clamp(max=len(self.images) - 1)

    def normal(self, *shape: int) -> Tensor:
        """(N, *shape) standard normal."""
        numbers = torch.randn(self.batch, *shape, generator=self.random, device=self.images.device)
        return self.distributed.shard(numbers)
