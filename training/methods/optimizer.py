"""Adam, as all methods take its steps: scheduled, scaled by fan-in, and bounded in size.

    config (schedule), networks -> [optimizer] -> gan, autoencoders, reward_weighted

Adam moves every weight by about the learning rate, whatever the weight's size.
A sum of many inputs adds these moves up: the discriminator's head, with two to
three thousand inputs, changes a score by two to three units in one step, and a
run diverges. Two cures, both off by default and on in the presets:

    fan-in        the rate of a weight tensor with more inputs than `fan_in_reference` is divided by how many times
                  more they are, as maximal-update parametrisation does for Adam [Yang2022]
    clipping      the update of a tensor, in units of its rate, is scaled down where its root mean square (RMS) is
                  above `update_clip`, as in StableAdamW [Wortsman2023]: after a sudden gradient it would be up to 3

With both off a step is that of `torch.optim.Adam`, bit for bit. The third cure, a
warm-up of the rate, is a part of the schedule (`config`). Knows no method.

Letters: T tensors of a network

Papers:
    [Yang2022]      Tensor Programs V: tuning large neural networks via zero-shot transfer.    arXiv:2203.03466
    [Wortsman2023]  Stable and low-precision training for large-scale vision-language models.  arXiv:2304.13013
"""

from collections.abc import Callable
from typing import Any, overload

import torch
from torch import Tensor, nn
from torch.optim.adam import adam as adam_update

from training.config import Settings
from training.distributed import DistributedContext
from training.schedule import ScheduleValues

_EPS = 1e-8


def new_optimizer(network: nn.Module, settings: Settings) -> torch.optim.Adam:
    """The optimizer of a network; its learning rate and beta2 are set at every step."""
    if settings.fan_in_reference == 0 and settings.update_clip == 0:
        return torch.optim.Adam(network.parameters(), betas=(settings.beta1, 0.9), eps=_EPS, fused=True)
    return ScaledAdam(network, settings.beta1, settings.fan_in_reference, settings.update_clip)


def optimizer_step(
    adam: torch.optim.Adam, loss: Tensor, schedule: ScheduleValues, distributed: DistributedContext
) -> None:
    """One step of Adam down this loss, with the gradients of all processes averaged."""
    group = adam.param_groups[0]
    group.update(lr=schedule.learning_rate, betas=(group["betas"][0], schedule.beta2))
    adam.zero_grad(set_to_none=True)
    loss.backward()
    distributed.average_gradients(group["params"])
    adam.step()


def fan_ins(network: nn.Module) -> list[int]:
    """How many inputs each parameter of a network adds up into one output, in the order of `parameters()`.

    1 for biases, gains and embeddings, which add up nothing. A module whose
    weights are not laid out as (outputs, inputs, ...) says so by a method `fan_in`.
    """
    found: dict[nn.Parameter, int] = {}
    for module in network.modules():
        for weight in module.parameters(recurse=False):
            found[weight] = _fan_in(module, weight)
    return [found[weight] for weight in network.parameters()]


def _fan_in(module: nn.Module, weight: nn.Parameter) -> int:
    if isinstance(module, nn.Embedding) or weight.dim() < 2:
        return 1
    own: Callable[[nn.Parameter], int] | None = getattr(module, "fan_in", None)
    return weight[0].numel() if own is None else own(weight)


class ScaledAdam(torch.optim.Adam):
    """Adam whose rate follows the fan-in of each tensor, and whose updates are bounded.

    Moments and their names are those of `torch.optim.Adam`, so a checkpoint holds
    the same tensors. On a GPU nothing is read back, and the number of launches does
    not grow with the number of tensors.

    Args:
        network: all its parameters are float32 on one device, and dense in memory.
        beta1: momentum.
        fan_in_reference: inputs up to which a tensor has the full rate; 0 for one rate.
        update_clip: largest RMS of a tensor's update, in units of its rate; 0 for none.
    """

    def __init__(self, network: nn.Module, beta1: float, fan_in_reference: int, update_clip: float) -> None:
        weights = list(network.parameters())
        super().__init__(weights, betas=(beta1, 0.9), eps=_EPS, fused=True)
        scales = [min(1.0, fan_in_reference / inputs) if fan_in_reference else 1.0 for inputs in fan_ins(network)]
        device = weights[0].device
        self._scales_T = torch.tensor(scales, device=device)
        # The RMS of n numbers is their norm over the square root of n; of 0 for no clipping, all is within.
        limits = [update_clip * weight.numel() ** 0.5 if update_clip else torch.inf for weight in weights]
        self._largest_norms_T = torch.tensor(limits, device=device)
        self._sizes_T = torch.tensor([_padded(weight.numel()) for weight in weights], device=device)
        self._updates = torch.zeros(sum(_padded(weight.numel()) for weight in weights), device=device)
        self._updates_of = _views(self._updates, weights)

    @overload
    def step(self, closure: None = None) -> None: ...
    @overload
    def step(self, closure: Callable[[], float]) -> float: ...
    @torch.no_grad()
    def step(self, closure: Any = None) -> float | None:
        """Move every weight that has a gradient."""
        assert closure is None, "the loss is computed before the step"
        group = self.param_groups[0]
        self._updates.zero_()
        self._add_adam(group)
        norms_T = torch.stack(torch._foreach_norm(self._updates_of))
        rates_T = group["lr"] * self._scales_T / (norms_T / self._largest_norms_T).clamp(min=1)
        if self._updates.device.type == "cpu":
            for weight, update, rate in zip(group["params"], self._updates_of, rates_T.tolist(), strict=True):
                weight.add_(update, alpha=rate)
        else:
            self._updates *= rates_T.repeat_interleave(self._sizes_T, output_size=len(self._updates))
            torch._foreach_add_(group["params"], self._updates_of)
        return None

    def _add_adam(self, group: dict[str, Any]) -> None:
        """Add Adam's update at a rate of 1 to the updates, which are zero."""
        moved = [
            (weight.grad, self._moments(weight), update)
            for weight, update in zip(group["params"], self._updates_of, strict=True)
            if weight.grad is not None
        ]
        adam_update(
            [update for _, _, update in moved],
            [gradient for gradient, _, _ in moved],
            [moments["exp_avg"] for _, moments, _ in moved],
            [moments["exp_avg_sq"] for _, moments, _ in moved],
            [],
            [moments["step"] for _, moments, _ in moved],
            fused=True,
            amsgrad=False,
            beta1=group["betas"][0],
            beta2=group["betas"][1],
            lr=1.0,
            weight_decay=0.0,
            eps=group["eps"],
            maximize=False,
        )

    def _moments(self, weight: nn.Parameter) -> dict[str, Tensor]:
        moments: dict[str, Tensor] = self.state[weight]
        if not moments:
            moments["step"] = torch.zeros((), device=weight.device)
            moments["exp_avg"] = torch.zeros_like(weight, memory_format=torch.preserve_format)
            moments["exp_avg_sq"] = torch.zeros_like(weight, memory_format=torch.preserve_format)
        return moments


def _padded(numbers: int) -> int:
    """Every tensor begins at 64 bytes, where vectors of any width may be read."""
    return -(-numbers // 16) * 16


def _views(flat: Tensor, weights: list[nn.Parameter]) -> list[Tensor]:
    """Parts of one long tensor that lie in memory as the weights do."""
    starts, start = [], 0
    for weight in weights:
        starts.append(start)
        start += _padded(weight.numel())
    return [flat.as_strided(weight.shape, weight.stride(), at) for weight, at in zip(weights, starts, strict=True)]
