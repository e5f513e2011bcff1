"""Engines and torch draw one model in turns, and are compared in throughput and fidelity."""

from pathlib import Path

import numpy as np
import torch

from training.feedback.pretrained import Pretrained
from training.profiling.engines import (
    ADDRESSES_TO_BYTES,
    CODES_TO_BYTES,
    DEVICE_ONLY,
    serving_engines,
    time_engines,
    torch_variants,
)

CPU = torch.device("cpu")


def test_engines_and_torch_draw_the_same_pictures(learned_digits: Path):
    report: list[str] = []
    parent = Pretrained.open(learned_digits / "digits")
    candidates = [*serving_engines(parent, CPU, report.append), *torch_variants(parent, CPU)]
    timings = {timing.name: timing for timing in time_engines(candidates, parent, [4], CPU, rounds=1, window_s=0.0)}

    assert {"onnxruntime-cpu-float32", "torch-float32", "torch-bfloat16", "torch-bfloat16-compiled"} <= timings.keys()
    assert any("onnxruntime-cpu-float32: the first picture after " in line for line in report)
    assert timings["onnxruntime-cpu-float32"].median_db == timings["torch-float32"].median_db == 99.0
    assert timings["torch-bfloat16"].worst_db > 30
    assert timings["onnxruntime-cpu-float32"].images_per_s.keys() == {DEVICE_ONLY, CODES_TO_BYTES, ADDRESSES_TO_BYTES}
    assert timings["torch-float32"].images_per_s.keys() == {DEVICE_ONLY, CODES_TO_BYTES}


def test_torch_draws_with_the_weights_of_the_bundle(learned_digits: Path):
    """Weights are kept in bfloat16, so pictures are near to those of the graph and not the same."""
    parent = Pretrained.open(learned_digits / "digits")
    inputs = np.zeros((3, parent.bundle.card.code_size), np.float32), np.arange(3)
    drawn = {one.name: one.draw(inputs) for one in (*serving_engines(parent, CPU, list), *torch_variants(parent, CPU))}
    apart = drawn["torch-float32"].astype(int) - drawn["onnxruntime-cpu-float32"]

    assert abs(apart).mean() < 2
    assert drawn["torch-float32"].std() > 10
