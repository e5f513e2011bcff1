"""The charts of a report: which metrics they show, what a healthy one looks like, and the SVG that draws them.

    log_statistics -> charts -> report

The measured values are drawn pale with their running mean on top; colours come
from the page's style sheet. Knows metrics, axes and paths, and nothing of runs.
"""

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass

from training.monitoring.log_statistics import LogLine

WIDTH, HEIGHT = 420, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 10, 10, 34
_MEAN_SHARE = 1 / 30
"""Share of the points, on either side, that the running mean covers."""
_FEW_POINTS = 30
"""Up to this many points are drawn as they are, without a running mean."""

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Chart:
    """One chart: metrics of the log that belong together."""

    title: str
    unit: str
    metrics: dict[str, str]
    """Key of the log -> its legend."""
    healthy: str
    """What the curves of a healthy run look like."""
    logarithmic: bool = False


CHARTS = (
    Chart(
        "Losses",
        "nats",
        {"d_loss": "discriminator", "g_loss": "generator"},
        "Wild at first, then close to each other and calm. Neither reaches 0: then one network would have won.",
    ),
    Chart(
        "Pairs ranked correctly",
        "share",
        {"d_wins": "real above generated"},
        "Near 1 at first, then down to 0.6 to 0.9 as the pictures improve. Near 1 to the end: too few images.",
    ),
    Chart(
        "Margin between real and generated",
        "score",
        {"margin": "mean difference"},
        "Falls while the generator catches up, and rises a little when gamma falls. Jumps are a bad sign.",
    ),
    Chart(
        "Diversity of the sample sheet",
        "data = 1",
        {"diversity": "nearest-neighbour distance, generated / real"},
        "High at first, since noise is diverse too; then it rises slowly to 0.7 and more. Near 0: mode collapse.",
    ),
    Chart(
        "Augmentation",
        "share",
        {"augment_p": "probability of each transform", "overfitting": "overfitting, by held-out pictures"},
        "Both stay at 0 with enough pictures. With few, overfitting rises towards 1, the probability follows, "
        "and overfitting comes back to 0.25.",
    ),
    Chart(
        "Near share of the sample sheet",
        "share",
        {"near_share": "nearer to a training picture than held-out ones", "near_limit": "by chance, of new pictures"},
        "Below the limit. Far above it the model repeats pictures that it was shown.",
    ),
    Chart(
        "Gradient penalty",
        "nats",
        {"penalty": "R1 + R2, times gamma"},
        "Falls as gamma does. A tenfold rise says that the discriminator diverges.",
        logarithmic=True,
    ),
    Chart(
        "Reconstruction error",
        "squared",
        {"reconstruction": "mean over pixels in [-1, 1]"},
        "Falls fast, then slowly, and never rises for long.",
        logarithmic=True,
    ),
    Chart(
        "KL divergence of the codes",
        "nats",
        {"kl": "from the standard normal"},
        "Falls at first, and then stays well above 0: at 0 the codes are not used.",
    ),
    Chart(
        "Evidence lower bound",
        "nats",
        {"bound": "negative, a picture"},
        "Falls to the end; its level means little by itself.",
    ),
    Chart(
        "Throughput",
        "images/s",
        {"images_per_second": "images a second"},
        "Level. A dip is another program, a level that stays lower is a machine that is shared or hot.",
    ),
    Chart(
        "Learning rate",
        "",
        {"learning_rate": "of Adam"},
        "Half a cosine over the first four fifths, as planned.",
        logarithmic=True,
    ),
    Chart(
        "Gamma",
        "",
        {"gamma": "weight of R1 and R2"},
        "Half a cosine from its start to a tenth of it, as planned.",
        logarithmic=True,
    ),
)


def points_of(lines: Sequence[LogLine], metric: str) -> Points:
    """(images shown, value) of a metric, for the lines that have it."""
    return [
        (images_shown, value)
        for line in lines
        if (value := line.get(metric)) is not None and (images_shown := line["images_shown"]) is not None
    ]


def charts_of(lines: Sequence[LogLine]) -> list[Chart]:
    """The charts that this log has values for; a metric that is always 0 was not in use."""
    return [chart for chart in CHARTS if any(y for metric in chart.metrics for _, y in points_of(lines, metric))]


def draw(chart: Chart, lines: Sequence[LogLine], planned_images: int) -> str:
    """The chart as an SVG; its x axis goes from 0 to the planned length of the run."""
    series = [points for metric in chart.metrics if (points := points_of(lines, metric))]
    typical = [y for points in series for y in _without_outliers([y for _, y in points])]
    y_axis = log_axis_over(typical) if chart.logarithmic and min(typical) > 0 else axis_over(typical)
    return chart_svg(series, chart.title, axis_to(planned_images), y_axis)


