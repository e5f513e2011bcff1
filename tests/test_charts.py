"""A report draws what a log has, and nothing else."""

import pytest
from support.watched import game_lines

from training.monitoring.charts import CHARTS, draw, points_of, shown_in


def test_the_charts_of_a_game_and_of_an_autoencoder_are_their_own():
    game = {chart.title for chart in shown_in(game_lines(10))}
    back = {chart.title for chart in shown_in([{"images_shown": 1, "reconstruction": 0.1, "gamma": 0.0}])}

    assert {"Losses of the two players", "Diversity of the sheet", "Speed", "Gamma"} <= game
    assert back == {"Error of pictures that come back"}


def test_what_is_no_number_is_left_out():
    assert points_of([{"images_shown": 1, "kl": None}, {"images_shown": 2, "kl": 3.0}, {"images_shown": 3}], "kl") == [
        (2, 3.0)
    ]


@pytest.mark.parametrize("chart", CHARTS, ids=lambda chart: chart.title)
@pytest.mark.parametrize("values", [[0.5], [0.0, 0.0, 1.0], [1e-9, 1e30], [-3.0] * 60])
def test_every_chart_can_draw_any_numbers(chart, values: list[float]):
    lines = [{"images_shown": 10 * (k + 1)} | dict.fromkeys(chart.figures, value) for k, value in enumerate(values)]

    assert draw(chart, lines, 1000).endswith("</svg>")
