"""A frame a sheet, small sheets enlarged pixel by pixel."""

import io
from pathlib import Path

import numpy as np
from PIL import Image
from support.watched import watched_run

from training.monitoring.timelapse import FRAME_MS, LAST_FRAME_MS, still, time_lapse


def test_a_time_lapse_has_a_frame_a_sheet_and_rests_at_its_end(tmp_path: Path):
    run = watched_run(tmp_path / "run", [], sheets=3)
    movie = Image.open(io.BytesIO(time_lapse([path for _, path in run.sheets()])))

    assert (movie.n_frames, movie.info["loop"]) == (3, 0)
    shown_ms = []
    for frame in range(3):
        movie.seek(frame)
        movie.load()
        shown_ms.append(movie.info["duration"])
    assert shown_ms == [FRAME_MS, FRAME_MS, LAST_FRAME_MS]


def test_small_sheets_are_enlarged_by_a_whole_number(tmp_path: Path):
    """Four pictures of 8 x 8 with a gap of 2 make 18 x 18; 26 times that is the most below 480."""
    run = watched_run(tmp_path / "run", [], sheets=1)

    assert Image.open(io.BytesIO(time_lapse([run.sheets()[0][1]]))).size == (18 * 26, 18 * 26)


def test_a_still_is_the_sheet_in_its_own_size(tmp_path: Path):
    path = watched_run(tmp_path / "run", [], sheets=1).sheets()[0][1]
    again = np.asarray(Image.open(io.BytesIO(still(path))).convert("L"), int)

    assert again.shape == (18, 18)
    assert np.corrcoef(again.ravel(), np.asarray(Image.open(path), int).ravel())[0, 1] > 0.8
