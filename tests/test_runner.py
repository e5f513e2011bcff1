"""In which order it is measured, what is left out, and what the commands of baselines print."""

import json
import sys
from pathlib import Path

import pytest

from load.bench import runner
from load.bench.measurements import Sample
from load.bench.runner import (
    NEVER_VALUES,
    Baseline,
    Plan,
    encode_baseline,
    engine_baseline,
    engine_name,
    measure,
    offered_workloads,
)
from load.bench.servers import OURS, PEERS, RunningServer
from load.bench.workloads import engine_only, ordered, saturated, workloads_of
from load.server import MeasurementError, ServedModel
from models.bundle import open_bundle


class FakeBaseline:
    """Writes down when it was measured, and for how long."""

    def __init__(self, name: str, n: int, calls: list[str]) -> None:
        self.name, self.workload, self._calls = name, engine_only("mnist", n), calls

    def sample(self, seconds: float) -> Sample:
        self._calls.append(f"{self.name} {self.workload.n} {seconds:g}")
        return Sample(images=1, server_cpu_s=1.0, wall_s=1.0)


def test_all_is_measured_in_a_workload_before_the_next_and_then_again():
    calls: list[str] = []
    lines: list[str] = []
    plan = Plan(baselines=[FakeBaseline(name, n, calls) for n in (256, 1) for name in ("a", "b")])

    measurements = measure(plan, iterations=2, length=2.0, log=lines.append)

    assert calls == ["a 1 3", "b 1 3", "a 256 3", "b 256 3"] * 2
    assert {number for number, _ in measurements.samples["a", engine_only("mnist", 1)]} == {0, 1}
    assert len(lines) == 2


def test_workloads_go_from_few_images_to_many_and_by_model():
    workloads = ordered(
        [saturated("eurosat", 1, "npy"), saturated("mnist", 1024, "npy"), saturated("mnist", 64, "zip")]
    )

    assert [(one.model, one.n) for one in workloads] == [("mnist", 64), ("mnist", 1024), ("eurosat", 1)]


def test_a_list_of_millions_of_numbers_is_left_out_but_ours_are_pngs():
    peer, ours = (RunningServer(one, "", None) for one in (PEERS[0], OURS[0]))

    left = [
        [one for one in workloads_of("eurosat") if one not in offered_workloads(server, workloads_of("eurosat"))]
        for server in (peer, ours)
    ]

    assert left == [[saturated("eurosat", 1024, "json")], []]
    assert left[0][0].values > NEVER_VALUES > saturated("mnist", 1024, "json").values


@pytest.fixture
def pets(bundles: Path, monkeypatch: pytest.MonkeyPatch) -> ServedModel:
    """A model with classes, where the benchmark looks for it."""
    monkeypatch.setenv("ZOETROPE_MODELS", str(bundles))
    card = open_bundle(bundles / "pets").card
    shape = card.image
    return ServedModel(
        "pets", card.version, shape.height, shape.width, shape.channels, "onnxruntime-1-cpu-float32", (1, 2, 4)
    )


def baseline_that_runs(code: str) -> Baseline:
    return Baseline("a", engine_only("pets", 4), (sys.executable, "-c", code), "0123")


def test_an_engine_is_the_same_row_whatever_its_version():
    assert engine_name("onnxruntime-1.31.1-cpu-float32") == "onnxruntime float32, engine alone"
    assert engine_name("openvino-2026.4.1-cpu-bfloat16") == "openvino bfloat16, engine alone"


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["onnxruntime-1-cpu-float32", "openvino-1-cpu-float32"])
def test_an_engine_baseline_counts_whole_batches_and_their_cpu(pets: ServedModel, engine: str):
    sample = engine_baseline(pets, 4, engine).sample(0.02)

    assert sample.images >= 4
    assert sample.images % 4 == 0
    assert sample.server_cpu_s > 0
    assert sample.answers == 0


@pytest.mark.slow
def test_an_encode_baseline_counts_whole_answers(pets: ServedModel):
    sample = encode_baseline(pets, 3, "zip").sample(0.02)

    assert sample.images >= 3
    assert sample.images % 3 == 0


def test_another_version_of_the_model_is_refused():
    found = {"version": "4567", "images": 4, "cpu_s": 1.0, "wall_s": 1.0}
    baseline = baseline_that_runs(f"print({json.dumps(json.dumps(found))})")

    with pytest.raises(MeasurementError, match=r"service draws pets 0123, and the baseline 4567. Set ZOETROPE_MODELS"):
        baseline.sample(0.1)


def test_a_command_that_does_not_end_is_an_error(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(runner, "BASELINE_TIMEOUT_S", 0.2)

    with pytest.raises(MeasurementError, match=r"did not end within 0\.2 s"):
        baseline_that_runs("import time; time.sleep(60)").sample(0.1)


def test_a_command_that_fails_is_reported_with_its_last_words():
    with pytest.raises(MeasurementError, match="ended with 1: out of beads"):
        baseline_that_runs("raise SystemExit('out of beads')").sample(0.1)
