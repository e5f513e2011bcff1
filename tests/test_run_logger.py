"""What is written, and when: at fixed places of a run, by the first process alone."""

from pathlib import Path

import pytest
import torch
from support.shapes import EIGHT_BY_EIGHT, SMALLEST

from training.checkpoint import State
from training.config import Settings
from training.data.batches import Batches
from training.distributed import Ranks
from training.run import Run
from training.run_logger import LOGS_A_RUN, Book, Diverged
from training.train import new_state

SETTINGS = SMALLEST.but(images_shown=8000, batch=4, precision="float32")


def book_and_state(folder: Path, settings: Settings = SETTINGS, rank: int = 0) -> tuple[Book, State]:
    (folder / "samples").mkdir(parents=True)
    images = torch.randint(0, 256, (70, 1, 8, 8), dtype=torch.uint8)
    state = new_state(settings, EIGHT_BY_EIGHT, torch.device("cpu"))
    batches = Batches(images, None, state.random, settings.batch, Ranks(rank, 2) if rank else Ranks())
    return Book(Run(folder), settings, batches, 0), state


def step(book: Book, state: State, **seen: float) -> bool:
    state.images_shown += SETTINGS.batch
    book.add({name: torch.tensor(value) for name, value in seen.items()})
    return book.write_what_is_due(state)


def test_a_line_is_due_every_400th_of_the_run_with_the_means_since_the_last(tmp_path: Path):
    book, state = book_and_state(tmp_path / "run")
    written = [step(book, state, d_loss=float(number)) for number in range(10)]

    assert written == [number % 5 == 4 for number in range(10)]  # 8,000 / 400 = 20 images, five steps of 4
    lines = Run(tmp_path / "run").lines()
    assert [line["images_shown"] for line in lines] == [20, 40]
    assert [line["d_loss"] for line in lines] == [2.0, 7.0]
    assert LOGS_A_RUN == 400


def test_a_sheet_is_due_every_24th_of_the_run_and_tells_how_diverse_it_is(tmp_path: Path):
    book, state = book_and_state(tmp_path / "run")
    for _ in range(100):
        step(book, state, d_loss=0.0)

    assert [path.name for path in sorted((tmp_path / "run" / "samples").iterdir())] == ["000000.png"]
    assert ["diversity" in line for line in Run(tmp_path / "run").lines()].count(True) == 1


@pytest.mark.parametrize(
    ("method", "words"),
    [("gan", "Lower --learning-rate or raise --gamma"), ("denoising", "Lower --learning-rate; the")],
)
def test_a_loss_that_is_no_number_names_what_to_change(tmp_path: Path, method: str, words: str):
    book, state = book_and_state(tmp_path / "run", SETTINGS.but(method=method))
    for _ in range(4):
        step(book, state, g_loss=float("nan"))

    with pytest.raises(Diverged, match=f"g_loss is nan after 20 images.*{words}"):
        step(book, state, g_loss=float("nan"))


def test_a_checkpoint_is_written_by_the_first_process_alone(tmp_path: Path):
    for rank in (0, 1):
        book, state = book_and_state(tmp_path / str(rank), rank=rank)
        book.save(state)

    assert Run(tmp_path / "0").checkpoint.exists()
    assert not Run(tmp_path / "1").checkpoint.exists()
