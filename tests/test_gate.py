"""When the gate passes, from ratios made by hand."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from load.bench.gate import LIMITS, RATIOS, CommittedRatios, Ratio, check_ratios, limits_for, read_committed, summarize

MACHINE, ENGINE = "a machine, 2 cores", "onnxruntime-1.31.1-cpu-float32"
COMMITTED = CommittedRatios(MACHINE, ENGINE, {"npy": Ratio(1.0, 0.05), "zip": Ratio(1.1, 0.0)})


def test_a_ratio_is_the_median_and_its_spread_the_median_distance_from_it():
    assert summarize([1.0, 1.1, 1.2, 1.3, 9.0]) == Ratio(1.2, 0.1)
    assert summarize([1.0]) == Ratio(1.0, 0.0)


def test_the_limit_is_the_committed_ratio_with_slack_and_three_spreads():
    limits, source = limits_for(COMMITTED, MACHINE, ENGINE)

    assert limits == pytest.approx({"npy": 1.15 + 0.15, "zip": 1.265})
    assert "committed on such a machine" in source


@pytest.mark.parametrize(
    ("committed", "machine", "engine", "words"),
    [
        (None, MACHINE, ENGINE, "nothing is committed"),
        (COMMITTED, "another, 64 cores", ENGINE, "committed: a machine, 2 cores"),
        (COMMITTED, MACHINE, "openvino-2026.4.1-cpu-bfloat16", "here: a machine, 2 cores, openvino"),
    ],
)
def test_elsewhere_the_limits_of_the_criteria_hold_and_the_gate_says_so(committed, machine, engine, words):
    limits, source = limits_for(committed, machine, engine)

    assert limits == LIMITS
    assert words in source


def test_a_ratio_past_its_limit_or_not_measured_does_not_pass():
    found = {"npy": Ratio(1.31, 0.0), "zip": Ratio(1.0, 0.5)}

    results = check_ratios(found, {"npy": 1.3, "zip": 1.3, "one": 2.0})

    assert [name for name, result in results.items() if not result.passed] == ["npy", "one"]
    assert (results["npy"].expected, results["npy"].found, results["one"].found) == (
        "at most 1.30",
        "1.31",
        "not measured",
    )


def test_what_is_committed_is_read_as_it_was_written(tmp_path: Path):
    path = tmp_path / "ratios.json"
    path.write_text(json.dumps(asdict(COMMITTED)))

    assert read_committed(path) == COMMITTED
    assert read_committed(tmp_path / "nothing") is None


def test_what_is_committed_here_names_the_ratios_that_are_measured():
    if (committed := read_committed(RATIOS)) is not None:
        assert committed.ratios.keys() == LIMITS.keys()
