"""Several processes that train one run, each on a GPU of its own.

    torchrun --nproc-per-node 2 --module -- training fit ... -> [distributed] -> batches, methods, train

Every process holds the same weights and draws the same random numbers; each
computes its part of the batch, and gradients are averaged by hand before each
step of Adam. No wrapper around the networks: a discriminator is called twice
in a step, with and without gradients, which is what such wrappers trip over.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed.nn  # late, as torch would import it, it keeps the group of then, and its threads, for good
from torch import Tensor, distributed, nn


@dataclass(frozen=True)
class DistributedContext:
    """Which of how many processes this one is."""

    rank: int = 0
    world_size: int = 1

    @property
    def is_main(self) -> bool:
        """The one that writes logs, sheets and checkpoints."""
        return self.rank == 0

    def check(self, batch: int) -> None:
        """Refuse a batch that has no equal parts.

        Raises:
            ValueError: says which batches do.
        """
        if batch % self.world_size:
            raise ValueError(
                f"batch is {batch}, which {self.world_size} processes cannot share; "
                f"choose a multiple of {self.world_size}"
            )

    def check_start(self, images_shown: int, device: torch.device) -> None:
        """Refuse to go on from different checkpoints: processes on several machines need one folder of the run.

        Raises:
            ValueError: in all processes; says what each found.
        """
        found = self.gather({"images_shown": torch.tensor(images_shown, device=device)})["images_shown"].tolist()
        if len(set(found)) > 1:
            raise ValueError(
                f"found checkpoints after {', '.join(f'{shown:,.0f}' for shown in found)} images in the processes of "
                "this run, expected the same one in all. Put the run's folder where all machines see it, with --run."
            )

    def shard(self, rows: Tensor) -> Tensor:
        """This process's share of the rows of a batch."""
        return rows.chunk(self.world_size)[self.rank] if self.world_size > 1 else rows

    def average_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replace every gradient by its mean over the processes, all in one message."""
        if self.world_size == 1:
            return
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        distributed.all_reduce(flat)
        flat /= self.world_size
        means = torch.split(flat, [gradient.numel() for gradient in gradients])
        for gradient, mean in zip(gradients, means, strict=True):
            gradient.copy_(mean.view_as(gradient))

    def mean(self, values: Tensor) -> Tensor:
        """The mean over the processes of a tensor that each has, equal in all of them.

        Gradients pass through it: with `average_gradients` they are those of the mean loss of all processes, by what
        each of them put in.
        """
        return values if self.world_size == 1 else _mean(values, self.world_size)

    def average(self, values: dict[str, Tensor]) -> dict[str, Tensor]:
        """What every process saw, averaged, for the log."""
        if self.world_size == 1 or not values:
            return values
        flat = torch.stack([value.float() for value in values.values()])
        distributed.all_reduce(flat)
        return dict(zip(values, flat / self.world_size, strict=True))

    def gather(self, values: dict[str, Tensor]) -> dict[str, Tensor]:
        """What each process has seen, () a name, as (P,) in every process."""
        if not values:
            return {}
        own = torch.stack([value.float() for value in values.values()])
        everyone = [torch.empty_like(own) for _ in range(self.world_size)]
        if self.world_size == 1:
            everyone = [own]
        else:
            distributed.all_gather(everyone, own)
        return dict(zip(values, torch.stack(everyone, dim=1), strict=True))

    def own(self, values: dict[str, Tensor]) -> dict[str, Tensor]:
        """This process's part of what `gather` gave; the mean, where there were more or fewer processes then."""
        if any(len(value) != self.world_size for value in values.values()):
            return {name: value.mean() for name, value in values.items()}
        return {name: value[self.rank] for name, value in values.items()}

    def largest(self, values: dict[str, Tensor]) -> dict[str, Tensor]:
        """The largest that any process saw, for the log."""
        if self.world_size == 1 or not values:
            return values
        flat = torch.stack([value.float() for value in values.values()])
        distributed.all_reduce(flat, distributed.ReduceOp.MAX)
        return dict(zip(values, flat, strict=True))

    def any(self, flag: bool, device: torch.device) -> bool:
        """Did this happen in any of the processes?"""
        if self.world_size == 1:
            return flag
        seen = torch.tensor(float(flag), device=device)
        distributed.all_reduce(seen)
        return bool(seen > 0)


class _Mean(torch.autograd.Function):
    """Of P processes: each one's loss follows from the mean, and the mean by 1 / P from what each of them put in."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, world_size: int) -> Tensor:
        """The mean."""
        ctx.world_size = world_size
        total = values.clone()
        distributed.all_reduce(total)
        return total / world_size

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        """The sum of the gradients of all losses, each by 1 / P: the mean as well."""
        return _mean(gradient, ctx.world_size), None


def _mean(values: Tensor, world_size: int) -> Tensor:
    mean: Tensor = _Mean.apply(values, world_size)  # type: ignore[no-untyped-call]
    return mean


SINGLE_PROCESS = DistributedContext()


@contextmanager
def process_group() -> Iterator[DistributedContext]:
    """The place that torchrun gave this process; `SINGLE_PROCESS` where it was started by itself.

    They part when all are done or all are interrupted: a process that ends while threads of its group still hold
    tensors is aborted now and then. After an error they do not, for the others may be waiting for a sum; torchrun
    ends them.
    """
    world_size = int(os.environ.get("WORLD_SIZE", "1"))
    if world_size == 1:
        yield SINGLE_PROCESS
        return
    distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    try:
        yield DistributedContext(distributed.get_rank(), world_size)
    except KeyboardInterrupt:
        distributed.destroy_process_group()
        raise
    distributed.destroy_process_group()
