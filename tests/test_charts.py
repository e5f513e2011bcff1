"""A report draws what a log has, and nothing else; axes fit their values with round ticks."""

import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.logged_runs import gan_log

from training.monitoring.charts import (
    CHARTS,
    axis_over,
    axis_to,
    chart_svg,
    charts_of,
    draw,
    log_axis_over,
    points_of,
    running_mean,
    tick_label,
)


def test_gans_and_autoencoders_have_their_own_charts():
    gan = {chart.title for chart in charts_of(gan_log(10))}
    autoencoder = {chart.title for chart in charts_of([{"images_shown": 1, "reconstruction": 0.1, "gamma": 0.0}])}

    assert {"Losses", "Diversity of the sample sheet", "Throughput", "Gamma"} <= gan
    assert autoencoder == {"Reconstruction error"}


def test_nan_is_left_out():
    assert points_of([{"images_shown": 1, "kl": None}, {"images_shown": 2, "kl": 3.0}, {"images_shown": 3}], "kl") == [
        (2, 3.0)
    ]


@pytest.mark.parametrize("chart", CHARTS, ids=lambda chart: chart.title)
@pytest.mark.parametrize("values", [[0.5], [0.0, 0.0, 1.0], [1e-9, 1e30], [-3.0] * 60])
def test_every_chart_can_draw_any_numbers(chart, values: list[float]):
    lines = [{"images_shown": 10 * (k + 1)} | dict.fromkeys(chart.metrics, value) for k, value in enumerate(values)]

    assert draw(chart, lines, 1000).endswith("</svg>")


numbers = st.floats(-1e12, 1e12).filter(lambda value: value == 0 or abs(value) > 1e-12)


@given(st.lists(numbers, min_size=1))
def test_an_axis_holds_all_values_with_a_few_ticks(values: list[float]):
    axis = axis_over(values)

    assert axis.low < axis.high
    assert 2 <= len(axis.ticks) <= 8
    assert all(axis.low - abs(axis.low) * 1e-9 <= value <= axis.high + abs(axis.high) * 1e-9 for value in values)


@given(st.lists(st.floats(1e-9, 1e30), min_size=1))
def test_a_logarithmic_axis_holds_all_values(values: list[float]):
    axis = log_axis_over(values)

    assert axis.low < axis.high
    assert all(axis.low <= value * 1.002 and value <= axis.high * 1.002 for value in values)


def test_ticks_are_round():
    assert axis_over([0.13, 0.92]).ticks == pytest.approx((0, 0.2, 0.4, 0.6, 0.8, 1.0))
    assert axis_to(110_000).ticks == (0, 50_000, 100_000)
    assert log_axis_over([0.002, 0.0004]).ticks == pytest.approx((2e-4, 5e-4, 1e-3, 2e-3))
    assert log_axis_over([1e-4, 30]).ticks == pytest.approx((1e-4, 1e-3, 1e-2, 0.1, 1, 10, 100)[::2])


def test_positions_on_a_logarithmic_axis_go_by_factors():
    axis = log_axis_over([0.001, 10])

    assert axis.position(0.1) == pytest.approx(0.5)


def test_values_outside_are_clamped_to_the_edge():
    assert axis_over([0, 1]).position(7) == 1
    assert axis_over([0, 1]).position(-7) == 0


@pytest.mark.parametrize(
    ("value", "label"),
    [
        (0, "0"),
        (0.25, "0.25"),
        (1_500_000, "1.5 M"),
        (40_000, "40 k"),
        (0.0004, "4e-4"),
        (3.2e18, "3.2e18"),
        (-2, "-2"),
    ],
)
def test_numbers_on_ticks_are_short(value: float, label: str):
    assert tick_label(value) == label


def test_a_running_mean_of_a_line_is_the_line():
    assert running_mean([float(k) for k in range(100)]) == pytest.approx(range(100))


def test_a_curve_goes_from_corner_to_corner():
    points = [(0.0, 0.0), (10.0, 1.0)]
    svg = ElementTree.fromstring(chart_svg([points], "a < b", axis_to(10), axis_over([0, 1])))
    (line,) = svg.findall("polyline")

    (x0, y0), (x1, y1) = (tuple(map(float, place.split(","))) for place in line.attrib["points"].split())
    assert x0 < x1
    assert y0 > y1  # up is a smaller y
    assert svg.attrib["aria-label"] == "a < b"


def test_many_points_are_drawn_as_measured_and_as_their_mean():
    points = [(float(k), float(k % 2)) for k in range(100)]

    assert re.findall(r'class="(\w+) line-1"', chart_svg([points], "", axis_to(99), axis_over([0, 1]))) == [
        "measured",
        "mean",
    ]


def test_a_single_point_is_a_dot():
    assert "<circle" in chart_svg([[(1.0, 1.0)]], "", axis_to(2), axis_over([1]))
