"""What is measured without HTTP: commands, and what they print."""

import sys
from pathlib import Path

import pytest

from load.bench.baselines import Baseline, engine_baseline, engine_name
from load.bench.workloads import engine_only
from load.server import MeasurementError

WORKLOAD = engine_only("pets", 4)


def test_an_engine_is_the_same_row_whatever_its_version():
    assert engine_name("onnxruntime-1.31.1-cpu-float32") == "onnxruntime float32, engine alone"
    assert engine_name("openvino-2026.4.1-cpu-bfloat16") == "openvino bfloat16, engine alone"


@pytest.mark.parametrize("engine", ["onnxruntime-1-cpu-float32", "openvino-1-cpu-float32", "openvino-1-cpu-bfloat16"])
def test_an_engine_baseline_counts_whole_batches_and_their_cpu(
    bundles: Path, engine: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("ZOETROPE_MODELS", str(bundles))

    sample = engine_baseline(WORKLOAD, engine).sample(0.02)

    assert sample.images >= WORKLOAD.n
    assert sample.server_cpu_s > 0
    assert sample.answers == 0


def test_a_command_that_fails_is_reported_with_its_last_words():
    baseline = Baseline("a", WORKLOAD, (sys.executable, "-c", "raise SystemExit('out of beads')"))

    with pytest.raises(MeasurementError, match="ended with 1: out of beads"):
        baseline.sample(0.1)
