"""Several processes that train one run, each on a GPU of its own.

    torchrun --nproc-per-node 2 --module -- training fit ... -> [ranks] -> batches, methods, loop

Every process holds the same weights and draws the same random numbers; each
computes its part of the batch, and gradients are averaged by hand before each
step of Adam. No wrapper around the networks: a discriminator is called twice
in a step, with and without gradients, which is what such wrappers trip over.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed.nn  # late, as torch would import it, it keeps the group of then, and its threads, for good
from torch import Tensor, distributed, nn


@dataclass(frozen=True)
class Ranks:
    """Which of how many processes this one is."""

    rank: int = 0
    count: int = 1

    @property
    def first(self) -> bool:
        """The one that writes logs, sheets and checkpoints."""
        return self.rank == 0

    def check(self, batch: int) -> None:
        """Refuse a batch that has no equal parts.

        Raises:
            ValueError: says which batches do.
        """
        if batch % self.count:
            raise ValueError(
                f"batch is {batch}, which {self.count} processes cannot share; choose a multiple of {self.count}"
            )

    def part(self, rows: Tensor) -> Tensor:
        """This process's share of the rows of a batch."""
        return rows.chunk(self.count)[self.rank] if self.count > 1 else rows

    def average_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replace every gradient by its mean over the processes, all in one message."""
        if self.count == 1:
            return
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        distributed.all_reduce(flat)
        flat /= self.count
        for gradient, mean in zip(gradients, flat.split([gradient.numel() for gradient in gradients]), strict=True):
            gradient.copy_(mean.view_as(gradient))

    def average(self, values: dict[str, Tensor]) -> dict[str, Tensor]:
        """What every process saw, averaged, for the log."""
        if self.count == 1 or not values:
            return values
        flat = torch.stack([value.float() for value in values.values()])
        distributed.all_reduce(flat)
        return dict(zip(values, flat / self.count, strict=True))

    def any(self, flag: bool, device: torch.device) -> bool:
        """Did this happen in any of the processes?"""
        if self.count == 1:
            return flag
        seen = torch.tensor(float(flag), device=device)
        distributed.all_reduce(seen)
        return bool(seen > 0)


ALONE = Ranks()


@contextmanager
def joined() -> Iterator[Ranks]:
    """The place that torchrun gave this process; ALONE where it was started by itself.

    They part when all are done or all are interrupted: a process that ends while threads of its group still hold
    tensors is aborted now and then. After an error they do not, for the others may be waiting for a sum; torchrun
    ends them.
    """
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        yield ALONE
        return
    distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    try:
        yield Ranks(distributed.get_rank(), count)
    except KeyboardInterrupt:
        distributed.destroy_process_group()
        raise
    distributed.destroy_process_group()
