"""Writes a run's log lines, sample sheets and checkpoints, at fixed positions of the run.

    train -> [run_logger] -> run, checkpoint

A line every 400th of the run, a sheet every 24th, both by images shown, so that
a run that was stopped writes what it would have written: the checkpoint holds the
sums since the last line. Before its first step a run draws what the lecture begins with:
256 codes through weights that have learned nothing. Only the first of several processes writes.
"""

import math
import time
from collections.abc import Mapping
from dataclasses import asdict
from types import MappingProxyType

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.codes import codes, labels
from training.checkpoint import TrainingState, save_checkpoint
from training.config import ADVERSARIAL_METHODS, Settings
from training.data.batches import Batches
from training.errors import Diverged
from training.exporter.graphs import draw
from training.monitoring.diversity import evenly_spaced, nearest_neighbour_diversity
from training.monitoring.near_share import NearShare
from training.run import Run
from training.schedule import schedule_at

LOGS_A_RUN, SHEETS_A_RUN = 400, 24
SHEET_PICTURES, FIRST_PICTURES = 64, 256
"""On a sheet, and on the one before the first step: the lecture's."""
LARGEST = {"d_loss": "d_loss_max", "deviation": "deviation_max"}
"""Logged as means over the steps since the last line, as all figures are, and by their largest: one step ends a run."""
FIRST_SHEET_SECONDS = 30.0
"""Of training, after which a run without a sheet gets one, wherever it is: a person waits for it."""


