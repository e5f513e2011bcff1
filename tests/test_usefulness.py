"""What drawn pictures are worth: more real ones help, mislabelled ones harm, and the sentence says which."""

import numpy as np
import pytest

from models.scores import Usefulness
from training.evaluation.usefulness import Labelled, estimate, measure_usefulness, usefulness_rows

CLASSES, FEATURES = 5, 20


def pictures(count: int, seed: int, wrong: float = 0) -> Labelled:
    """Features of five classes that overlap, a share of them with a wrong label: of the next class."""
    random = np.random.default_rng(seed)
    centres = np.random.default_rng(99).normal(size=(CLASSES, FEATURES)) * 0.5
    labels = random.integers(CLASSES, size=count)
    features = centres[labels] + random.normal(size=(count, FEATURES))
    return Labelled(features.astype(np.float32), (labels + (random.random(count) < wrong)) % CLASSES)


def measured(wrong: float, count: int = 400, seeds: int = 3) -> Usefulness:
    drawn = [pictures(count, seed, wrong) for seed in range(1, seeds + 1)]
    return measure_usefulness(pictures(count, 0), drawn, pictures(1_500, 9), CLASSES, "planted")


@pytest.fixture(scope="module")
def harmful() -> Usefulness:
    return measured(wrong=0.6)


@pytest.fixture(scope="module")
def perfect() -> Usefulness:
    return measured(wrong=0)


def test_pictures_of_wrong_classes_lower_the_accuracy_and_the_sentence_says_by_how_much(harmful: Usefulness):
    assert harmful.drawn.value < harmful.both.value < harmful.real.value
    assert harmful.gain.value == pytest.approx(harmful.both.value - harmful.real.value)
    assert harmful.gain.high < 0
    points = -100 * harmful.gain.value
    assert harmful.sentence.startswith(f"Adding these to your data lowers accuracy by {points:.1f} points (")


def test_pictures_as_good_as_real_ones_are_worth_as_much_and_help_most_where_real_ones_are_few(perfect: Usefulness):
    assert perfect.drawn.value == pytest.approx(perfect.real.value, abs=0.03)
    assert perfect.tenth_gain.low > 0.05
    assert perfect.tenth_gain.value > perfect.gain.value > -0.01


def test_pictures_as_good_as_real_ones_raise_the_accuracy_where_there_are_too_few():
    found = measured(wrong=0, count=60, seeds=7)

    assert found.gain.low > 0
    assert found.sentence.startswith("Adding these to your data raises accuracy by ")


def test_where_the_interval_holds_zero_the_sentence_says_that_no_difference_can_be_told():
    real, test = pictures(200, 0), pictures(46, 9)
    found = measure_usefulness(real, [pictures(200, seed) for seed in (1, 2)], test, CLASSES, "planted")

    assert found.gain.low <= 0 <= found.gain.high
    assert found.sentence.endswith("no difference can be told.")
    assert found.seeds == 2


def test_the_same_pictures_give_the_same_figures(harmful: Usefulness):
    assert measured(wrong=0.6) == harmful


def test_a_side_is_as_large_as_what_is_drawn_and_real_pictures_are_taken_at_random():
    """All pictures of the last class come last: a probe that took the first ones would never see it."""
    real = pictures(800, 0)
    real = real.taken(np.argsort(real.labels, kind="stable"))
    found = measure_usefulness(real, [pictures(100, seed) for seed in (1, 2)], pictures(500, 9), CLASSES, "planted")

    assert found.images == 100
    assert found.real.value > 0.6


def test_an_interval_adds_the_variance_of_seeds_and_of_test_pictures():
    """By hand: seed means 0.25 and 0.75; picture means 0.5, 0, 1 and 0.5; t of one degree of freedom is 12.706."""
    found = estimate(np.array([[0.0, 0.0, 1.0, 0.0], [1.0, 0.0, 1.0, 1.0]]))
    of_seeds = 12.706 * np.std([0.25, 0.75], ddof=1) / np.sqrt(2)
    of_pictures = 1.96 * np.std([0.5, 0, 1, 0.5]) / np.sqrt(4)

    assert found.value == 0.5
    assert found.high - found.value == pytest.approx(np.hypot(of_seeds, of_pictures))
    assert found.value - found.low == pytest.approx(found.high - found.value)


def test_a_difference_that_every_test_picture_shows_alike_has_no_width():
    assert estimate(np.ones((3, 50))) == estimate(np.ones((2, 7)))


@pytest.mark.parametrize("seeds", [1, 11])
def test_one_seed_and_more_than_ten_are_refused(seeds: int):
    some = pictures(20, 0)
    with pytest.raises(ValueError, match=f"found {seeds} seeds, expected 2 to 10"):
        measure_usefulness(some, [some] * seeds, some, CLASSES, "planted")


def test_the_table_shows_each_accuracy_next_to_that_of_real_pictures(harmful: Usefulness):
    rows = usefulness_rows(harmful)

    assert [row[2] for row in rows[:2]] == [rows[0][2]] * 2
    assert rows[0][1].startswith(f"{harmful.drawn.value:.1%} ± ")
    assert rows[0][3] == "probe of 400, planted"
    assert rows[2][3] == "from a tenth, 40"
