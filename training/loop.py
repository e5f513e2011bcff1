"""The one loop, counted in images: update, average, log, show, save, go on.

    data, gan, ema, schedule -> [loop] -> run, checkpoint -> export

What happens after k images depends on the settings and on the data alone, and
not on how often the run was stopped: random numbers come from one generator
that the checkpoint holds, and sheets are drawn from codes by address.
"""

import copy
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.codes import codes
from training.checkpoint import State, load_checkpoint, save_checkpoint
from training.drawing import draw
from training.ema import update_average
from training.gan import Players, discriminator_update, generator_update
from training.networks import Discriminator, Generator, Geometry
from training.presets import Settings
from training.run import Run
from training.schedule import moment_of

LOGS_A_RUN, SHEETS_A_RUN = 400, 24
SHEET_PICTURES = 64
CHECKPOINT_SECONDS = 60.0


class Diverged(RuntimeError):
    """A loss is no longer a number."""


def train(
    run: Run,
    settings: Settings,
    images_NHWC: NDArray[np.uint8],
    device: torch.device,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
    progress: Callable[[State], None] = lambda _: None,
) -> State:
    """Train to the planned length, from where the run's checkpoint stands.

    Args:
        run: where log, sheets and checkpoint go.
        images_NHWC: uint8 pictures; moved to the device whole, and stay there as bytes.
        checkpoint_seconds: time between two checkpoints, rounded up to the next line of the log.
        progress: called after every step.

    Returns:
        The state at the end of the planned length.

    Raises:
        Diverged: a loss became infinite or NaN; says what to change.
        KeyboardInterrupt: stopped by SIGINT or SIGTERM, after the step at hand and a checkpoint.
    """
    state = new_state(settings, Geometry(*images_NHWC.shape[1:], settings.patch_pixels), device)
    if run.checkpoint.exists():
        load_checkpoint(run.checkpoint, state)
    run.go_on_from(state.images_shown)
    images = torch.from_numpy(np.ascontiguousarray(images_NHWC.transpose(0, 3, 1, 2))).to(device)
    book = _Book(run, settings, state.images_shown)
    saved_at, started = time.monotonic(), time.monotonic() - state.seconds
    with _signals_wait_for_the_step() as stopped:
        while state.images_shown < settings.images_shown:
            book.add(_step(settings, images, state))
            state.seconds = time.monotonic() - started
            progress(state)
            if (book.write_what_is_due(state) and time.monotonic() - saved_at > checkpoint_seconds) or stopped:
                save_checkpoint(run.checkpoint, state)
                saved_at = time.monotonic()
            if stopped:
                raise KeyboardInterrupt
    save_checkpoint(run.checkpoint, state)
    return state


def new_state(settings: Settings, geometry: Geometry, device: torch.device) -> State:
    """A run before its first step; the same seed gives the same one."""
    torch.manual_seed(settings.seed)
    dtype = getattr(torch, settings.precision)
    generator = Generator(settings, geometry, dtype).to(device)
    discriminator = Discriminator(settings, geometry, dtype).to(device)
    average = copy.deepcopy(generator).requires_grad_(False)
    players = Players(generator, discriminator, _adam(generator), _adam(discriminator))
    return State(players, average, torch.Generator(device).manual_seed(settings.seed))


def _step(settings: Settings, images: Tensor, state: State) -> dict[str, Tensor]:
    """Discriminator, generator, average: one batch further."""
    moment = moment_of(settings, state.images_shown)
    for adam in (state.players.generator_adam, state.players.discriminator_adam):
        adam.param_groups[0].update(lr=moment.learning_rate, betas=(0.0, moment.beta2))

    def fresh() -> tuple[Tensor, Tensor]:
        chosen = torch.randint(len(images), (settings.batch,), generator=state.random, device=images.device)
        codes_NZ = torch.randn(settings.batch, settings.code_size, generator=state.random, device=images.device)
        return images[chosen].float() / 127.5 - 1, codes_NZ

    seen = discriminator_update(state.players, *fresh(), gamma=moment.gamma)
    seen |= generator_update(state.players, *fresh())
    state.images_shown += settings.batch
    update_average(
        state.average, state.players.generator, settings.batch, state.images_shown, settings.half_life_images
    )
    return seen


def _adam(network: torch.nn.Module) -> torch.optim.Adam:
    # beta1 is 0.0 and not 0: torch wants both betas of one type. Rate and beta2 are set at every step.
    return torch.optim.Adam(network.parameters(), betas=(0.0, 0.9), eps=1e-8, fused=True)


class _Book:
    """Collects what the steps report, and writes log lines and sheets at fixed places of the run."""

    def __init__(self, run: Run, settings: Settings, images_shown: int) -> None:
        self._run, self._settings = run, settings
        self._log_every = max(settings.batch, settings.images_shown // LOGS_A_RUN)
        self._sheet_every = max(settings.batch, settings.images_shown // SHEETS_A_RUN)
        self._logged, self._shown = images_shown // self._log_every, images_shown // self._sheet_every
        self._sums: dict[str, Tensor] = {}
        self._steps, self._began, self._images = 0, time.monotonic(), images_shown

    def add(self, seen: dict[str, Tensor]) -> None:
        self._sums = {name: self._sums[name] + value if self._sums else value for name, value in seen.items()}
        self._steps += 1

    def write_what_is_due(self, state: State) -> bool:
        """True where a line was written: there, and only there, a checkpoint leaves the log as if never stopped."""
        if state.images_shown // self._sheet_every > self._shown:
            self._shown = state.images_shown // self._sheet_every
            sheet_codes = codes(0, 0, SHEET_PICTURES, self._settings.code_size)
            self._run.show(draw(state.average, sheet_codes), state.images_shown)
        if state.images_shown // self._log_every <= self._logged:
            return False
        means = {name: float(total) / self._steps for name, total in self._sums.items()}
        for name, mean in means.items():
            if not math.isfinite(mean):
                raise Diverged(
                    f"{name} is {mean} after {state.images_shown} images. Lower --learning-rate or raise --gamma; "
                    f"the last checkpoint in {self._run.path} is still good."
                )
        now = time.monotonic()
        speed = (state.images_shown - self._images) / (now - self._began)
        moment = moment_of(self._settings, state.images_shown)
        self._run.log(
            {"images_shown": state.images_shown, "seconds": state.seconds, "images_per_second": speed}
            | asdict(moment)
            | means
        )
        self._logged = state.images_shown // self._log_every
        self._sums, self._steps, self._began, self._images = {}, 0, now, state.images_shown
        return True


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
