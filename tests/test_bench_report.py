"""The tables, to the character."""

import pytest

from load.bench.criteria import Claim
from load.bench.figures import Figures
from load.bench.report import BEGIN, END, NoPlace, claims_table, figures_table, placed, summary_table
from load.bench.sample import Window
from load.bench.workloads import saturating

CELL = saturating("mnist", 64, "npy")


def test_a_table_replaces_what_stood_between_its_markers_and_nothing_else():
    page = f"before\n\n{BEGIN}\n\nold\n\n{END}\n\nafter\n"

    assert placed(page, "new\n") == f"before\n\n{BEGIN}\n\nnew\n\n{END}\n\nafter\n"
    assert placed(placed(page, "new"), "new") == placed(page, "new")


def test_a_page_without_a_place_is_refused():
    with pytest.raises(NoPlace, match="found no place for the table; expected one line <!-- bench: begin -->"):
        placed("nothing", "new")


def test_a_claim_is_a_row_with_what_was_wanted_and_found():
    assert claims_table([Claim("a / b", (1.234,), 1.1, at_least=False)]).splitlines()[2] == (
        "| MISS | a / b | at most 1.10 | 1.23 |"
    )


def test_a_row_says_cpu_rate_waiting_and_what_the_client_took():
    figures = Figures()
    figures.add("ours", CELL, 0, Window(64, server_cpu_s=0.064, client_cpu_s=0.0064, wall_s=0.05, waits_s=[0.01]))

    (row,) = figures_table(figures, [CELL], ["ours", "nobody"]).splitlines()[2:]

    assert row == "| mnist | 64 | npy | 4 | ours | 1 | 1,280 | 10 | 10* | 0.1 |"


def test_the_summary_has_a_column_for_each_and_is_empty_where_one_offers_nothing():
    figures = Figures()
    figures.add("ours", CELL, 0, Window(64, server_cpu_s=0.064, wall_s=0.05))

    table = summary_table(figures, [CELL, saturating("mnist", 1024, "zip")], ["ours", "theirs"])

    assert table.splitlines()[2:] == ["| mnist | 64 | npy | 4 | 1,000 |  |"]


def test_a_window_in_which_nothing_was_answered_is_an_empty_row():
    figures = Figures()
    figures.add("ours", CELL, 0, Window(faults=["status 503"], wall_s=1.0))

    assert figures_table(figures, [CELL], ["ours"]).splitlines()[2] == "| mnist | 64 | npy | 4 | ours |  |  |  |  |  |"
