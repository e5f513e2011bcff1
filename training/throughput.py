"""Training throughput: how many images a run can show within its budget, measured on this machine.

    config, data, device -> [throughput] -> plan, comparison -> budget (in words)

Schedules stretch to the images that a run will show, so a run with a budget of
six minutes must know how many these are before it starts. The first steps are
measured apart: compiling takes a minute, and belongs to the time. A comparison
keeps what it found next to its runs, a run keeps its length and its minutes in its
configuration, so that both resume with the length that they started with.
"""

import json
import math
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch

from models.files import write_atomically
from training.budget import Forecast, cores, duration
from training.checkpoint import TrainingState, progress_in
from training.config import Settings
from training.data.dataset import Pictures
from training.device import ComputeContext, describe_device
from training.distributed import SINGLE_PROCESS
from training.run import Run
from training.train import train

_FIRST_STEPS = 3
_TRIED_SECONDS = 10.0
FORECAST_SECONDS = 3.0
"""For a forecast a shorter look is enough than for a length that everything follows from."""
CORRECTION_SECONDS, CORRECTION_FACTOR = 30.0, 1.5
"""The first steps of a run may fall into a busy moment: a longer look corrects the forecast where it is so far off."""
_ENDLESS_IMAGES = 10**12


@dataclass(frozen=True)
class Throughput:
    """How fast a machine trains with some settings."""

    first_seconds: float
    """Until steps take as long as they will: compiling, and what is set up once."""
    images_per_s: float
    cores_got: float | None = None
    """Of a CPU, while it was measured: processor time over time; less than it has where other programs are busy."""

    def images_within(self, seconds: float, batch: int) -> int:
        """Images, in whole batches.

        Raises:
            ValueError: not even one batch.
        """
        images = int((seconds - self.first_seconds) * self.images_per_s) // batch * batch
        if images < batch:
            raise ValueError(
                f"{seconds / 60:g} minutes are too few: the first steps take {self.first_seconds:.0f} s here, and then "
                f"{self.images_per_s:,.0f} images are shown a second. Give more --minutes."
            )
        return images


class Stopwatch:
    """Measures a run from its first step on.

    Args:
        context: where it computes; all its processes call `mark` after each step, and find the same.
        tried_seconds: to measure, after the first steps.
    """

    def __init__(self, context: ComputeContext, tried_seconds: float) -> None:
        self._context, self._tried_s = context, tried_seconds
        self._marks: list[tuple[float, int, float]] = []
        self._begun_s = time.monotonic()

    def mark(self, state: TrainingState) -> Throughput | None:
        """Call after every step; returns the throughput once it is known."""
        if self._marks and state.images_shown <= self._marks[-1][1]:  # healing went back
            self._marks.clear()
        enough = len(self._marks) >= _FIRST_STEPS and self._passed()
        if self._context.device.type == "cuda" and (enough or len(self._marks) == _FIRST_STEPS - 1):
            torch.cuda.synchronize(self._context.device)  # a step that was begun there is not yet done
        self._marks.append((time.monotonic(), state.images_shown, time.process_time()))
        return self._found() if enough else None

    def _passed(self) -> bool:
        passed = time.monotonic() - self._marks[_FIRST_STEPS - 1][0] > self._tried_s
        return self._context.distributed.any(passed, self._context.device)

    def _found(self) -> Throughput:
        (began_s, first, cpu_s), (ended_s, last, cpu_end_s) = self._marks[_FIRST_STEPS - 1], self._marks[-1]
        images_per_s = (last - first) / (ended_s - began_s)
        step = self._marks[1][1] - self._marks[0][1]
        first_s = max(0.0, began_s - self._begun_s - _FIRST_STEPS * step / images_per_s)
        found = torch.tensor([first_s, images_per_s], dtype=torch.float32, device=self._context.device)
        means = self._context.distributed.average({"first": found[0], "speed": found[1]})
        cores_got = (cpu_end_s - cpu_s) / (ended_s - began_s) if self._context.device.type == "cpu" else None
        return Throughput(float(means["first"]), float(means["speed"]), cores_got)


class _Enough(Exception):
    """The throughput is known."""