def _without_outliers(values: Sequence[float]) -> Sequence[float]:
    """Without the extremes of a wild start, which would flatten the rest; they are drawn at the edge."""
    if len(values) < 40:
        return values
    ordered = sorted(values)
    return ordered[len(values) // 50 : len(values) - len(values) // 50]


@dataclass(frozen=True)
class Axis:
    """Maps a value to its position along an axis: 0 at the low end, 1 at the high end."""

    low: float
    high: float
    ticks: tuple[float, ...]
    logarithmic: bool = False

    def position(self, value: float) -> float:
        """From 0 to 1; a value outside of the axis is clamped to its end."""
        low, high = self._scaled(self.low), self._scaled(self.high)
        return min(1.0, max(0.0, (self._scaled(value) - low) / (high - low)))

    def _scaled(self, value: float) -> float:
        return math.log10(max(value, 1e-12)) if self.logarithmic else value


def axis_over(values: Sequence[float]) -> Axis:
    """A linear axis over all values, with about five round ticks."""
    low, high = min(values), max(values)
    if high - low < 1e-9 * max(abs(low), abs(high), 1e-9):
        low, high = low - max(abs(low), 1) / 2, high + max(abs(high), 1) / 2
    step = _round_step((high - low) / 4)
    first, last = math.floor(low / step), math.ceil(high / step)
    if min(values) >= 0:
        first = max(0, first)  # the metric cannot be negative, so neither is the axis
    return Axis(first * step, last * step, tuple(k * step for k in range(first, last + 1)))


def log_axis_over(values: Sequence[float]) -> Axis:
    """A logarithmic axis over values above 0.

    Its ticks are 1, 2 and 5 times powers of ten, or powers of ten alone where those are more than 6. With fewer than 4
    ticks the axis is linear.
    """
    begin, end = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    candidates = [factor * 10.0**exponent for exponent in range(begin, end + 1) for factor in (1, 2, 5)]
    first = max(k for k, value in enumerate(candidates) if value <= min(values) * 1.001)
    last = min(k for k, value in enumerate(candidates) if value >= max(values) * 0.999)
    ticks = candidates[min(first, last - 1) : last + 1]
    if len(ticks) < 4:
        return axis_over(values)
    if len(ticks) > 6:
        powers = [10.0**exponent for exponent in range(begin, end + 1)]
        every = -(-len(powers) // 6)
        return Axis(powers[0], powers[-1], tuple(powers[::every]), True)
    return Axis(ticks[0], ticks[-1], tuple(ticks), True)


def axis_to(end: float) -> Axis:
    """A linear axis from 0 to exactly this end."""
    return Axis(0, end, tuple(tick for tick in axis_over([0, end]).ticks if tick <= end))


def running_mean(values: Sequence[float]) -> list[float]:
    """The mean of each value and its neighbours, equally many on both sides."""
    reach = round(len(values) * _MEAN_SHARE)
    means = []
    for index in range(len(values)):
        near = min(reach, index, len(values) - 1 - index)
        around = values[index - near : index + near + 1]
        means.append(sum(around) / len(around))
    return means


def tick_label(value: float) -> str:
    """A short number: 1,500,000 is 1.5 M, 0.0004 is 4e-4."""
    if value == 0:
        return "0"
    for least, unit, letter in ((1e6, 1e6, " M"), (1e3, 1e3, " k"), (1e-3, 1, "")):
        if least <= abs(value) < 1e10:
            return f"{value / unit:.4g}{letter}"
    mantissa, exponent = f"{value:.1e}".split("e")
    return f"{mantissa.removesuffix('.0')}e{int(exponent)}"


def chart_svg(series: Sequence[Points], title: str, x_axis: Axis, y_axis: Axis) -> str:
    """Draw one chart.

    Args:
        series: lists of (x, y), drawn in the page's colours --line-1, --line-2, ... in this order.
        title: for screen readers.
    """
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{html.escape(title)}">',
        *(_y_tick(y_axis, tick) for tick in y_axis.ticks),
        *(_x_tick(x_axis, tick) for tick in x_axis.ticks),
    ]
    for number, points in enumerate(series, start=1):
        if len(points) > _FEW_POINTS:
            parts.append(_path(points, x_axis, y_axis, f"measured line-{number}"))
            means = running_mean([y for _, y in points])
            points = [(x, mean) for (x, _), mean in zip(points, means, strict=True)]
        parts.append(_path(points, x_axis, y_axis, f"mean line-{number}"))
    return "".join([*parts, "</svg>"])


def _x(axis: Axis, value: float) -> float:
    return _LEFT + axis.position(value) * (WIDTH - _LEFT - _RIGHT)


def _y(axis: Axis, value: float) -> float:
    return HEIGHT - _BOTTOM - axis.position(value) * (HEIGHT - _TOP - _BOTTOM)


def _y_tick(axis: Axis, tick: float) -> str:
    y = _y(axis, tick)
    return (
        f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{tick_label(tick)}</text>'
    )


def _x_tick(axis: Axis, tick: float) -> str:
    x, foot = _x(axis, tick), HEIGHT - _BOTTOM
    anchor = "end" if x > WIDTH - 30 else "middle"
    return (
        f'<line class="tick" x1="{x:.1f}" x2="{x:.1f}" y1="{foot}" y2="{foot + 4}"/>'
        f'<text x="{x:.1f}" y="{foot + 18}" text-anchor="{anchor}">{tick_label(tick)}</text>'
    )


def _path(points: Points, x_axis: Axis, y_axis: Axis, css_class: str) -> str:
    if len(points) == 1:
        (x, y) = points[0]
        return f'<circle class="{css_class}" cx="{_x(x_axis, x):.1f}" cy="{_y(y_axis, y):.1f}" r="2"/>'
    coordinates = " ".join(f"{_x(x_axis, x):.1f},{_y(y_axis, y):.1f}" for x, y in points)
    return f'<polyline class="{css_class}" points="{coordinates}"/>'


def _round_step(step: float) -> float:
    size = 10.0 ** math.floor(math.log10(step))
    return next(size * factor for factor in (1, 2, 2.5, 5, 10) if size * factor >= step * 0.999)
