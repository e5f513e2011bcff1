"""The monitor of a run: keeps its diagnosis, its report and its TensorBoard events up to date while it trains.

    report, doctor, run -> monitor -> runs/<name>/doctor.json, report.html, timelapse.webp, tensorboard/

`log.jsonl` and `samples/` are the source of truth. Diagnosis and report are made from
them again every few seconds, and the report says to a browser when to load it again,
for as long as the run goes on. The event folder is rewritten
when a process starts and extended after each checkpoint: what the log holds then
is never rolled back, so a run that was killed and resumed has no event twice.
Imports TensorBoard only where events are written.
"""

import shutil
import time
from collections.abc import Callable
from types import TracebackType

import numpy as np
from PIL import Image

from training.monitoring.doctor import write_diagnosis
from training.monitoring.log_statistics import LogLine
from training.monitoring.report import REPORT, write_report
from training.run import Run

_REPORT_TIME_SHARE = 0.05
"""Largest share of the training time that goes into reports."""
LOOK_SECONDS, REFRESH_SECONDS = 5.0, 20
"""How often a run that trains is diagnosed, and its report loaded again."""


class TensorBoardMissing(ValueError):
    """TensorBoard is not installed; the message names the extra that brings it."""


class TensorBoardWriter:
    """Writes the TensorBoard events of one run, and replaces its event folder first.

    Raises:
        TensorBoardMissing: the package is not installed.
    """

    def __init__(self, run: Run) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            raise TensorBoardMissing(
                "tensorboard is not installed, so this run has no TensorBoard events; log.jsonl and report.html "
                "hold the same metrics. Install the extra `train` to have them."
            ) from None
        self._run = run
        self._started = run.began
        self._lines, self._sheets = 0, 0
        folder = run.path / "tensorboard"
        shutil.rmtree(folder, ignore_errors=True)
        self._writer = SummaryWriter(str(folder))

    def catch_up(self) -> None:
        """Write the lines and sample sheets that the run has got since the last call."""
        lines, sheets = self._run.lines(), self._run.sheets()
        for line in lines[self._lines :]:
            self._write_line(line)
        for images_shown, path in sheets[self._sheets :]:
            with Image.open(path) as sheet:
                pixels = np.asarray(sheet)
            layout = "HW" if pixels.ndim == 2 else "HWC"
            self._writer.add_image("sheet", pixels, images_shown, dataformats=layout)
        self._lines, self._sheets = len(lines), len(sheets)
        self._writer.flush()

    def _write_line(self, line: LogLine) -> None:
        """A scalar for each metric, against images shown; the clock is the run's own, without its pauses."""
        step, wall_time = int(line["images_shown"] or 0), self._started + (line["seconds"] or 0)
        for metric, value in line.items():
            if metric not in ("images_shown", "seconds"):
                number = float("nan") if value is None else value
                self._writer.add_scalar(metric, number, step, wall_time)

    def close(self) -> None:
        """Write what is left and release the folder."""
        self.catch_up()
        self._writer.close()


class Monitor:
    """Follows one run, as a context manager around its training.

    Args:
        run: what is trained.
        notify: called once with the reason where TensorBoard is missing.
    """

    def __init__(self, run: Run, notify: Callable[[str], object]) -> None:
        self._run, self._notify = run, notify
        self._tensorboard: TensorBoardWriter | None = None
        self._started_s, self._reports_s = time.monotonic(), 0.0
        self._look_at_s, self._log_bytes = self._started_s, -1
        self._first = True

    def step(self) -> None:
        """Call after every step: every few seconds, where the log has grown, diagnosis and report follow it."""
        if time.monotonic() < self._look_at_s:
            return
        self._look_at_s = time.monotonic() + LOOK_SECONDS
        if self._run.log_bytes != self._log_bytes:
            self._log_bytes = self._run.log_bytes
            write_diagnosis(self._run)
            self._report_if_due()

    def update(self) -> None:
        """Write what is new; call it after each checkpoint."""
        if self._first:
            self._first, self._tensorboard = False, self._new_writer()
        if self._tensorboard is not None:
            self._tensorboard.catch_up()
        self._report_if_due()

    def restart(self) -> None:
        """Call after the run went back: its log is shorter than what was written of it, so all is written again."""
        if self._tensorboard is not None:
            self._tensorboard.close()
            self._tensorboard = self._new_writer()

    def __enter__(self) -> "Monitor":
        """Write a report of a run that has none: a person may open it from now on."""
        if not (self._run.path / REPORT).exists():
            self._write_report(REFRESH_SECONDS)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Write the final state, also of a run that was interrupted or has diverged."""
        if self._tensorboard is not None:
            self._tensorboard.close()
        self._write_report(None)

    def _report_if_due(self) -> None:
        if self._reports_s <= _REPORT_TIME_SHARE * (time.monotonic() - self._started_s):
            self._write_report(REFRESH_SECONDS)

    def _write_report(self, refresh_s: int | None) -> None:
        started_s = time.monotonic()
        write_report(self._run, refresh_s)
        self._reports_s += time.monotonic() - started_s

    def _new_writer(self) -> TensorBoardWriter | None:
        try:
            return TensorBoardWriter(self._run)
        except TensorBoardMissing as missing:
            self._notify(str(missing))
            return None
