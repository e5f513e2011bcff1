"""All that a run needs to resume bit for bit, in one file.

    train, run_logger -> [checkpoint] -> runs/<name>/checkpoint.safetensors -> train, exporter

Weights, Adam's moments, the averaged weights (EMA), the state of the random numbers (which
also decide the order of the pictures), the images shown, and the sums that the next line of the log is made of: so a
checkpoint may be written after any step. Written atomically, so that at any moment the file is a whole one. Never a
pickle.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from models.files import replacing
from training.ema import EmaBank
from training.errors import DamagedCheckpoint
from training.methods.method import Method
from training.networks.gan import LatentGenerator

_RANDOM = "random"
_UNLOGGED = "log"
_EXTRAS = "method"


@dataclass
class TrainingState:
    """The state of a run between two steps."""

    method: Method
    ema_bank: EmaBank
    random: torch.Generator
    images_shown: int = 0
    seconds: float = 0.0
    """Of training, over all processes that worked on the run one after another."""
    unlogged: dict[str, Tensor] = field(default_factory=dict)
    """What was seen since the last line of the log: (P,) a process each."""
    unlogged_steps: int = 0
    """How many steps that was."""

    @property
    def ema(self) -> LatentGenerator:
        """The averaged network that draws sheets and is exported."""
        return self.ema_bank.networks[0]

    def _modules(self) -> dict[str, torch.nn.Module]:
        ema_bank = {f"average{number}": network for number, network in enumerate(self.ema_bank.networks)}
        return {**self.method.networks, **ema_bank}


def save_checkpoint(path: Path, state: TrainingState) -> None:
    """Write all of a state atomically.

    Raises:
        OSError: the disk is full, or the folder cannot be written to; the checkpoint before is as it was.
    """
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in _tensors(state)}
    progress = {"images_shown": str(state.images_shown), "seconds": repr(state.seconds)}
    progress["unlogged_steps"] = str(state.unlogged_steps)
    with replacing(path) as writing:
        try:
            save_file(tensors, writing, {**progress, "device": state.random.device.type})
        except SafetensorError as error:
            raise _os_error(error, path) from None


def load_checkpoint(path: Path, state: TrainingState) -> None:
    """Put a run back where it was. `state` must have been built from the same settings.

    Raises:
        ValueError: the run was on another kind of device, whose random numbers are others.
        DamagedCheckpoint: the file is cut, or of another run.
    """
    stored, metadata = _read(path)
    found, expected = metadata.get("device", "cpu"), state.random.device.type
    if found != expected:
        raise ValueError(
            f"{path}: found a run on {found}, expected one on {expected}. "
            f"Resume with --device {found}, or start another with --run."
        )
    with _foreign_as_error(path):
        _load_weights(stored, metadata, state)
        for name, adam in state.method.optimizers.items():
            _load_adam(adam, below(f"adam.{name}", stored))
        if state.method.extras():
            state.method.load_extras(below(_EXTRAS, stored))
        state.random.set_state(stored[_RANDOM])
        # Checkpoints of before 2026-11-25 were written where a line of the log was, and hold no sums.
        state.unlogged, state.unlogged_steps = below(_UNLOGGED, stored), int(metadata.get("unlogged_steps", 0))


def load_weights(path: Path, state: TrainingState) -> None:
    """Only the networks, and how far they came: enough to export, on any device.

    Raises:
        DamagedCheckpoint: the file is cut, or of another run.
    """
    stored, metadata = _read(path)
    with _foreign_as_error(path):
        _load_weights(stored, metadata, state)


def images_shown_in(path: Path) -> int:
    """How far a run came, by its checkpoint; 0 where it has none yet."""
    return progress_in(path)[0]


def progress_in(path: Path) -> tuple[int, float]:
    """How far a run came, by its checkpoint: images shown, and seconds of training; 0 where it has none yet.

    Raises:
        DamagedCheckpoint: the file is cut, or of another kind.
    """
    if not path.exists():
        return 0, 0.0
    with _cut_as_error(path), safe_open(path, "pt") as file:
        metadata = file.metadata() or {}
    with _foreign_as_error(path):
        return int(metadata["images_shown"]), float(metadata["seconds"])


def _load_weights(stored: dict[str, Tensor], metadata: dict[str, str], state: TrainingState) -> None:
    for name, module in state._modules().items():
        module.load_state_dict(below(name, stored))
    state.images_shown, state.seconds = int(metadata["images_shown"]), float(metadata["seconds"])


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    with _cut_as_error(path), safe_open(path, "pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118 (no dict)


@contextmanager
def _cut_as_error(path: Path) -> Iterator[None]:
    """What is no whole file of tensors is an error that says so."""
    try:
        yield
    except SafetensorError as error:
        raise DamagedCheckpoint(path, f"a file that is cut or damaged ({_first_line(error)})") from None


@contextmanager
def _foreign_as_error(path: Path) -> Iterator[None]:
    """A whole file that holds other tensors than this run's is an error that says so."""
    try:
        yield
    except torch.OutOfMemoryError:
        raise
    except (KeyError, RuntimeError, ValueError, TypeError) as error:
        raise DamagedCheckpoint(path, f"one of another run ({_first_line(error)})") from None


def _first_line(error: Exception) -> str:
    return " ".join(str(error).split())[:120]


def _os_error(error: SafetensorError, path: Path) -> Exception:
    """The error of the operating system that safetensors tells of in words."""
    found = re.search(r"os error (\d+)", str(error))
    return OSError(int(found[1]), os.strerror(int(found[1])), str(path)) if found else error


def _tensors(state: TrainingState) -> Iterator[tuple[str, Tensor]]:
    for name, module in state._modules().items():
        yield from ((f"{name}.{key}", tensor) for key, tensor in module.state_dict().items())
    for name, adam in state.method.optimizers.items():
        for index, moments in adam.state_dict()["state"].items():
            yield from ((f"adam.{name}.{index}.{key}", tensor) for key, tensor in moments.items())
    yield from ((f"{_UNLOGGED}.{name}", total) for name, total in state.unlogged.items())
    yield from ((f"{_EXTRAS}.{name}", tensor) for name, tensor in state.method.extras().items())
    yield _RANDOM, state.random.get_state()


def below(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of one network of a file: those whose names begin so, without the beginning."""
    return {name[len(prefix) + 1 :]: tensor for name, tensor in tensors.items() if name.startswith(f"{prefix}.")}


def _load_adam(adam: torch.optim.Adam, moments: dict[str, Tensor]) -> None:
    for index, parameter in enumerate(adam.param_groups[0]["params"]):
        for key, stored in below(str(index), moments).items():
            # The moments must lie in memory as their parameter does, and the step on its device: fused Adam
            # walks through all of them together.
            like = parameter.detach() if stored.shape == parameter.shape else stored
            adam.state[parameter][key] = torch.empty_like(like, device=parameter.device).copy_(stored)