def measure_throughput(
    settings: Settings,
    pictures: Pictures,
    context: ComputeContext,
    stored: Path | None = None,
    tried_seconds: float | None = None,
) -> Throughput:
    """Measure the throughput of a run, by the first steps of one that is thrown away.

    Args:
        settings: of the run; their length does not matter.
        stored: the file that holds what was found before, or will; None: measure, and keep nothing.
        tried_seconds: how long to measure.
    """
    if stored is not None and stored.exists():
        return Throughput(**json.loads(stored.read_text()))
    found: list[Throughput] = []
    stopwatch = Stopwatch(context, _TRIED_SECONDS if tried_seconds is None else tried_seconds)

    def mark(state: TrainingState) -> None:
        if (throughput := stopwatch.mark(state)) is not None:
            found.append(throughput)
            raise _Enough

    with tempfile.TemporaryDirectory() as folder:
        run, endless = Run(Path(folder)), settings.with_changes(images_shown=_ENDLESS_IMAGES)
        run.begin(endless, pictures)
        with suppress(_Enough):
            train(run, endless, pictures, replace(context, checkpoint_seconds=math.inf), mark)
    (throughput,) = found
    if stored is not None:
        stored.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(stored, f"{json.dumps(asdict(throughput), indent=2)}\n".encode())
    return throughput


def settings_within(
    minutes: float, settings: Settings, pictures: Pictures, run: Run, context: ComputeContext
) -> Settings:
    """The settings, with the length that this machine shows within a budget.

    A run that was begun with this budget keeps its length. With another one, what counts is the training that its
    checkpoint holds: the seconds that are left of the budget are filled.

    Raises:
        ValueError: the budget is used up, or too small for one batch.
    """
    if run.minutes == minutes:
        return settings.with_changes(images_shown=run.settings().images_shown)
    shown, used_s = progress_in(run.checkpoint)
    if used_s >= 60 * minutes:
        raise ValueError(
            f"{run.path} has trained for {duration(used_s)}, which is more than --minutes {minutes:g}. Give more "
            "--minutes, or write a model from what it has learned with `zoetrope export`."
        )
    throughput = measure_throughput(settings, pictures, context)
    return settings.with_changes(images_shown=shown + throughput.images_within(60 * minutes - used_s, settings.batch))


def forecast(
    throughput: Throughput, images_shown: int, settings: Settings, pictures: Pictures, context: ComputeContext
) -> Forecast:
    """What is left of a run that has shown so many images, at this throughput."""
    left = max(0, settings.images_shown - images_shown)
    on_cpu, threads = context.device.type == "cpu", torch.get_num_threads()
    device = cores(threads) if on_cpu else describe_device(context.device)
    seconds = throughput.first_seconds + left / throughput.images_per_s
    return Forecast(
        seconds,
        left,
        device,
        on_cpu,
        max(pictures.images.shape[1:3]),
        settings.images_shown,
        None if throughput.cores_got is None else min(1.0, throughput.cores_got / threads),
    )


class Foreteller:
    """Says by the first steps of a run how long it takes, and half a minute later where that was far off.

    Args:
        tell: gets the lines.
    """

    def __init__(
        self, settings: Settings, pictures: Pictures, context: ComputeContext, tell: Callable[[str], object]
    ) -> None:
        self._settings, self._pictures, self._context, self._tell = settings, pictures, context, tell
        self._own = replace(context, distributed=SINGLE_PROCESS)  # only the main process tells
        self._stopwatch: Stopwatch | None = Stopwatch(self._own, FORECAST_SECONDS)
        self._told: Throughput | None = None

    def update(self, state: TrainingState) -> None:
        """Call after every step."""
        if self._stopwatch is None or (throughput := self._stopwatch.mark(state)) is None:
            return
        found = replace(throughput, first_seconds=0.0)
        told = forecast(found, state.images_shown, self._settings, self._pictures, self._context)
        if self._told is None:
            self._stopwatch, lines = Stopwatch(self._own, CORRECTION_SECONDS), told.lines()
        else:
            self._stopwatch, factor = None, found.images_per_s / self._told.images_per_s
            off = max(factor, 1 / factor) >= CORRECTION_FACTOR
            lines = [told.correction()] if off else []
        self._told = found
        for line in lines:
            self._tell(line)
