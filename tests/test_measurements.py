"""Medians, ratios and latency percentiles, by hand."""

import pytest

from load.bench.measurements import (
    Measurements,
    Sample,
    cpu_s_per_image,
    difference,
    images_per_cpu_s,
    percentile,
    ratios,
)
from load.bench.workloads import saturated

WORKLOAD = saturated("mnist", 64, "npy")


def of(**iterations: tuple[float, ...]) -> Measurements:
    """CPU seconds of 100 images, by server and iteration; an answer takes as long, and another twice as long."""
    measurements = Measurements()
    for name, cpu_s in iterations.items():
        for number, one in enumerate(cpu_s):
            measurements.add(
                name, WORKLOAD, number, Sample(images=100, server_cpu_s=one, wall_s=1, latencies_s=[one, 2 * one])
            )
    return measurements


def test_a_ratio_is_taken_within_an_iteration_so_a_slower_machine_is_slower_for_both():
    measurements = of(ours=(1.0, 10.0, 3.0), theirs=(2.0, 20.0, 3.0))

    pair = [measurements.by_iteration(name, WORKLOAD, cpu_s_per_image) for name in ("ours", "theirs")]

    assert ratios(*pair) == [0.5, 0.5, 1.0]


def test_an_iteration_that_one_of_both_lacks_is_left_out():
    assert ratios({0: 1.0, 1: 2.0}, {1: 4.0, 2: 8.0}) == [0.5]
    assert ratios({0: 1.0}, {0: 0.0}) == []


def test_the_median_counts_and_not_the_mean():
    assert of(ours=(1.0, 2.0, 60.0)).median("ours", WORKLOAD, cpu_s_per_image) == pytest.approx(0.02)


def test_what_was_not_measured_has_no_median_and_is_never_the_best():
    measurements = of(ours=(1.0,), theirs=(2.0,))

    assert measurements.median("none", WORKLOAD, images_per_cpu_s) is None
    assert measurements.best(["none", "theirs", "ours"], WORKLOAD, images_per_cpu_s) == "ours"
    assert measurements.best(["none"], WORKLOAD, images_per_cpu_s) is None


def test_a_sample_without_an_answer_counts_for_nothing_but_its_error():
    measurements = of(ours=(1.0,))
    measurements.add("ours", WORKLOAD, 1, Sample(errors=["status 503: b''", "another"], wall_s=1, server_cpu_s=1))

    assert measurements.by_iteration("ours", WORKLOAD, cpu_s_per_image) == {0: 0.01}
    assert measurements.errors() == {("ours", WORKLOAD): "status 503: b''"}


def test_latency_is_of_all_iterations_answers():
    measurements = of(ours=(1.0, 2.0))

    assert measurements.latency_ms("ours", WORKLOAD, 0.5) == 2000
    assert measurements.latency_ms("ours", WORKLOAD, 0.99) == 4000
    assert measurements.latency_ms("none", WORKLOAD, 0.5) is None


def test_what_is_beyond_the_engine_is_the_difference_iteration_by_iteration():
    assert difference({0: 3.0, 1: 5.0, 2: 9.0}, {0: 1.0, 1: 2.0}) == {0: 2.0, 1: 3.0}


def test_a_percentile_is_one_of_the_values():
    values = [float(value) for value in range(1, 101)]

    assert percentile(values, 0.5) == 50
    assert percentile(values, 0.99) == 99
    assert percentile([3.0], 0.99) == 3
    assert percentile([], 0.5) is None
