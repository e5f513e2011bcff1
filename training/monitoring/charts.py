"""Which curves a report shows, with their titles, units, and what a healthy one looks like.

curves -> [charts] -> report
"""

from collections.abc import Sequence
from dataclasses import dataclass

from training.monitoring.curves import Points, axis_over, axis_to, chart_svg, logarithmic_axis_over
from training.monitoring.log_statistics import Line


@dataclass(frozen=True)
class Chart:
    """One chart: figures of the log that belong together."""

    title: str
    unit: str
    figures: dict[str, str]
    """Name in the log -> the words for it."""
    healthy: str
    logarithmic: bool = False


CHARTS = (
    Chart(
        "Losses of the two players",
        "nats",
        {"d_loss": "discriminator", "g_loss": "generator"},
        "Wild at first, then near to each other and calm. Neither goes to 0: that would be a game that is over.",
    ),
    Chart(
        "Pairs ordered rightly",
        "share",
        {"d_wins": "real above generated"},
        "Near 1 at first, then down to 0.6 to 0.9 as the pictures get better. Near 1 to the end: too few images.",
    ),
    Chart(
        "Margin between real and generated",
        "score",
        {"margin": "mean difference"},
        "Falls while the generator catches up, and rises a little when gamma falls. Swings and jumps are a bad sign.",
    ),
    Chart(
        "Diversity of the sheet",
        "data = 1",
        {"diversity": "nearest pictures, drawn / real"},
        "Anything at first, since noise is diverse too; then it rises slowly, to 0.7 and more. Near 0: one picture.",
    ),
    Chart(
        "Penalty for being steep",
        "nats",
        {"penalty": "R1 + R2, gamma included"},
        "Falls as gamma does. Growing ten times over, it says that the discriminator runs away.",
        logarithmic=True,
    ),
    Chart(
        "Error of pictures that come back",
        "squared",
        {"reconstruction": "mean over pixels in [-1, 1]"},
        "Falls fast, then slowly, and never rises for long.",
        logarithmic=True,
    ),
    Chart(
        "What a code tells of its picture",
        "nats",
        {"kl": "divergence from the standard normal"},
        "Falls at first, and then stays well above 0: at 0 the codes are not used.",
    ),
    Chart(
        "Bound on the likelihood",
        "nats",
        {"bound": "negative, a picture"},
        "Falls to the end; its level means little by itself.",
    ),
    Chart(
        "Speed",
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


def points_of(lines: Sequence[Line], name: str) -> Points:
    """(images shown, value) of a figure, where the log has it."""
    return [
        (images_shown, value)
        for line in lines
        if (value := line.get(name)) is not None and (images_shown := line["images_shown"]) is not None
    ]


def shown_in(lines: Sequence[Line]) -> list[Chart]:
    """The charts that this log has something for; a figure that is always 0 was not asked for."""
    return [chart for chart in CHARTS if any(y for name in chart.figures for _, y in points_of(lines, name))]


def draw(chart: Chart, lines: Sequence[Line], planned_images: int) -> str:
    """The chart as an SVG, from nothing to the planned length."""
    series = [points for name in chart.figures if (points := points_of(lines, name))]
    usual = [y for points in series for y in _usual([y for _, y in points])]
    y_axis = logarithmic_axis_over(usual) if chart.logarithmic and min(usual) > 0 else axis_over(usual)
    return chart_svg(series, chart.title, axis_to(planned_images), y_axis)


def _usual(values: Sequence[float]) -> Sequence[float]:
    """Without the extremes of a wild beginning, which would flatten all the rest; they are drawn at the edge."""
    if len(values) < 40:
        return values
    ordered = sorted(values)
    return ordered[len(values) // 50 : len(values) - len(values) // 50]
