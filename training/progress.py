"""A run's progress on the terminal: images shown, images a second, time left.

    train -> [progress] -> the terminal

Where there is no terminal, a plain line every so often instead of a bar.
"""

import time
from types import TracebackType

import rich
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn
from rich.text import Text

from training.budget import duration
from training.checkpoint import TrainingState

PLAIN_LINE_SECONDS = 30.0


class _Speed(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.speed or 0:,.0f} img/s")


class _Left(ProgressColumn):
    def render(self, task: Task) -> Text:
        if task.finished:
            return Text(f"in {duration(task.elapsed)}")
        return Text(f"{duration(task.time_remaining)} left" if task.time_remaining is not None else "")


class ProgressBar:
    """Shows a run of `total` images while it is entered."""

    def __init__(self, total: int) -> None:
        self._total, self._began_at_images = total, -1
        self._bar = Progress(
            BarColumn(bar_width=20),  # with the rest, a line of 80 characters
            TextColumn("{task.completed:,.0f} of {task.total:,.0f} images"),
            _Speed(),
            _Left(),
            disable=not rich.get_console().is_terminal,
        )
        self._task = self._bar.add_task("", total=total)

    def update(self, state: TrainingState) -> None:
        """Call after every step."""
        if self._began_at_images < 0:
            self._began_at_images, self._began = state.images_shown, time.monotonic()
            self._plain_at = self._began  # the first step may have been compiled for a minute, and has no speed
            self._bar.reset(self._task, completed=state.images_shown)
        shown = min(state.images_shown, self._total)  # the last batch may end beyond it
        self._bar.update(self._task, completed=shown)
        now = time.monotonic()
        if self._bar.disable and now - self._plain_at > PLAIN_LINE_SECONDS:
            self._plain_at = now
            speed = (state.images_shown - self._began_at_images) / (now - self._began)
            left_s = (self._total - state.images_shown) / max(speed, 1e-9)
            print(f"{shown:,} of {self._total:,} images, {speed:,.0f} a second, {duration(left_s)} left")

    def restart(self, total: int | None = None) -> None:
        """Call after the run went back, or has another length: its speed is measured from there."""
        self._began_at_images, self._total = -1, total or self._total
        self._bar.update(self._task, total=self._total)

    def __enter__(self) -> "ProgressBar":
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._bar.stop()
