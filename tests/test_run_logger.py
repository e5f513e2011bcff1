"""What is written, and when: at fixed places of a run, by the first process alone."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from support.shapes import EIGHT_BY_EIGHT, SMALLEST

from models.codes import codes
from models.sheet import contact_sheet
from training.checkpoint import TrainingState
from training.config import Settings
from training.data.batches import Batches
from training.distributed import DistributedContext
from training.errors import Diverged
from training.exporter.graphs import draw
from training.run import Run
from training.run_logger import LOGS_A_RUN, RunLogger
from training.train import new_state

SETTINGS = SMALLEST.with_changes(images_shown=8000, batch=4, precision="float32")


def logger_and_state(folder: Path, settings: Settings = SETTINGS, rank: int = 0) -> tuple[RunLogger, TrainingState]:
    (folder / "samples").mkdir(parents=True)
    images = torch.randint(0, 256, (70, 1, 8, 8), dtype=torch.uint8)
    state = new_state(settings, EIGHT_BY_EIGHT, torch.device("cpu"))
    batches = Batches(
        images, None, state.random, settings.batch, DistributedContext(rank, 2) if rank else DistributedContext()
    )
    return RunLogger(Run(folder), settings, batches, 0), state


def step(logger: RunLogger, state: TrainingState, **seen: float) -> bool:
    state.images_shown += SETTINGS.batch
    logger.add({name: torch.tensor(value) for name, value in seen.items()})
    return logger.write_if_due(state)


def test_a_line_is_due_every_400th_of_the_run_with_the_means_since_the_last(tmp_path: Path):
    logger, state = logger_and_state(tmp_path / "run")
    written = [step(logger, state, d_loss=float(number)) for number in range(10)]

    assert written == [number % 5 == 4 for number in range(10)]  # 8,000 / 400 = 20 images, five steps of 4
    lines = Run(tmp_path / "run").lines()
    assert [line["images_shown"] for line in lines] == [20, 40]
    assert [line["d_loss"] for line in lines] == [2.0, 7.0]
    assert LOGS_A_RUN == 400


def test_the_largest_loss_and_deviation_since_the_last_line_are_logged_next_to_their_means(tmp_path: Path):
    logger, state = logger_and_state(tmp_path / "run")
    for d_loss in (0.7, 90.0, 0.7, 0.7, 0.7, 0.6, 0.5, 0.5, 0.5, 0.5):
        step(logger, state, d_loss=d_loss, deviation=d_loss / 2)

    lines = Run(tmp_path / "run").lines()
    assert [line["d_loss_max"] for line in lines] == pytest.approx([90, 0.6])
    assert [line["deviation_max"] for line in lines] == pytest.approx([45, 0.3])


def test_a_sheet_is_due_every_24th_of_the_run_and_tells_how_diverse_it_is(tmp_path: Path):
    logger, state = logger_and_state(tmp_path / "run")
    for _ in range(100):
        step(logger, state, d_loss=0.0)

    assert [path.name for path in sorted((tmp_path / "run" / "samples").iterdir())] == ["000000.png"]
    assert ["diversity" in line for line in Run(tmp_path / "run").lines()].count(True) == 1


@pytest.mark.parametrize("method", ["gan", "variational", "autoencoder"])
def test_before_its_first_step_a_run_draws_256_codes_through_random_weights_and_changes_nothing_else(
    tmp_path: Path, method: str
):
    logger, state = logger_and_state(tmp_path / "run", SETTINGS.with_changes(method=method, code_size=8))
    before = state.random.get_state(), torch.get_rng_state()
    logger.show_first(state)
    with Image.open(Run(tmp_path / "run").first_sheet) as picture:
        sheet = np.asarray(picture)
    drawn = np.concatenate([draw(state.ema, codes(0, start, 64, state.ema.code_size)) for start in range(0, 256, 64)])

    assert np.array_equal(sheet, contact_sheet(drawn)[:, :, 0])
    assert sheet.shape == (16 * 10 - 2, 16 * 10 - 2)
    assert all(map(torch.equal, before, (state.random.get_state(), torch.get_rng_state())))
    assert Run(tmp_path / "run").sheets() == []


def test_the_first_sheet_is_drawn_once_and_never_after_a_step_nor_by_another_process(tmp_path: Path):
    for name, rank, images_shown in (("other", 1, 0), ("later", 0, 4), ("first", 0, 0)):
        logger, state = logger_and_state(tmp_path / name, rank=rank)
        state.images_shown = images_shown
        logger.show_first(state)
    path = Run(tmp_path / "first").first_sheet
    path.write_bytes(b"as it is")
    logger.show_first(state)

    assert [Run(tmp_path / name).first_sheet for name in ("other", "later")] == [None, None]
    assert path.read_bytes() == b"as it is"


@pytest.mark.parametrize(
    ("method", "words"),
    [("gan", "Lower --learning-rate or raise --gamma"), ("denoising", "Lower --learning-rate; the")],
)
def test_a_loss_that_is_no_number_names_what_to_change(tmp_path: Path, method: str, words: str):
    logger, state = logger_and_state(tmp_path / "run", SETTINGS.with_changes(method=method))
    for _ in range(4):
        step(logger, state, g_loss=float("nan"))

    with pytest.raises(Diverged, match=f"g_loss is nan after 20 images.*{words}"):
        step(logger, state, g_loss=float("nan"))


def test_a_checkpoint_is_written_by_the_first_process_alone(tmp_path: Path):
    for rank in (0, 1):
        logger, state = logger_and_state(tmp_path / str(rank), rank=rank)
        logger.save(state)

    assert Run(tmp_path / "0").checkpoint.exists()
    assert not Run(tmp_path / "1").checkpoint.exists()
