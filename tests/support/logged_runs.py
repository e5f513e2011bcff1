"""Folders of runs with a log and sample sheets as training writes them, without training."""

from pathlib import Path

import numpy as np

from training.config import Settings, preset_named
from training.data.dataset import Pictures
from training.run import Run

PICTURES = Pictures("some", np.zeros((3, 8, 8, 1), np.uint8), "ab" * 32, (), np.array([0, 1, 1]), ("a", "<b>"))
SETTINGS = preset_named("tiny").with_changes(images_shown=40_000, batch=100)
HEALTHY = {"d_loss": 0.65, "g_loss": 0.77, "penalty": 0.01, "margin": 0.1, "d_wins": 0.71}
"""As seen at the end of a run on the digits that came out well."""


def gan_log(count: int, diversity: float | None = 0.8, **changed: float) -> list[dict]:
    """A log of the first `count` hundredths of a run: a typical start, then healthy values with some changed.

    Every fourth line has a sheet's diversity; it falls from 1, the value of noise.
    """
    lines = []
    for k in range(count):
        figures = (HEALTHY | changed) if k >= 5 else HEALTHY | {"g_loss": 1.3}
        clock = {"images_shown": 400 * (k + 1), "seconds": 0.2 * (k + 1), "images_per_second": 2000.0}
        lines.append(clock | {"learning_rate": 2e-3, "beta2": 0.9, "gamma": 0.5} | figures)
        if diversity is not None and k % 4 == 3:
            lines[-1]["diversity"] = 1.0 if k < 5 else diversity
    return lines


def logged_run(path: Path, lines: list[dict], sheets: int = 3, settings: Settings = SETTINGS) -> Run:
    """A run's folder with this log, and with sheets that differ."""
    run = Run(path)
    run.begin(settings, PICTURES)
    for line in lines:
        run.log(line)
    for k in range(sheets):
        run.show(np.random.default_rng(k).integers(0, 256, (4, 8, 8, 1), np.uint8), 1000 * (k + 1))
    return run
