"""Every figure of a comparison is in one table, next to those of real pictures; a row draws the shared addresses."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.bundle import open_bundle
from models.runtime import Runtime
from models.scores import ModeScores, Scores
from training.comparison.recipes import RECIPES, Entry
from training.comparison.table import PICTURES, Row, as_markdown, as_text, cells, figures, in_sentences, row_of
from training.config import preset_named
from training.evaluation.reference import RealPictures
from training.monitoring.log_statistics import LogStatistics

EVALUATED = Scores(
    fd_ratio=2.345,
    precision=0.5,
    precision_floor=0.5,
    class_agreement=0.981,
    evaluator_accuracy=0.99,
    images_per_s=2000.0,
)


def evaluated(grey: Path, name: str, scores: Scores) -> Row:
    bundle = open_bundle(grey)
    bundle = replace(bundle, card=bundle.card.model_copy(update={"scores": scores}))
    return Row(name, "", bundle, np.zeros((1, 8, 8, 1), np.uint8), None)


@pytest.fixture
def rows(grey: Path) -> list[Row]:
    worse = EVALUATED.model_copy(update={"fd_ratio": 1234.5, "precision": 0.25, "class_agreement": None})
    return [evaluated(grey, "worse", worse), evaluated(grey, "better", EVALUATED)]


def test_the_table_is_worked_out_by_hand(rows: list[Row]):
    headings, lines = cells(rows)
    assert as_markdown(headings[:4], [line[:4] for line in lines]) == (
        "| method | FD ratio | precision | class agreement |\n"
        "| --- | ---: | ---: | ---: |\n"
        "| worse | 1,234 | 25.0% |  |\n"
        "| better | **2.35** | **50.0%** | **98.1%** |\n"
        "| real pictures | 1 | 50.0% | 99.0% |\n"
    )


def test_on_a_terminal_the_table_fits_80_columns_and_names_come_again(rows: list[Row]):
    headings, lines = cells(rows)
    text = as_text(headings, lines)
    first, *others = text.split("\n\n")

    assert max(map(len, text.splitlines())) <= 80
    assert first.splitlines()[:3] == [
        "method         FD ratio  precision  class agreement  latent size  images shown",
        "worse             1,234      25.0%                             5             0",
        "better             2.35*     50.0%*           98.1%*           5             0",
    ]
    assert all(block.startswith("method") and "real pictures" in block for block in others)
    assert all(heading in text for heading in headings)


def test_the_best_method_is_said_in_a_sentence_and_one_that_diverged_too(rows: list[Row]):
    log = LogStatistics([{"images_shown": 1_000, "d_loss_max": 99.0}], preset_named("tiny"))
    wild = replace(rows[0], log=log, data_deviation=0.5)

    assert in_sentences([wild, rows[1]]) == [
        "better has the lowest FD ratio of 2 ways: 2.35, where 1 is as good as real.",
        "worse diverged: a loss or the pixels left the range of a run that learns.",
    ]


def test_empty_columns_are_left_out(rows: list[Row]):
    headings, lines = cells(rows)

    assert "active units" not in headings
    assert "coverage" not in headings
    assert {len(line) for line in lines} == {len(headings)}


def test_milliseconds_and_megabytes_are_worked_out(rows: list[Row]):
    found = figures(rows[0])

    assert found["ms_an_image"] == 0.5
    assert found["generator_bytes"] == len((rows[0].bundle.path / "generator.onnx").read_bytes())
    assert found["images_shown"] == 0


def test_modes_of_stacks_are_next_to_those_of_real_ones_and_kl_is_above_its_floor(grey: Path):
    modes = ModeScores(
        images=26_000, modes=990, modes_of_5=980, kl=0.05, kl_floor=0.019, kl_floor_real=0.023,
        modes_real=1000, modes_of_5_real=1000, kl_real=0.0241,
    )  # fmt: skip
    headings, (line, real) = cells([evaluated(grey, "stacks", EVALUATED.model_copy(update={"stacked": modes}))])

    assert [line[headings.index(one)].text for one in ("modes", "KL above its floor")] == ["990", "0.027"]
    assert [real[headings.index(one)].text for one in ("modes", "KL above its floor")] == ["1000", "0.001"]


@pytest.mark.parametrize(
    ("d_loss", "deviation", "verdict"),
    [(19.0, 1.5, "no"), (21.0, 0.5, "yes"), (None, 0.5, "yes"), (1.0, 1.7, "yes")],
)
def test_a_run_has_diverged_by_its_largest_loss_or_by_pixels_far_beyond_the_data(
    rows: list[Row], d_loss: float | None, deviation: float, verdict: str
):
    """The data's deviation is 0.5: 1.6 is allowed, but for the first 2,000 images."""
    first = {"images_shown": 1_000, "d_loss_max": 0.7, "deviation_max": 9.0}
    second = {"images_shown": 3_000, "d_loss_max": d_loss, "deviation_max": deviation}
    log = LogStatistics([first, second], preset_named("tiny"))
    headings, (line, *_) = cells([replace(rows[0], log=log, data_deviation=0.5)])

    assert line[headings.index("diverged")].text == verdict
    assert line[headings.index("largest pixel deviation")].text == f"{deviation:g}"


def test_a_bundle_that_was_not_trained_here_has_no_loss_to_show(rows: list[Row]):
    headings, _ = cells(rows)

    assert "diverged" not in headings


def test_a_bar_in_a_name_does_not_make_a_column(grey: Path):
    text = as_markdown(*cells([evaluated(grey, "a|b", EVALUATED)]))

    assert "| a\\|b |" in text


REAL = RealPictures(np.zeros((4, 8, 8, 1), np.uint8), np.zeros((4, 8, 8, 1), np.uint8))


def test_a_row_is_what_the_runtime_draws_at_the_shared_addresses(bundles: Path):
    row = row_of(Entry("grey", bundles / "grey"), REAL)

    assert np.array_equal(row.drawn, Runtime(open_bundle(bundles / "grey")).generate(0, 0, PICTURES))
    assert row.reconstructed is None
    assert row.what == f"Taken as it is: method gan, version {row.bundle.card.version}."


def test_a_model_with_classes_draws_them_in_turn(bundles: Path):
    row = row_of(Entry("pets", bundles / "pets", RECIPES["gan"]), REAL)

    asked = [0, 1, 2] * 4
    assert np.array_equal(row.drawn, Runtime(open_bundle(bundles / "pets")).generate(0, 0, 12, label=asked))
    assert row.what == RECIPES["gan"].what
