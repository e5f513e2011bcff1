"""A model is compared with its target pictures, and refused where it lost quality or diversity."""

import numpy as np
import pytest
from support.labelled import CLASSES, digits_evaluator, real_digits
from support.pretrained import pretrained

from models.card import AcceptanceFigures
from models.runtime import Runtime
from training.data.dataset import Pictures
from training.feedback.acceptance import AcceptanceFailed, AcceptanceTest, acceptance_lines, check_acceptance


class Copies:
    """Draws pictures that are given to it."""

    def __init__(self, images: np.ndarray) -> None:
        self._images = images

    def labels(self, *_: int) -> None:
        return None

    def generate(self, _seed: int, start: int, count: int) -> np.ndarray:
        return self._images[start : start + count]


@pytest.fixture(scope="module")
def data() -> Pictures:
    real = real_digits()
    return Pictures("digits", real.train, "0" * 64, (), real.train_labels, CLASSES)


@pytest.fixture(scope="module")
def acceptance_test(data: Pictures) -> AcceptanceTest:
    return AcceptanceTest(data, digits_evaluator(), pretrained().new_reward())


def test_real_pictures_have_a_ratio_near_1(acceptance_test: AcceptanceTest):
    """Not at 1: the digits at the end of the file are by other writers."""
    found = acceptance_test.measure(Copies(real_digits().test))

    assert found.images == 600
    assert 0.5 < found.target_fd_ratio < 4
    assert found.pairwise_diversity == pytest.approx(1, abs=0.05)
    assert found.class_entropy == pytest.approx(np.log(10), abs=0.05)
    assert found.predicted_grade == pytest.approx(0.5, abs=0.1)  # heads that learned nothing


def test_noise_has_a_large_ratio(acceptance_test: AcceptanceTest):
    assert acceptance_test.measure(Runtime(pretrained().bundle)).target_fd_ratio > 10


def test_pictures_are_compared_with_the_target_pictures(acceptance_test: AcceptanceTest, data: Pictures):
    """Sevens are far from the data, and near to data that are all sevens."""
    sevens = data.images[data.labels == 7]
    copies = Copies(np.tile(sevens, (6, 1, 1, 1)))
    weights = (data.labels == 7) / (data.labels == 7).sum()

    apart, near = acceptance_test.measure(copies), acceptance_test.measure(copies, weights)

    assert near.target_fd_ratio < 2 < 20 < apart.target_fd_ratio
    assert near.target_class_entropy < 0.2 < apart.target_class_entropy


def test_few_different_pictures_have_a_higher_floor(acceptance_test: AcceptanceTest, data: Pictures):
    """Sevens by one writer are further from the few sevens of others than from many, by chance alone."""
    few = np.zeros(len(data.images))
    few[np.flatnonzero(data.labels == 7)[:60]] = 1 / 60
    others = Copies(np.tile(data.images[np.flatnonzero(data.labels == 7)[60:]], (12, 1, 1, 1)))

    assert 0.5 < acceptance_test.measure(others, few).target_fd_ratio < 2


BEFORE = AcceptanceFigures(
    images=10,
    predicted_grade=0.2,
    target_fd_ratio=2.0,
    pairwise_diversity=1,
    class_entropy=2.3,
    target_class_entropy=2.3,
)


def after(**changes: float) -> AcceptanceFigures:
    return BEFORE.model_copy(update=changes)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"target_fd_ratio": 6.1},
            "found an FD ratio of 6.1 .* at most 3 times the 2.0 of its parent: the quality collapsed",
        ),
        (
            {"pairwise_diversity": 0.4},
            "found pictures with 0.40 of the diversity of the target pictures, expected 0.5 or more: mode collapse",
        ),
        ({"class_entropy": 0.5}, r"found 1\.6 classes .*, expected about 10\.0"),
    ],
)
def test_a_collapse_is_refused_in_words(change: dict[str, float], words: str):
    with pytest.raises(AcceptanceFailed, match=words + r".*Lower --strength, give more grades, or .* --force"):
        check_acceptance(BEFORE, after(**change))


def test_a_change_that_was_asked_for_is_accepted():
    check_acceptance(
        BEFORE, after(class_entropy=0.5, target_class_entropy=0.6, target_fd_ratio=5.9, predicted_grade=0.9)
    )


def test_a_ratio_that_rises_within_what_is_accepted_does_not_read_like_a_failure():
    before = AcceptanceFigures(images=9, predicted_grade=0.2, target_fd_ratio=1.5, pairwise_diversity=1.0)
    after = before.model_copy(update={"predicted_grade": 0.5, "target_fd_ratio": 3.2})
    _, rising, _ = acceptance_lines(before, after)
    _, falling, _ = acceptance_lines(after, before)

    assert rising == (
        "FD ratio to the target pictures 1.50 -> 3.20 (accepted up to 4.50): no failure, as grades ask to move away "
        "from the data as they are"
    )
    assert falling == "FD ratio to the target pictures 3.20 -> 1.50 (accepted up to 9.60)"
