"""Numbers to a drawn curve: an SVG that scales, and takes its colours from the page.

    [curves] -> charts -> report

What was measured is drawn pale, and its running mean on top. Knows axes and
paths; knows neither runs nor words.
"""

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 420, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 10, 10, 34
_MEAN_SHARE = 1 / 30
"""Of the points, on either side, that the running mean is taken over."""
_FEW = 30
"""Points that are drawn as they are."""

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Axis:
    """From a value to its place along an axis: 0 at its low end, 1 at its high end."""

    low: float
    high: float
    ticks: tuple[float, ...]
    logarithmic: bool = False

    def place(self, value: float) -> float:
        """Where a value stands; outside of the axis it is held at its end."""
        low, high = self._scaled(self.low), self._scaled(self.high)
        return min(1.0, max(0.0, (self._scaled(value) - low) / (high - low)))

    def _scaled(self, value: float) -> float:
        return math.log10(max(value, 1e-12)) if self.logarithmic else value


def axis_over(values: Sequence[float]) -> Axis:
    """An axis with about five round ticks that holds all values."""
    low, high = min(values), max(values)
    if high - low < 1e-9 * max(abs(low), abs(high), 1e-9):
        low, high = low - max(abs(low), 1) / 2, high + max(abs(high), 1) / 2
    step = _round_step((high - low) / 4)
    first, last = math.floor(low / step), math.ceil(high / step)
    if min(values) >= 0:
        first = max(0, first)  # nothing here can be less, so the axis does not say so
    return Axis(first * step, last * step, tuple(k * step for k in range(first, last + 1)))


def logarithmic_axis_over(values: Sequence[float]) -> Axis:
    """For values above 0: ticks at 1, 2, 5, 10, or at powers of ten, if they are many; linear, if too few."""
    begin, end = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    round_ones = [factor * 10.0**exponent for exponent in range(begin, end + 1) for factor in (1, 2, 5)]
    first = max(k for k, value in enumerate(round_ones) if value <= min(values) * 1.001)
    last = min(k for k, value in enumerate(round_ones) if value >= max(values) * 0.999)
    ticks = round_ones[min(first, last - 1) : last + 1]
    if len(ticks) < 4:
        return axis_over(values)
    if len(ticks) > 6:
        powers = [10.0**exponent for exponent in range(begin, end + 1)]
        every = -(-len(powers) // 6)
        return Axis(powers[0], powers[-1], tuple(powers[::every]), True)
    return Axis(ticks[0], ticks[-1], tuple(ticks), True)


def axis_to(end: float) -> Axis:
    """From 0 to here, and no further."""
    return Axis(0, end, tuple(tick for tick in axis_over([0, end]).ticks if tick <= end))


def running_mean(values: Sequence[float]) -> list[float]:
    """The mean of each value and its neighbours, as many on both sides."""
    reach = round(len(values) * _MEAN_SHARE)
    means = []
    for place in range(len(values)):
        near = min(reach, place, len(values) - 1 - place)
        around = values[place - near : place + near + 1]
        means.append(sum(around) / len(around))
    return means


def short(value: float) -> str:
    """A number as a tick says it: 1,500,000 is 1.5 M, 0.0004 is 4e-4."""
    if value == 0:
        return "0"
    for least, unit, letter in ((1e6, 1e6, " M"), (1e3, 1e3, " k"), (1e-3, 1, "")):
        if least <= abs(value) < 1e10:
            return f"{value / unit:.4g}{letter}"
    mantissa, exponent = f"{value:.1e}".split("e")
    return f"{mantissa.removesuffix('.0')}e{int(exponent)}"


def chart_svg(series: Sequence[Points], title: str, x_axis: Axis, y_axis: Axis) -> str:
    """One chart.

    Args:
        series: lists of (x, y), drawn in the page's colours --line-1, --line-2, ... in this order.
        title: read aloud by screen readers.
    """
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{html.escape(title)}">',
        *(_across(y_axis, tick) for tick in y_axis.ticks),
        *(_below(x_axis, tick) for tick in x_axis.ticks),
    ]
    for number, points in enumerate(series, start=1):
        if len(points) > _FEW:
            parts.append(_path(points, x_axis, y_axis, f"measured line-{number}"))
            means = running_mean([y for _, y in points])
            points = [(x, mean) for (x, _), mean in zip(points, means, strict=True)]
        parts.append(_path(points, x_axis, y_axis, f"mean line-{number}"))
    return "".join([*parts, "</svg>"])


def _x(axis: Axis, value: float) -> float:
    return _LEFT + axis.place(value) * (WIDTH - _LEFT - _RIGHT)


def _y(axis: Axis, value: float) -> float:
    return HEIGHT - _BOTTOM - axis.place(value) * (HEIGHT - _TOP - _BOTTOM)


def _across(axis: Axis, tick: float) -> str:
    y = _y(axis, tick)
    return (
        f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{short(tick)}</text>'
    )


def _below(axis: Axis, tick: float) -> str:
    x, foot = _x(axis, tick), HEIGHT - _BOTTOM
    anchor = "end" if x > WIDTH - 30 else "middle"
    return (
        f'<line class="tick" x1="{x:.1f}" x2="{x:.1f}" y1="{foot}" y2="{foot + 4}"/>'
        f'<text x="{x:.1f}" y="{foot + 18}" text-anchor="{anchor}">{short(tick)}</text>'
    )


def _path(points: Points, x_axis: Axis, y_axis: Axis, kind: str) -> str:
    if len(points) == 1:
        return f'<circle class="{kind}" cx="{_x(x_axis, points[0][0]):.1f}" cy="{_y(y_axis, points[0][1]):.1f}" r="2"/>'
    places = " ".join(f"{_x(x_axis, x):.1f},{_y(y_axis, y):.1f}" for x, y in points)
    return f'<polyline class="{kind}" points="{places}"/>'


def _round_step(step: float) -> float:
    size = 10.0 ** math.floor(math.log10(step))
    return next(size * factor for factor in (1, 2, 2.5, 5, 10) if size * factor >= step * 0.999)
