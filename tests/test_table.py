"""The table of scores says each that there is, with what real pictures get beside it."""

from io import StringIO

from rich.console import Console

from models.card import ModeScores, Scores
from training.evaluation.table import scores_table


def printed(scores: Scores) -> str:
    console = Console(width=200, record=True, file=StringIO())
    console.print(scores_table("mnist", scores))
    return console.export_text()


def test_a_row_has_the_score_and_its_floor():
    (row,) = (
        line for line in printed(Scores(coverage=0.911, coverage_floor=0.9527)).splitlines() if "coverage" in line
    )

    assert "0.911" in row
    assert "0.9527" in row


def test_what_was_not_judged_has_no_row():
    text = printed(Scores(fd_ratio=1.5, fd_floor=0.06, images=10_000, evaluator="wavelets"))

    assert "FD ratio" in text
    assert "precision" not in text
    assert "10,000 pictures judged by wavelets" in text


def test_the_speed_says_on_what():
    text = printed(Scores(images_per_s=812.3, images_per_s_on="onnxruntime-1.31.1-cpu-float32, threads 1"))

    assert "812.3" in text
    assert "threads 1" in text


def test_modes_stand_beside_those_of_real_stacks_and_the_floors():
    modes = ModeScores(
        images=26_000,
        modes=999,
        modes_of_5=990,
        kl=0.05,
        kl_floor=0.01921,
        kl_floor_real=0.02349,
        modes_real=1000,
        modes_of_5_real=1000,
        kl_real=0.024,
    )
    text = printed(Scores(stacked=modes))

    for words in ("999", "990", "0.05", "0.024; perfect 0.0192, of real labels 0.0235", "26,000 stacks"):
        assert words in text
