"""The one loop, counted in images: update, average, log, show, save, go on.

    pictures, methods, ema, schedule -> [loop] -> book (run, checkpoint) -> export

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
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from training.checkpoint import State, load_checkpoint, save_checkpoint
from training.config import Settings
from training.data.batches import Batches
from training.data.dataset import Pictures
from training.distributed import ALONE, Ranks
from training.ema import Averages
from training.methods.method import new_method
from training.networks.geometry import Geometry, geometry_of
from training.run import Run
from training.run_logger import Book
from training.schedule import moment_of

CHECKPOINT_SECONDS = 60.0


@dataclass(frozen=True)
class Place:
    """Where and how a run computes; none of it changes what is learned but for rounding."""

    device: torch.device
    compiled: bool = False
    ranks: Ranks = ALONE
    checkpoint_seconds: float = CHECKPOINT_SECONDS
    """Time between two checkpoints, rounded up to the next line of the log."""


def train(
    run: Run,
    settings: Settings,
    pictures: Pictures,
    place: Place,
    progress: Callable[[State], None] = lambda _: None,
    saved: Callable[[], None] = lambda: None,
    prepare: Callable[[State], None] | None = None,
) -> State:
    """Train to the planned length, from where the run's checkpoint stands.

    Args:
        run: where log, sheets and checkpoint go.
        pictures: moved to the device whole, and stay there as bytes.
        progress: called after every step.
        saved: called after every checkpoint.
        prepare: called with the state before its first step, and before a checkpoint is read into it: what goes on from
            another model takes its weights here.

    Returns:
        The state at the end of the planned length.

    Raises:
        Diverged: a loss became infinite or NaN; says what to change.
        KeyboardInterrupt: stopped by SIGINT or SIGTERM, after the step at hand and a checkpoint.
    """
    place.ranks.check(settings.batch)
    geometry = geometry_of(settings, pictures.images.shape[1:], len(pictures.classes or ()))
    state = new_state(settings, geometry, place.device, place.compiled)
    if prepare is not None:
        prepare(state)
    if run.checkpoint.exists():
        load_checkpoint(run.checkpoint, state)
    if place.ranks.first:
        run.go_on_from(state.images_shown)
    batches = batches_of(settings, pictures, state.random, place)
    book = Book(run, settings, batches, state.images_shown)
    saved_at, started = time.monotonic(), time.monotonic() - state.seconds
    with _signals_wait_for_the_step() as signals:
        while state.images_shown < settings.images_shown:
            book.add(take_step(settings, batches, state))
            state.seconds = time.monotonic() - started
            progress(state)
            line = book.write_what_is_due(state)
            stopped, due = _agreed(place, line, bool(signals), time.monotonic() - saved_at > place.checkpoint_seconds)
            if stopped or due:
                book.save(state)
                saved()
                saved_at = time.monotonic()
            if stopped:
                raise KeyboardInterrupt
    book.save(state)
    saved()
    return state


def begin(run: Run, settings: Settings, pictures: Pictures, place: Place) -> None:
    """Save the checkpoint of a run before its first step: it can be exported, and `train` goes on from it."""
    geometry = geometry_of(settings, pictures.images.shape[1:], len(pictures.classes or ()))
    save_checkpoint(run.checkpoint, new_state(settings, geometry, place.device))


def new_state(settings: Settings, geometry: Geometry, device: torch.device, compiled: bool = False) -> State:
    """A run before its first step; the same seed gives the same one."""
    if compiled:
        torch.compiler.reset()  # or what earlier runs of this process compiled counts against this one
    torch.manual_seed(settings.seed)
    method = new_method(settings, geometry, device, compiled)
    averages = Averages(method.networks[method.averaged], settings)
    return State(method, averages, torch.Generator(device).manual_seed(settings.seed))


def batches_of(settings: Settings, pictures: Pictures, random: torch.Generator, place: Place) -> Batches:
    """The pictures on the device, and what is drawn of them."""
    images = torch.from_numpy(pictures.images.transpose(0, 3, 1, 2).copy())  # a cached array may be read-only
    labels_N = torch.from_numpy(pictures.labels.copy()).to(place.device) if settings.conditional else None
    counts = pictures.class_counts if settings.conditional else None
    summed = None if pictures.weights is None else torch.from_numpy(np.cumsum(pictures.weights)).to(place.device)
    return Batches(images.to(place.device), labels_N, random, settings.batch, place.ranks, counts, summed)


def take_step(settings: Settings, batches: Batches, state: State) -> dict[str, Tensor]:
    """One batch further."""
    seen = state.method.update(batches, moment_of(settings, state.images_shown))
    state.images_shown += settings.batch
    state.averages.update(state.method.networks[state.method.averaged], settings.batch, state.images_shown)
    return seen


def _agreed(place: Place, line: bool, stopped: bool, due: bool) -> tuple[bool, bool]:
    """Whether to stop, and whether to save; several processes agree, and only where a line of the log was written.

    Asking each other at every step would cost them more than the step.
    """
    if place.ranks.count == 1:
        return stopped, line and due
    return line and place.ranks.any(stopped, place.device), line and place.ranks.any(due, place.device)


@contextmanager
def _signals_wait_for_the_step() -> Iterator[list[int]]:
    """SIGINT and SIGTERM fill the list that is given; half a step would be no place to go on from."""
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
