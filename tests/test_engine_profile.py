"""Engines and torch draw one model, in turns, and are compared in speed and in what they draw."""

from pathlib import Path

import numpy as np
import torch

from training.feedback.pretrained import Pretrained
from training.profiling.engines import ALONE, BY_ADDRESS, WITH_COPIES, engines_of, laps_of, torch_of

CPU = torch.device("cpu")


def test_engines_and_torch_draw_the_same_pictures(learned_digits: Path):
    told: list[str] = []
    parent = Pretrained.open(learned_digits / "digits")
    racers = [*engines_of(parent, CPU, told.append), *torch_of(parent, CPU)]
    laps = {lap.name: lap for lap in laps_of(racers, parent, [4], CPU, rounds=1, window_s=0.0)}

    assert {"onnxruntime-cpu-float32", "torch-float32", "torch-bfloat16", "torch-bfloat16-compiled"} <= laps.keys()
    assert any("onnxruntime-cpu-float32: the first picture after " in one for one in told)
    assert laps["onnxruntime-cpu-float32"].median_db == laps["torch-float32"].median_db == 99.0
    assert laps["torch-bfloat16"].worst_db > 30
    assert laps["onnxruntime-cpu-float32"].images_per_s.keys() == {ALONE, WITH_COPIES, BY_ADDRESS}
    assert laps["torch-float32"].images_per_s.keys() == {ALONE, WITH_COPIES}


def test_torch_draws_with_the_weights_of_the_bundle(learned_digits: Path):
    """Weights are kept in bfloat16, so pictures are near to those of the graph and not the same."""
    parent = Pretrained.open(learned_digits / "digits")
    given = np.zeros((3, parent.bundle.card.code_size), np.float32), np.arange(3)
    drawn = {racer.name: racer.draw(given) for racer in (*engines_of(parent, CPU, list), *torch_of(parent, CPU))}
    apart = drawn["torch-float32"].astype(int) - drawn["onnxruntime-cpu-float32"]

    assert abs(apart).mean() < 2
    assert drawn["torch-float32"].std() > 10
