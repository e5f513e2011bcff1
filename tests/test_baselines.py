"""What is measured without HTTP: commands, and what they print."""

import sys
from pathlib import Path

import pytest

from load.bench.baselines import Alone, engine_loop, engine_name
from load.bench.engine import Engine
from load.bench.workloads import drawn_alone
from load.server import ServiceTrouble

CELL = drawn_alone("mnist", 4)


def test_an_engine_is_the_same_row_whatever_its_version():
    assert engine_name("onnxruntime-1.31.1-cpu-float32") == "onnxruntime float32, engine alone"
    assert engine_name("openvino-2026.4.1-cpu-bfloat16") == "openvino bfloat16, engine alone"


@pytest.mark.parametrize("engine", ["onnxruntime-1-cpu-float32", "openvino-1-cpu-float32", "openvino-1-cpu-bfloat16"])
def test_a_loop_counts_whole_batches_and_their_cpu(bundles: Path, engine: str):
    window = engine_loop(CELL, engine, bundles / "pets" / "generator.onnx").window(0.02)

    assert window.images >= CELL.n
    assert window.server_cpu_s > 0
    assert window.answers == 0


def test_an_engine_that_nobody_knows_is_refused_with_those_that_are_known(bundles: Path):
    with pytest.raises(ValueError, match=r"engine is 'abacus-1-cpu-int4'.*openvino-bfloat16"):
        Engine(bundles / "pets" / "generator.onnx", "abacus-1-cpu-int4")


def test_a_command_that_fails_is_told_with_its_last_words():
    alone = Alone("a", CELL, (sys.executable, "-c", "raise SystemExit('out of beads')"))

    with pytest.raises(ServiceTrouble, match="ended with 1: out of beads"):
        alone.window(0.1)
