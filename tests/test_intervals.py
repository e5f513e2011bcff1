"""Figures of few pictures have an interval as wide as their spread, and say where it is too few to tell."""

from typing import Any

import numpy as np
import pytest

from training.evaluation.intervals import Halves, intervals, too_few_to_tell


def of_mean(sample: np.ndarray, **more: Any) -> dict[str, tuple[float, float]]:
    def of_halves(halves: Halves, _: int) -> dict[str, float]:
        return {"mean": float(sample[halves[0]].mean())}

    return intervals({"mean": float(sample.mean()), **more}, of_halves, len(sample))


def test_an_interval_holds_the_truth_in_about_95_of_100_samples():
    random = np.random.default_rng(0)
    found = [of_mean(random.normal(3, 1, 100))["mean"] for _ in range(200)]

    assert 180 <= sum(low < 3 < high for low, high in found) <= 200


def test_it_is_as_wide_as_the_standard_error_says():
    low, high = of_mean(np.random.default_rng(1).normal(0, 1, 400))["mean"]

    assert high - low == pytest.approx(2 * 1.96 / np.sqrt(400), rel=0.4)


@pytest.mark.parametrize("count", [11, 1000])
def test_there_is_none_for_many_pictures_and_for_too_few_to_halve(count: int):
    assert of_mean(np.zeros(count)) == {}


def test_a_figure_that_halves_do_not_have_gets_none():
    assert set(of_mean(np.arange(20.0), modes=3.0, absent=None)) == {"mean"}


def test_a_ratio_spreads_by_factors_and_a_share_stays_one():
    random = np.random.default_rng(2)

    def of_halves(_: Halves, __: int) -> dict[str, float]:
        return {"fd_ratio": float(np.exp(random.normal(0, 1))), "recall": random.uniform(0.8, 1)}

    found = intervals({"fd_ratio": 1.0, "recall": 0.97}, of_halves, 100)

    assert found["fd_ratio"][0] == pytest.approx(1 / found["fd_ratio"][1])
    assert found["fd_ratio"][0] > 0
    assert found["recall"][1] == 1


def test_too_few_to_tell_are_those_that_may_be_as_good_as_real():
    found = {"fd_ratio": (0.8, 1.4), "recall": (0.5, 0.6), "modes": (1.0, 2.0)}

    assert too_few_to_tell(found, {"fd_ratio": 1.0, "recall": 0.9, "modes": None}) == ("fd_ratio",)
