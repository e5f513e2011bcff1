"""Adam, and one step of it down a loss.

gan, reconstruction, variational -> [descent]
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from training.distributed import DistributedContext
from training.schedule import ScheduleValues


def new_adam(parameters: Iterable[nn.Parameter], beta1: float) -> torch.optim.Adam:
    """Rate and beta2 are set at every step."""
    return torch.optim.Adam(parameters, betas=(beta1, 0.9), eps=1e-8, fused=True)


def optimizer_step(
    adam: torch.optim.Adam, loss: Tensor, schedule: ScheduleValues, distributed: DistributedContext
) -> None:
    """One step of Adam down this loss, with the gradients of all processes."""
    group = adam.param_groups[0]
    group.update(lr=schedule.learning_rate, betas=(group["betas"][0], schedule.beta2))
    adam.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    distributed.average_gradients(group["params"])
    adam.step()
