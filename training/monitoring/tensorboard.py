"""TensorBoard's events of a run, written from its log and its sheets.

    runs/<name>/log.jsonl, samples/ -> [events] -> runs/<name>/tensorboard/

The log is the truth: a process writes the folder anew when it begins, and adds
what the log has got more since. So a run that was killed and went on has no
event twice, however it ended. Imports TensorBoard only where events are made.
"""

import shutil

import numpy as np
from PIL import Image

from training.run import Run


class TensorBoardMissing(ValueError):
    """TensorBoard is not installed; says which extra brings it."""


class TensorBoardWriter:
    """The events of one run; the folder is made anew.

    Raises:
        TensorBoardMissing: the package is not there.
    """

    def __init__(self, run: Run) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            raise TensorBoardMissing(
                "tensorboard is not installed, so there will be no TensorBoard of this run; log.jsonl and report.html "
                "hold the same figures. Install the extra `train` to have it."
            ) from None
        self._run = run
        self._began = run.began
        self._lines, self._sheets = 0, 0
        folder = run.path / "tensorboard"
        shutil.rmtree(folder, ignore_errors=True)
        self._writer = SummaryWriter(str(folder))

    def catch_up(self) -> None:
        """Write what the log and the samples have got since the last call."""
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

    def _write_line(self, line: dict[str, float | None]) -> None:
        """A scalar for each figure, against images shown; the clock is the run's own, without its pauses."""
        at_images, at_time = int(line["images_shown"] or 0), self._began + (line["seconds"] or 0)
        for name, value in line.items():
            if name not in ("images_shown", "seconds"):
                number = float("nan") if value is None else value
                self._writer.add_scalar(name, number, at_images, at_time)

    def close(self) -> None:
        """Write all and let go of the folder."""
        self.catch_up()
        self._writer.close()
