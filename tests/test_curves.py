"""Axes hold what they are made for, with round ticks; a curve is drawn where its numbers say."""

import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.monitoring.curves import axis_over, axis_to, chart_svg, logarithmic_axis_over, running_mean, short

numbers = st.floats(-1e12, 1e12).filter(lambda value: value == 0 or abs(value) > 1e-12)


@given(st.lists(numbers, min_size=1))
def test_an_axis_holds_all_values_with_a_few_ticks(values: list[float]):
    axis = axis_over(values)

    assert axis.low < axis.high
    assert 2 <= len(axis.ticks) <= 8
    assert all(axis.low - abs(axis.low) * 1e-9 <= value <= axis.high + abs(axis.high) * 1e-9 for value in values)


@given(st.lists(st.floats(1e-9, 1e30), min_size=1))
def test_a_logarithmic_axis_holds_all_values(values: list[float]):
    axis = logarithmic_axis_over(values)

    assert axis.low < axis.high
    assert all(axis.low <= value * 1.002 and value <= axis.high * 1.002 for value in values)


def test_ticks_are_round():
    assert axis_over([0.13, 0.92]).ticks == pytest.approx((0, 0.2, 0.4, 0.6, 0.8, 1.0))
    assert axis_to(110_000).ticks == (0, 50_000, 100_000)
    assert logarithmic_axis_over([0.002, 0.0004]).ticks == pytest.approx((2e-4, 5e-4, 1e-3, 2e-3))
    assert logarithmic_axis_over([1e-4, 30]).ticks == pytest.approx((1e-4, 1e-3, 1e-2, 0.1, 1, 10, 100)[::2])


def test_a_place_on_a_logarithmic_axis_is_by_factors():
    axis = logarithmic_axis_over([0.001, 10])

    assert axis.place(0.1) == pytest.approx(0.5)


def test_what_lies_outside_is_held_at_the_edge():
    assert axis_over([0, 1]).place(7) == 1
    assert axis_over([0, 1]).place(-7) == 0


@pytest.mark.parametrize(
    ("value", "said"),
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
def test_numbers_on_ticks_are_short(value: float, said: str):
    assert short(value) == said


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
