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

from training.checkpoint import TrainingState, load_checkpoint, load_weights, save_checkpoint
from training.config import Settings, healed_settings
from training.data.batches import Batches
from training.data.dataset import Pictures
from training.device import CPU, ComputeContext, images_between_waits
from training.ema import EmaBank
from training.errors import Stopped
from training.healing import HealthCheck, Trouble, follow, heal, keep_earlier
from training.methods import new_method
from training.networks.dcgan import share_statistics
from training.networks.geometry import Geometry, geometry_of
from training.replanning import NewLength
from training.run import Run
from training.run_logger import RunLogger
from training.schedule import schedule_at

FEWEST_HELD_OUT = 2
"""Pictures: of one nothing follows."""
MEETING_IMAGES = 500
"""Several processes agree about stopping and saving, and a run looks for trouble, once in so many images at most."""


def train(
    run: Run,
    settings: Settings,
    pictures: Pictures,
    context: ComputeContext,
    progress: Callable[[TrainingState], None] = lambda _: None,
    saved: Callable[[], None] = lambda: None,
    prepare: Callable[[TrainingState], None] | None = None,
    healed: Callable[[list[str]], None] | None = None,
    stops: Callable[[], bool] = lambda: False,
    replan: Callable[[TrainingState], NewLength | None] = lambda _: None,
) -> TrainingState:
    """Train to the planned length, from where the run's checkpoint stands.

    Args:
        run: where log, sheets and checkpoint go.
        pictures: moved to the device whole, and stay there as bytes.
        progress: called after every step.
        saved: called after every checkpoint.
        prepare: called with the state before its first step, and before a checkpoint is read into it: fine-tuning
            takes the pretrained weights here.
        healed: where it is given, a run that goes wrong goes back to where it was well, and on more gently, up to
            three times; called after that with what a person should read.
        stops: asked after each step; True stops the run as a signal does.
        replan: asked after each step of a run of one process; another length is recorded, and the run goes on with it.

    Returns:
        The state at the end of the planned length.

    Raises:
        Diverged: a loss became infinite or NaN, or healing did not help; says what to change.
        Stopped: stopped by SIGINT, SIGTERM or `stops`, after the step at hand and a checkpoint.
        ValueError: the batch has no equal parts for the processes, or they found different checkpoints.
    """
    context.distributed.check(settings.batch)
    steps, seconds = run.healing_steps, 0.0
    with _signals_wait_for_the_step() as signals:
        while True:
            attempt = _Attempt(run, settings, pictures, context, steps, prepare, healed is not None)
            found = attempt.train(lambda: bool(signals) or stops(), seconds, progress, saved, replan)
            del attempt  # its networks, before those of the next one are made
            if isinstance(found, TrainingState):
                return found
            seconds = found.seconds
            if isinstance(found, NewLength):
                run.change_length(found.images_shown, found.at_images)
                settings = settings.with_changes(images_shown=found.images_shown)
                continue
            lines = heal(run, settings, found, steps) if context.distributed.is_main else follow(steps)
            context.distributed.any(False, context.device)  # no process resumes before the checkpoint is put back
            steps += 1
            if healed is not None:
                healed(lines)


