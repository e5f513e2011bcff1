"""A run is as long as the machine can make it within its minutes."""

import numpy as np
import pytest
import torch

from training import throughput as pace_module
from training.config import preset_named
from training.data.dataset import Pictures, digits
from training.device import ComputeContext
from training.throughput import Throughput, measure_throughput

CPU = ComputeContext(torch.device("cpu"))
SETTINGS = preset_named("tiny").with_changes(batch=40, width=4, discriminator_width=4, precision="float32")
PICTURES = Pictures("digits", digits(), "ab" * 32, (), np.arange(1797) % 10, tuple("0123456789"))


def test_what_the_first_steps_take_is_taken_off_and_batches_are_whole():
    assert Throughput(first_seconds=10.0, images_per_s=100.0).images_within(60, batch=32) == 4992


def test_minutes_without_room_for_one_batch_are_refused():
    with pytest.raises(ValueError, match=r"0.5 minutes are too few: the first steps take 45 s here, and then 1,000"):
        Throughput(first_seconds=45.0, images_per_s=1000.0).images_within(30, batch=32)


def test_the_pace_is_measured_once_and_obeyed_from_then_on(tmp_path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pace_module, "_TRIED_SECONDS", 0.05)
    kept = tmp_path / "out" / "pace.json"
    found = measure_throughput(SETTINGS, PICTURES, CPU, kept)
    monkeypatch.setattr(pace_module, "train", None)

    assert found.images_per_s > 0
    assert found.first_seconds >= 0
    assert measure_throughput(SETTINGS, PICTURES, CPU, kept) == found
