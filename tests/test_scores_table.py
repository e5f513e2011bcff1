"""The table of scores shows every score next to what real pictures have, in 80 columns."""

from support.scored import printed
from support.serving import ROOT

from models.bundle import read_card
from models.scores import ModeScores, Scores
from training.evaluation.scores_table import headlines


def test_a_row_has_the_score_and_its_floor():
    (row,) = (
        line for line in printed(Scores(coverage=0.911, coverage_floor=0.9527)).splitlines() if "coverage" in line
    )

    assert "0.911" in row
    assert "0.9527" in row


def test_the_scores_of_a_shipped_model_fit_into_80_columns_a_line_each_and_begin_with_sentences():
    scores = read_card(ROOT / "models" / "mnist").scores
    lines = printed(scores, 80).splitlines()

    assert max(map(len, lines)) <= 80
    assert len(lines) <= 30
    assert headlines("mnist", scores)[:2] == [
        "mnist has an FD ratio of 1.769, where 1 is as good as real pictures.",
        "It draws the requested class in 98.8%; of real pictures 99.6% are read as their class.",
    ]


def test_a_missing_score_has_no_row():
    text = printed(Scores(fd_ratio=1.5, fd_floor=0.06, images=10_000, evaluator="wavelets"))

    assert "FD ratio" in text
    assert "precision" not in text
    assert "10,000 pictures evaluated by wavelets" in text


def test_the_speed_names_its_engine():
    text = printed(Scores(images_per_s=812.3, images_per_s_on="onnxruntime-1.31.1-cpu-float32, threads 1"))

    assert "812.3" in text
    assert "threads 1" in text


def test_modes_are_shown_next_to_those_of_real_stacks_and_the_floors():
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
