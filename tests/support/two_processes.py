"""Two processes of a group that trains one run, without what torchrun costs: three times the start of torch.

    test_distributed -> [two_processes] -> forked, training.distributed

They are told their place in the group as torchrun tells it: by their environment. Knows no claim.
"""

import os
import signal
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from support.forked import begin, fit

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

    from training.device import ComputeContext

ENDS_WITHIN_S = 300


def in_two_processes(log: Path, work: Callable[..., object], *arguments: object) -> list[int | None]:
    """Call a function of this module in both; what they print is added to `log`. Returns their exit codes."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    places = [
        {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
        for rank in ("0", "1")
    ]
    processes = [begin(log, work, *arguments, place=place) for place in places]
    for process in processes:
        process.join(ENDS_WITHIN_S)
        process.kill()
    return [process.exitcode for process in processes]


def train_all(folder: Path, runs: Mapping[str, Mapping[str, Any]]) -> None:
    """Runs with these options on the digits, one after another, each in a folder of its name; without their bundles."""
    from training.options import ComputeOptions

    with ComputeOptions("cpu", threads=1).context() as context:
        for name, options in runs.items():
            train_one(folder / name, options, context)


def train_one(folder: Path, options: Mapping[str, Any], context: "ComputeContext") -> None:
    """One of them, in the process that calls this."""
    from training.options import FitOptions
    from training.plan import plan_fit
    from training.train import train

    plan = plan_fit("digits", folder / "model", FitOptions(run=folder / "run", precision="float32", **options), context)
    if context.distributed.is_main:
        plan.run.begin(plan.settings, plan.pictures)
    train(plan.run, plan.settings, plan.pictures, context, healed=lambda _: None)


def normalise(folder: Path) -> None:
    """Each normalises its half of a batch, drawn from one seed, and its loss is another; all that follows is saved."""
    import torch
    from safetensors.torch import save_file

    from training.distributed import process_group
    from training.networks.dcgan import BatchNorm, share_statistics

    with process_group() as group:
        norm = BatchNorm(3)
        share_statistics([norm], group)
        found = normalised(norm, *(group.shard(one) for one in batch_and_slopes()))
        group.average_gradients(norm.parameters())
        found |= {"weight": norm.weight.grad, "bias": norm.bias.grad, **dict(norm.named_buffers())}
        save_file({key: value.contiguous() for key, value in found.items()}, folder / f"normalised{group.rank}")
        try:
            group.check_start(5_000 * group.rank, torch.device("cpu"))
        except ValueError as error:
            (folder / f"refused{group.rank}").write_text(str(error))


def batch_and_slopes() -> "tuple[Tensor, Tensor]":
    """A batch (8, 3, 4, 4) that is far from normal, and the slopes of a loss by what it becomes."""
    import torch

    random = torch.Generator().manual_seed(7)
    batch = 3 * torch.randn(8, 3, 4, 4, generator=random) + torch.arange(8.0).view(8, 1, 1, 1)
    return batch, torch.randn(8, 3, 4, 4, generator=random)


def normalised(norm: "Module", batch: "Tensor", slopes: "Tensor") -> "dict[str, Tensor]":
    """A batch normalised, and the gradient of the mean loss of its pictures by what they were."""
    batch = batch.clone().requires_grad_()
    pixels = norm(batch)
    (pixels * slopes).sum(dim=(1, 2, 3)).mean().backward()
    return {"pixels": pixels.detach(), "gradient": batch.grad}


def fit_and_stop(words: list[str], after: int) -> None:
    """`zoetrope fit` and these words, with SIGINT to this process after the step that has shown so many images."""
    from training import train as loop

    take_step = loop.take_step

    def take_step_and_stop(settings, batches, state):
        seen = take_step(settings, batches, state)
        if state.images_shown == after:
            os.kill(os.getpid(), signal.SIGINT)
        return seen

    loop.take_step = take_step_and_stop
    fit(*words)


def train_and_see_one_loss(folder: Path, options: Mapping[str, Any], loss: float, after: int) -> None:
    """`train_all` of one run, `healed`; the second process sees this loss once, after so many images.

    Each writes the strength of its augmentation, which follows what is measured, to `p0` or `p1` in a folder.
    """
    from training import train as loop
    from training.methods import augmentation

    def quarter(_p, overfitting, _images):
        return 0.25 + overfitting / 4

    augmentation.moved = quarter
    rank = int(os.environ["RANK"])
    take_step, left = loop.take_step, [rank]

    def take_step_and_see(settings, batches, state):
        seen = take_step(settings, batches, state)
        (folder / f"p{rank}").write_text(str(state.method.augmentation.p))
        if state.images_shown == after and left[0]:
            left[0] = 0
            seen["d_loss"] = seen["d_loss"] * 0 + loss
        return seen

    loop.take_step = take_step_and_see
    train_all(folder, {"healed": options})
