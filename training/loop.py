"""The one loop, counted in images: update, average, log, show, save, go on.

    pictures, methods, ema, schedule -> [loop] -> run, checkpoint -> export

What happens after k images depends on the settings and on the data alone, and
not on how often the run was stopped: random numbers come from one generator
that the checkpoint holds, and sheets are drawn from codes by address. Knows
none of the methods.
"""

import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from models.codes import codes, labels
from training.batches import Batches
from training.checkpoint import State, load_checkpoint, save_checkpoint
from training.drawing import draw
from training.ema import Averages
from training.methods.method import new_method
from training.networks.autoencoder import Autoencoder
from training.networks.geometry import Geometry, geometry_of
from training.pictures.data import Pictures
from training.presets import Settings
from training.ranks import ALONE, Ranks
from training.run import Run
from training.schedule import moment_of
from training.watching.diversity import diversity, evenly_spaced

LOGS_A_RUN, SHEETS_A_RUN = 400, 24
SHEET_PICTURES = 64
CHECKPOINT_SECONDS = 60.0


class Diverged(RuntimeError):
    """A loss is no longer a number."""


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
) -> State:
    """Train to the planned length, from where the run's checkpoint stands.

    Args:
        run: where log, sheets and checkpoint go.
        pictures: moved to the device whole, and stay there as bytes.
        progress: called after every step.
        saved: called after every checkpoint.

    Returns:
        The state at the end of the planned length.

    Raises:
        Diverged: a loss became infinite or NaN; says what to change.
        KeyboardInterrupt: stopped by SIGINT or SIGTERM, after the step at hand and a checkpoint.
    """
    place.ranks.check(settings.batch)
    geometry = geometry_of(settings, pictures.images.shape[1:], len(pictures.classes or ()))
    state = new_state(settings, geometry, place.device, place.compiled)
    if run.checkpoint.exists():
        load_checkpoint(run.checkpoint, state)
    if place.ranks.first:
        run.go_on_from(state.images_shown)
    batches = _batches(settings, pictures, state.random, place)
    book = _Book(run, settings, batches, state.images_shown)
    saved_at, started = time.monotonic(), time.monotonic() - state.seconds
    with _signals_wait_for_the_step() as signals:
        while state.images_shown < settings.images_shown:
            book.add(_step(settings, batches, state))
            state.seconds = time.monotonic() - started
            progress(state)
            line = book.write_what_is_due(state)
            # Several processes agree at a line of the log only: asking at every step would cost them more than it.
            stopped = (line or place.ranks.count == 1) and place.ranks.any(bool(signals), place.device)
            if stopped or (
                line and place.ranks.any(time.monotonic() - saved_at > place.checkpoint_seconds, place.device)
            ):
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
    torch.manual_seed(settings.seed)
    method = new_method(settings, geometry, device, compiled)
    averages = Averages(method.networks[method.averaged], settings)
    return State(method, averages, torch.Generator(device).manual_seed(settings.seed))


def _batches(settings: Settings, pictures: Pictures, random: torch.Generator, place: Place) -> Batches:
    images = torch.from_numpy(pictures.images.transpose(0, 3, 1, 2).copy())  # a cached array may be read-only
    labels_N = torch.from_numpy(pictures.labels.copy()).to(place.device) if settings.conditional else None
    return Batches(images.to(place.device), labels_N, random, settings.batch, place.ranks)


def _step(settings: Settings, batches: Batches, state: State) -> dict[str, Tensor]:
    """One batch further."""
    seen = state.method.update(batches, moment_of(settings, state.images_shown))
    state.images_shown += settings.batch
    state.averages.update(state.method.networks[state.method.averaged], settings.batch, state.images_shown)
    return seen


class _Book:
    """Collects what the steps report, and writes log lines, sheets and checkpoints at fixed places of the run."""

    def __init__(self, run: Run, settings: Settings, batches: Batches, images_shown: int) -> None:
        self._run, self._settings, self._batches = run, settings, batches
        self._log_every = max(settings.batch, settings.images_shown // LOGS_A_RUN)
        self._sheet_every = max(settings.batch, settings.images_shown // SHEETS_A_RUN)
        self._logged = images_shown // self._log_every
        self._shown = self._logged * self._log_every // self._sheet_every
        real_NCHW = batches.images[evenly_spaced(len(batches.images), SHEET_PICTURES)]
        self._real_NHWC = real_NCHW.permute(0, 2, 3, 1).cpu().numpy()
        self._sums: dict[str, Tensor] = {}
        self._steps, self._began, self._images = 0, time.monotonic(), images_shown

    def add(self, seen: dict[str, Tensor]) -> None:
        self._sums = {name: self._sums[name] + value if self._sums else value for name, value in seen.items()}
        self._steps += 1

    def save(self, state: State) -> None:
        """Write the checkpoint; what it holds can be drawn with."""
        if self._batches.ranks.first:
            _settle(state, self._settings, self._batches)
            save_checkpoint(self._run.checkpoint, state)

    def write_what_is_due(self, state: State) -> bool:
        """True where a line was written: there, and only there, a checkpoint leaves the log as if never stopped."""
        if state.images_shown // self._log_every <= self._logged:
            return False
        self._logged = state.images_shown // self._log_every
        line = self._line(state)
        diverged = [name for name, value in line.items() if not math.isfinite(value)]
        sheets = self._logged * self._log_every // self._sheet_every
        if sheets > self._shown and not diverged and self._batches.ranks.first:
            line |= self._show(state)
        if self._batches.ranks.first:
            self._run.log(line)
        for name in diverged:
            raise Diverged(
                f"{name} is {line[name]} after {state.images_shown} images. Lower --learning-rate or raise --gamma; "
                f"the last checkpoint in {self._run.path} is still good."
            )
        self._shown, self._images = sheets, state.images_shown
        self._sums, self._steps, self._began = {}, 0, time.monotonic()
        return True

    def _show(self, state: State) -> dict[str, float]:
        """Save a sheet; returns what it adds to the line of the log."""
        _settle(state, self._settings, self._batches)
        labels_N = None
        if (counts := self._batches.class_counts) is not None:
            labels_N = labels(0, 0, SHEET_PICTURES, counts)
        sheet = draw(state.drawn, codes(0, 0, SHEET_PICTURES, state.drawn.code_size), labels_N)
        self._run.show(sheet, state.images_shown)
        figure = diversity(sheet, self._real_NHWC)
        return {} if figure is None else {"diversity": figure}

    def _line(self, state: State) -> dict[str, float]:
        totals = self._batches.ranks.average(self._sums)
        means = {name: float(total) / self._steps for name, total in totals.items()}
        speed = (state.images_shown - self._images) / (time.monotonic() - self._began)
        line = {"images_shown": state.images_shown, "seconds": state.seconds, "images_per_second": speed}
        return line | asdict(moment_of(self._settings, state.images_shown)) | means


def _settle(state: State, settings: Settings, batches: Batches) -> None:
    """An autoencoder draws from the codes of its training pictures, and has to look where they lie by now."""
    finished = state.images_shown >= settings.images_shown
    for network in state.averages.networks:
        if isinstance(network, Autoencoder):
            network.settle(batches.images, finished)


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