class RunLogger:
    """Collects what the steps of a run report, and writes what is due.

    Args:
        run: where it is written.
        settings: how long the run is.
        batches: of the data that is learned.
        images_shown: by the run before this process resumed it.
        unlogged: what its checkpoint holds of the steps since the last line, (P,) a process each.
        unlogged_steps: how many they were.
        healings: steps of healing that the run has behind it.
    """

    def __init__(
        self,
        run: Run,
        settings: Settings,
        batches: Batches,
        images_shown: int,
        unlogged: Mapping[str, Tensor] = MappingProxyType({}),
        unlogged_steps: int = 0,
        healings: int = 0,
    ) -> None:
        self._run, self._settings, self._batches = run, settings, batches
        self._log_every = max(settings.batch, settings.images_shown // LOGS_A_RUN)
        self._sheet_every = max(settings.batch, settings.images_shown // SHEETS_A_RUN)
        self._logged = images_shown // self._log_every
        self._shown = self._logged * self._log_every // self._sheet_every
        real_NCHW = batches.images[evenly_spaced(len(batches.images), SHEET_PICTURES)]
        self._real_NHWC = real_NCHW.permute(0, 2, 3, 1).cpu().numpy()
        self._near_share = NearShare(batches)
        self._sums = {
            name: value.to(batches.images.device) for name, value in batches.distributed.own(dict(unlogged)).items()
        }
        self._steps, self._began, self._images = unlogged_steps, time.monotonic(), images_shown
        self._any_sheet, self._healings = bool(run.sheets()), healings
        self.diversity = [value for line in run.lines() if (value := line.get("diversity")) is not None]
        """Of the sample sheets so far, oldest first; of the process that draws them."""

    def add(self, seen: dict[str, Tensor]) -> None:
        """What one step saw: scalars by name."""
        sums = {name: self._sums.get(name, 0.0) + value.float() for name, value in seen.items()}
        largest = {key: seen[name].float() for name, key in LARGEST.items() if name in seen}
        self._sums = sums | {key: torch.maximum(self._sums.get(key, value), value) for key, value in largest.items()}
        self._steps += 1

    def save(self, state: TrainingState) -> None:
        """Write the checkpoint; what it holds can be drawn with. All processes call it."""
        state.unlogged = {name: value.cpu() for name, value in self._batches.distributed.gather(self._sums).items()}
        state.unlogged_steps = self._steps
        if self._batches.distributed.is_main:
            _prepare_to_draw(state, self._settings, self._batches)
            save_checkpoint(self._run.checkpoint, state)

    def is_due(self, state: TrainingState) -> bool:
        """Whether a line would be written now."""
        return state.images_shown // self._log_every > self._logged

    def write_if_due(self, state: TrainingState) -> bool:
        """True where a line was written.

        Raises:
            Diverged: a loss became infinite or NaN; says what to change.
        """
        if not self.is_due(state):
            return False
        self._logged = state.images_shown // self._log_every
        line = self._line(state)
        diverged = [name for name, value in line.items() if not math.isfinite(value)]
        sheets = self._logged * self._log_every // self._sheet_every
        if sheets > self._shown and not diverged and self._batches.distributed.is_main:
            line |= self._show(state)
        if self._batches.distributed.is_main:
            self._run.log(line)
        if diverged:
            name, gamma = diverged[0], " or raise --gamma" if self._settings.method in ADVERSARIAL_METHODS else ""
            raise Diverged(
                f"{name} is {line[name]} after {state.images_shown} images. Lower --learning-rate{gamma}; "
                f"the last checkpoint in {self._run.path} is still good."
            )
        self._shown, self._images = sheets, state.images_shown
        self._sums, self._steps, self._began = {}, 0, time.monotonic()
        return True

    def show_first(self, state: TrainingState) -> None:
        """Save what the run draws before its first step, once. It is a picture more and changes nothing else."""
        if state.images_shown or self._run.first_sheet is not None or not self._batches.distributed.is_main:
            return
        self._run.show_first(self._drawn(state, FIRST_PICTURES))

    def show_early(self, state: TrainingState) -> None:
        """Save the run's first sheet when half a minute is over. It is a picture more and changes nothing else."""
        if self._any_sheet or state.seconds < FIRST_SHEET_SECONDS or not self._batches.distributed.is_main:
            return
        self._draw(state)

    def _show(self, state: TrainingState) -> dict[str, float]:
        """Save a sheet; returns what it adds to the line of the log."""
        sheet = self._draw(state)
        near, figure = self._near_share.of(sheet), nearest_neighbour_diversity(sheet, self._real_NHWC)
        if figure is None:
            return near
        self.diversity.append(figure)
        return {"diversity": figure} | near

    def _draw(self, state: TrainingState) -> NDArray[np.uint8]:
        """Save a sheet; returns its pictures."""
        sheet = self._drawn(state, SHEET_PICTURES)
        self._run.show(sheet, state.images_shown)
        self._any_sheet = True
        return sheet

    def _drawn(self, state: TrainingState, count: int) -> NDArray[np.uint8]:
        """The first pictures of seed 0, a sheet at a time: 256 large ones need not be in memory at once."""
        _prepare_to_draw(state, self._settings, self._batches)
        counts, parts = self._batches.class_counts, []
        for start in range(0, count, SHEET_PICTURES):
            labels_N = None if counts is None else labels(0, start, SHEET_PICTURES, counts)
            parts.append(draw(state.ema, codes(0, start, SHEET_PICTURES, state.ema.code_size), labels_N))
        return np.concatenate(parts)

    def _line(self, state: TrainingState) -> dict[str, float]:
        maxima = {key: self._sums.pop(key) for key in LARGEST.values() if key in self._sums}
        totals = self._batches.distributed.average(self._sums)
        means = {name: float(total) / self._steps for name, total in totals.items()}
        means |= {key: float(value) for key, value in self._batches.distributed.largest(maxima).items()}
        speed = (state.images_shown - self._images) / (time.monotonic() - self._began)
        line = {"images_shown": state.images_shown, "seconds": state.seconds, "images_per_second": speed}
        line |= {"healings": self._healings} if self._healings else {}
        return line | asdict(schedule_at(self._settings, state.images_shown)) | means


def _prepare_to_draw(state: TrainingState, settings: Settings, batches: Batches) -> None:
    """The method's hook, for every average."""
    finished = state.images_shown >= settings.images_shown
    for average in state.ema_bank.networks:
        state.method.prepare_to_draw(average, batches.images, finished)
