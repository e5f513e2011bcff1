"""Training throughput: how many images a run can show within its budget, measured on this machine before it starts.

    config, data, device -> [throughput] -> comparison

Schedules stretch to the images that a run will show, so a run with a budget of
six minutes must know how many these are. The first steps are measured apart:
compiling takes a minute, and belongs to the time. Keeps what it found next to the
runs, so that an interrupted run resumes with the length that it started with.
"""

import json
import tempfile
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from models.files import write_atomically
from training.checkpoint import TrainingState
from training.config import Settings
from training.data.dataset import Pictures
from training.device import ComputeContext
from training.run import Run
from training.train import train

_FIRST_STEPS = 3
_TRIED_SECONDS = 10.0
_ENDLESS_IMAGES = 10**12


@dataclass(frozen=True)
class Throughput:
    """How fast a machine trains with some settings."""

    first_seconds: float
    """Until steps take as long as they will: compiling, and what is set up once."""
    images_per_s: float

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


class _Enough(Exception):
    """The throughput is known."""


def measure_throughput(settings: Settings, pictures: Pictures, context: ComputeContext, stored: Path) -> Throughput:
    """Measure the throughput of a run, once.

    Args:
        settings: of the run; their length does not matter.
        stored: the file that holds what was found before, or will.
    """
    if stored.exists():
        return Throughput(**json.loads(stored.read_text()))
    marks: list[tuple[float, int]] = []
    begun_s = time.monotonic()

    def mark(state: TrainingState) -> None:
        steps = len(marks) + 1
        enough = steps > _FIRST_STEPS and time.monotonic() - marks[_FIRST_STEPS - 1][0] > _TRIED_SECONDS
        if context.device.type == "cuda" and (enough or steps == _FIRST_STEPS):
            torch.cuda.synchronize(context.device)  # a step that was begun there is not yet done
        marks.append((time.monotonic(), state.images_shown))
        if enough:
            raise _Enough

    with tempfile.TemporaryDirectory() as folder:
        run, endless = Run(Path(folder)), settings.with_changes(images_shown=_ENDLESS_IMAGES)
        run.begin(endless, pictures)
        with suppress(_Enough):
            train(run, endless, pictures, context, mark)
    (began_s, first), (ended_s, last) = marks[_FIRST_STEPS - 1], marks[-1]
    images_per_s = (last - first) / (ended_s - began_s)
    throughput = Throughput(max(0.0, began_s - begun_s - first / images_per_s), images_per_s)
    stored.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(stored, f"{json.dumps(asdict(throughput), indent=2)}\n".encode())
    return throughput