class _Attempt:
    """One way from where the run's checkpoint stands, until it ends or goes wrong."""

    def __init__(
        self,
        run: Run,
        settings: Settings,
        pictures: Pictures,
        context: ComputeContext,
        steps: int,
        prepare: Callable[[TrainingState], None] | None,
        watched: bool,
    ) -> None:
        settings = healed_settings(settings, steps)
        geometry = geometry_of(settings, pictures.images.shape[1:], len(pictures.classes or ()))
        state = new_state(settings, geometry, context.device, context.compiles(settings))
        share_statistics(state.method.networks.values(), context.distributed)
        if prepare is not None:
            prepare(state)
        if run.checkpoint.exists():
            load_checkpoint(run.checkpoint, state)
        context.distributed.check_start(state.images_shown, context.device)
        if context.distributed.is_main:
            run.resume_from(state.images_shown)
        self._run, self._settings, self._context = run, settings, context
        self._state, self._batches = state, batches_of(settings, pictures, state.random, context)
        self._logger = RunLogger(
            run, settings, self._batches, state.images_shown, state.unlogged, state.unlogged_steps, steps
        )
        self._check = HealthCheck(settings, self._batches) if watched else None

    def train(
        self,
        is_stopped: Callable[[], bool],
        seconds: float,
        progress: Callable[[TrainingState], None],
        saved: Callable[[], None],
        replan: Callable[[TrainingState], NewLength | None],
    ) -> TrainingState | Trouble | NewLength:
        """Take the steps that are left.

        Args:
            is_stopped: whether it is to stop, asked after each step.
            seconds: of training that the run has behind it, where that is more than its checkpoint says.
            replan: whether it is to go on with another length, asked after each step.
        """
        state, settings, context = self._state, self._settings, self._context
        self._logger.show_first(state)
        saved_at = time.monotonic()
        started = saved_at - max(seconds, state.seconds)
        while state.images_shown < settings.images_shown:
            seen = take_step(settings, self._batches, state)
            self._logger.add(seen)
            state.seconds = time.monotonic() - started
            progress(state)
            meets = _meets(settings, state, context.device)
            due = time.monotonic() - saved_at > context.checkpoint_seconds
            stopped, due = _agreed(context, meets, is_stopped(), due)
            if (trouble := self._trouble(seen, meets or stopped or due)) is not None:
                return trouble
            self._logger.write_if_due(state)
            self._logger.show_early(state)
            length = replan(state)
            if stopped or due or length is not None:
                self._save()
                saved()
                saved_at = time.monotonic()
            if stopped:
                raise Stopped
            if length is not None:
                return length
        self._save()
        saved()
        return state

    def _trouble(self, seen: dict[str, Tensor], look: bool) -> Trouble | None:
        """What goes wrong, if anything; looked for where that is cheap, and before anything is written."""
        state = self._state
        if self._check is None:
            return None
        self._check.add(seen)
        if not (look or self._logger.is_due(state) or state.images_shown >= self._settings.images_shown):
            return None
        return self._check.look(state, self._logger.diversity if self._context.distributed.is_main else ())

    def _save(self) -> None:
        if self._check is not None and self._context.distributed.is_main:
            keep_earlier(self._run.checkpoint)
        self._logger.save(self._state)


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


def load_state(run: Run, device: torch.device = CPU) -> tuple[TrainingState, Geometry]:
    """The networks of a run's checkpoint in float32, whatever they were trained on; and their geometry.

    Raises:
        FileNotFoundError: the run has no checkpoint yet.
        DamagedCheckpoint: it is cut, or of another run.
    """
    if not run.checkpoint.exists():
        raise FileNotFoundError(f"{run.checkpoint}: no such file. Expected a run that has saved a checkpoint.")
    settings, data = run.settings().with_changes(precision="float32"), run.config()["data"]
    geometry = geometry_of(settings, (data["height"], data["width"], data["channels"]), len(data["classes"] or ()))
    state = new_state(settings, geometry, device)
    load_weights(run.checkpoint, state)
    return state, geometry


def batches_of(settings: Settings, pictures: Pictures, random: torch.Generator, context: ComputeContext) -> Batches:
    """The pictures on the device, and what is drawn of them."""
    images = torch.from_numpy(pictures.images.transpose(0, 3, 1, 2).copy())  # a cached array may be read-only
    labels_N = None
    if settings.conditional and pictures.labels is not None:
        labels_N = torch.from_numpy(pictures.labels.copy()).to(context.device)
    counts = pictures.class_counts if settings.conditional else None
    summed = None if pictures.weights is None else _summed(pictures.weights, context.device)
    held_out, held_out_labels = _held_out(settings, pictures, context.device)
    return Batches(
        images.to(context.device),
        labels_N,
        random,
        settings.batch,
        context.distributed,
        counts,
        summed,
        settings.mirror,
        held_out,
        held_out_labels,
    )


def _held_out(settings: Settings, pictures: Pictures, device: torch.device) -> tuple[Tensor | None, Tensor | None]:
    """The held-out pictures on the device, and their labels; None where there are none, or none that are needed."""
    some = pictures.held_out
    if some is None or len(some.images) < FEWEST_HELD_OUT:
        return None, None
    labels_N = None if some.labels is None or not settings.conditional else torch.from_numpy(some.labels).to(device)
    return torch.from_numpy(some.images.transpose(0, 3, 1, 2).copy()).to(device), labels_N


def _summed(weights: NDArray[np.float64], device: torch.device) -> Tensor:
    """Cumulative weights on the device, in float64 where it has that; MPS has not."""
    summed = torch.from_numpy(np.cumsum(weights))
    return summed.float().to(device) if device.type == "mps" else summed.to(device)


def take_step(settings: Settings, batches: Batches, state: TrainingState) -> dict[str, Tensor]:
    """One batch further."""
    seen = state.method.update(batches, schedule_at(settings, state.images_shown))
    state.images_shown += settings.batch
    state.ema_bank.update(state.method.averaged, settings.batch, state.images_shown)
    return seen


def _meets(settings: Settings, state: TrainingState, device: torch.device) -> bool:
    """Whether the step that was taken is one after which several processes ask each other."""
    return state.images_shown % images_between_waits(MEETING_IMAGES, settings.batch, device) < settings.batch


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
