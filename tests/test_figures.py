"""Medians and ratios, by hand."""

import pytest

from load.bench.figures import Figures, beyond, cpu_s_per_image, images_per_cpu_s, ratio
from load.bench.sample import Window, percentile
from load.bench.workloads import saturating

CELL = saturating("mnist", 64, "npy")


def of(**rounds: tuple[float, ...]) -> Figures:
    """CPU seconds of 100 images, by contender and round."""
    figures = Figures()
    for who, cpu_s in rounds.items():
        for number, one in enumerate(cpu_s):
            figures.add(who, CELL, number, Window(images=100, server_cpu_s=one, wall_s=1, waits_s=[one, 2 * one]))
    return figures


def test_a_ratio_is_taken_within_a_round_so_a_slower_machine_is_slower_for_both():
    figures = of(ours=(1.0, 10.0, 3.0), theirs=(2.0, 20.0, 3.0))

    rounds = [figures.rounds(who, CELL, cpu_s_per_image) for who in ("ours", "theirs")]

    assert ratio(*rounds) == [0.5, 0.5, 1.0]


def test_a_round_that_one_of_both_lacks_is_left_out():
    assert ratio({0: 1.0, 1: 2.0}, {1: 4.0, 2: 8.0}) == [0.5]
    assert ratio({0: 1.0}, {0: 0.0}) == []


def test_the_median_counts_and_not_the_mean():
    assert of(ours=(1.0, 2.0, 60.0)).median("ours", CELL, cpu_s_per_image) == pytest.approx(0.02)


def test_who_was_not_measured_has_no_median_and_is_never_the_best():
    figures = of(ours=(1.0,), theirs=(2.0,))

    assert figures.median("nobody", CELL, images_per_cpu_s) is None
    assert figures.best(["nobody", "theirs", "ours"], CELL, images_per_cpu_s) == "ours"
    assert figures.best(["nobody"], CELL, images_per_cpu_s) is None


def test_a_window_without_an_answer_counts_for_nothing_but_its_fault():
    figures = of(ours=(1.0,))
    figures.add("ours", CELL, 1, Window(faults=["status 503: b''", "another"], wall_s=1, server_cpu_s=1))

    assert figures.rounds("ours", CELL, cpu_s_per_image) == {0: 0.01}
    assert figures.faults() == {("ours", CELL): "status 503: b''"}


def test_waiting_is_of_all_rounds_answers():
    figures = of(ours=(1.0, 2.0))

    assert figures.wait_ms("ours", CELL, 0.5) == 2000
    assert figures.wait_ms("ours", CELL, 0.99) == 4000
    assert figures.wait_ms("nobody", CELL, 0.5) is None


def test_what_is_beyond_the_engine_is_the_difference_round_by_round():
    assert beyond({0: 3.0, 1: 5.0, 2: 9.0}, {0: 1.0, 1: 2.0}) == {0: 2.0, 1: 3.0}


def test_a_percentile_is_one_of_the_values():
    values = [float(value) for value in range(1, 101)]

    assert percentile(values, 0.5) == 50
    assert percentile(values, 0.99) == 99
    assert percentile([3.0], 0.99) == 3
    assert percentile([], 0.5) is None
