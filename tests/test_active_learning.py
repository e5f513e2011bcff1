"""Active learning asks for what the reward ensemble disagrees about, a little more where it predicts a good grade."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.rewarded import write_rewarded

from models.active_learning import GRADE_WEIGHT, acquisition, informative_quota, most_informative, select
from models.bundle import open_bundle
from models.runtime import Runtime

VALUES = st.lists(st.floats(0, 2, width=32), min_size=1, max_size=200).map(lambda found: np.array(found, np.float32))


@pytest.fixture(scope="module")
def runtime(bundles: Path, tmp_path_factory: pytest.TempPathFactory) -> Runtime:
    """A model whose predicted grade is the brightness, and which is unsure of the middling pictures."""
    folder = tmp_path_factory.mktemp("models") / "pets"
    folder.mkdir()
    for file in (bundles / "pets").iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    return Runtime(write_rewarded(folder), threads=1)


def test_a_candidate_is_worth_its_deviation_and_a_part_of_its_grade(runtime: Runtime):
    images, labels = runtime.generate(3, 0, 40), runtime.labels(3, 0, 40)
    grades, deviations = runtime.grade(images, labels)

    values = acquisition(runtime, images, labels)

    assert values.dtype == np.float32
    assert values.tolist() == (deviations + GRADE_WEIGHT * grades).tolist()


def test_of_grades_that_are_as_unsure_the_better_one_is_asked_about(runtime: Runtime):
    shape = runtime.card.image
    dark, bright = (np.full((1, shape.height, shape.width, shape.channels), level, np.uint8) for level in (55, 200))

    values = acquisition(runtime, np.concatenate([dark, bright]), np.zeros(2, np.int64))

    assert most_informative(values, 1).tolist() == [1]


def test_a_model_without_a_reward_is_refused(bundles: Path):
    plain = Runtime(open_bundle(bundles / "pets"), threads=1)

    with pytest.raises(ValueError, match="has no reward"):
        acquisition(plain, plain.generate(0, 0, 1), np.zeros(1, np.int64))


@given(VALUES, st.integers(0, 300))
def test_the_most_informative_come_first_and_of_equals_the_earlier_one(values: np.ndarray, count: int):
    best = most_informative(values, count).tolist()

    assert best == sorted(range(len(values)), key=lambda at: -values[at])[:count]


@given(VALUES, st.data())
def test_half_of_what_is_selected_is_informative_and_the_rest_comes_in_order(values: np.ndarray, data: st.DataObject):
    n = data.draw(st.integers(1, len(values)))
    selected = select(values, n).tolist()
    best, rest = selected[: informative_quota(n)], selected[informative_quota(n) :]

    assert len(set(selected)) == n
    assert best == most_informative(values, n // 2).tolist()
    assert rest == [at for at in range(len(values)) if at not in best][: n - n // 2]
