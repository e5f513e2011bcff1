"""The training loop, counted in images shown: update, average, log, save, resume.

    data, methods, ema, config -> [train] -> run_logger (run, checkpoint) -> exporter

What happens after k images depends on the settings and on the data alone, and
not on how often the run was stopped: random numbers come from one generator
that the checkpoint holds, and sheets are drawn from codes by address. Knows
none of the methods.
"""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.checkpoint import TrainingState, load_checkpoint, save_checkpoint
from training.config import Settings, preset_named, schedule_at
from training.data.batches import Batches
from training.data.dataset import Pictures
from training.device import ComputeContext
from training.ema import EmaBank
from training.errors import Stopped
from training.methods import new_method
from training.networks.geometry import Geometry, geometry_of
from training.run import Run
from training.run_logger import RunLogger

MEETING_IMAGES = 500
"""Several processes agree about stopping and saving once in so many images."""


def train(
    run: Run,
    settings: Settings,
    pictures: Pictures,
    context: ComputeContext,
    progress: Callable[[TrainingState], None] = lambda _: None,
    saved: Callable[[], None] = lambda: None,
    prepare: Callable[[TrainingState], None] | None = None,
) -> TrainingState:
    """Train to the planned length, from where the run's checkpoint stands.

    Args:
        run: where log, sheets and checkpoint go.
        pictures: moved to the device whole, and stay there as bytes.
        progress: called after every step.
        saved: called after every checkpoint.
        prepare: called with the state before its first step, and before a checkpoint is read into it: fine-tuning
            takes the pretrained weights here.

    Returns:
        The state at the end of the planned length.

    Raises:
        Diverged: a loss became infinite or NaN; says what to change.
        Stopped: stopped by SIGINT or SIGTERM, after the step at hand and a checkpoint.
    """
    context.distributed.check(settings.batch)
    geometry = geometry_of(settings, pictures.images.shape[1:], len(pictures.classes or ()))
    state = new_state(settings, geometry, context.device, context.compiled)
    if prepare is not None:
        prepare(state)
    if run.checkpoint.exists():
        load_checkpoint(run.checkpoint, state)
    if context.distributed.is_main:
        run.resume_from(state.images_shown)
    batches = batches_of(settings, pictures, state.random, context)
    logger = RunLogger(run, settings, batches, state.images_shown, state.unlogged, state.unlogged_steps)
    saved_at, started = time.monotonic(), time.monotonic() - state.seconds
    with _signals_wait_for_the_step() as signals:
        while state.images_shown < settings.images_shown:
            logger.add(take_step(settings, batches, state))
            state.seconds = time.monotonic() - started
            progress(state)
            logger.write_if_due(state)
            logger.show_early(state)
            due = time.monotonic() - saved_at > context.checkpoint_seconds
            stopped, due = _agreed(context, _meets(settings, state), bool(signals), due)
            if stopped or due:
                logger.save(state)
                saved()
                saved_at = time.monotonic()
            if stopped:
                raise Stopped
    logger.save(state)
    saved()
    return state


def save_initial_checkpoint(run: Run, settings: Settings, pictures: Pictures, context: ComputeContext) -> None:
    """Save the checkpoint of a run before its first step: it can be exported, and `train` resumes from it."""
    geometry = geometry_of(settings, pictures.images.shape[1:], len(pictures.classes or ()))
    save_checkpoint(run.checkpoint, new_state(settings, geometry, context.device))


def new_state(settings: Settings, geometry: Geometry, device: torch.device, compiled: bool = False) -> TrainingState:
    """A run before its first step; the same seed gives the same one."""
    if compiled:
        torch.compiler.reset()  # or what earlier runs of this process compiled counts against this one
    torch.manual_seed(settings.seed)
    method = new_method(settings, geometry, device, compiled)
    ema_bank = EmaBank(method.averaged, settings)
    return TrainingState(method, ema_bank, torch.Generator(device).manual_seed(settings.seed))


def batches_of(settings: Settings, pictures: Pictures, random: torch.Generator, context: ComputeContext) -> Batches:
    """The pictures on the device, and what is drawn of them."""
    images = torch.from_numpy(pictures.images.transpose(0, 3, 1, 2).copy())  # a cached array may be read-only
    labels_N = None
    if settings.conditional and pictures.labels is not None:
        labels_N = torch.from_numpy(pictures.labels.copy()).to(context.device)
    counts = pictures.class_counts if settings.conditional else None
    summed = None if pictures.weights is None else _summed(pictures.weights, context.device)
    return Batches(images.to(context.device), labels_N, random, settings.batch, context.distributed, counts, summed)


def _summed(weights: NDArray[np.float64], device: torch.device) -> Tensor:
    """Cumulative weights on the device, in float64 where it has that; MPS has not."""
    summed = torch.from_numpy(np.cumsum(weights))
    return summed.float().to(device) if device.type == "mps" else summed.to(device)


def failure_of_a_step(device: torch.device) -> str | None:
    """Take a step of a smallest GAN on a device; returns what went wrong in words, None where all went well."""
    settings = preset_named("tiny").with_changes(batch=4, width=4, discriminator_width=4, precision="float32")
    try:
        state = new_state(settings, Geometry(8, 8, 1, 1, 0), device)
        images = torch.zeros(4, 1, 8, 8, dtype=torch.uint8, device=device)
        seen = take_step(settings, Batches(images, None, state.random, settings.batch), state)
        wrong = [name for name, value in seen.items() if not torch.isfinite(value)]
    except Exception as error:  # whatever a backend that lacks an operation raises
        return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no message'}"
    return f"{', '.join(wrong)} is not finite" if wrong else None


def take_step(settings: Settings, batches: Batches, state: TrainingState) -> dict[str, Tensor]:
    """One batch further."""
    seen = state.method.update(batches, schedule_at(settings, state.images_shown))
    state.images_shown += settings.batch
    state.ema_bank.update(state.method.averaged, settings.batch, state.images_shown)
    return seen


def _meets(settings: Settings, state: TrainingState) -> bool:
    """Whether the step that was taken is one after which several processes ask each other."""
    return state.images_shown % MEETING_IMAGES < settings.batch


def _agreed(context: ComputeContext, meets: bool, stopped: bool, due: bool) -> tuple[bool, bool]:
    """Whether to stop, and whether to save: one process after any step, several where they meet.

    Asking each other at every step would cost them more than the step.
    """
    processes = context.distributed
    if processes.world_size == 1:
        return stopped, due
    return meets and processes.any(stopped, context.device), meets and processes.any(due, context.device)


@contextmanager
def _signals_wait_for_the_step() -> Iterator[list[int]]:
    """SIGINT and SIGTERM fill the list that is given; half a step cannot be resumed."""
    stopped: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield stopped
        return
    kinds = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(kind, lambda number, _: stopped.append(number)) for kind in kinds]
    try:
        yield stopped
    finally:
        for kind, handler in zip(kinds, before, strict=True):
            signal.signal(kind, handler)
