"""The device and the precision of a run."""

import pytest
import torch

from training.config import preset_named
from training.device import describe_device, resolve_precision, select_device


def test_auto_is_a_gpu_only_where_there_is_one(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)

    assert select_device("auto", threads=1) == torch.device("cpu")


def test_cuda_where_there_is_none_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)

    with pytest.raises(ValueError, match=r"finds no CUDA device\. Use --device cpu"):
        select_device("cuda")


@pytest.mark.parametrize(
    ("capabilities", "precision"),
    [({"avx512_bf16": True}, "bfloat16"), ({"amx_bf16": True}, "bfloat16"), ({"avx2": True}, "float32")],
)
def test_auto_is_bfloat16_only_where_the_processor_computes_it(
    monkeypatch: pytest.MonkeyPatch, capabilities: dict, precision: str
):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)

    assert resolve_precision(preset_named("tiny"), torch.device("cpu")).precision == precision


def test_a_precision_that_was_asked_for_stays():
    settings = preset_named("tiny").with_changes(precision="float32")

    assert resolve_precision(settings, torch.device("cpu")) == settings


def test_a_device_has_a_name(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"the GPU at {device}")

    assert describe_device(torch.device("cuda:1")) == "the GPU at cuda:1"
    assert describe_device(torch.device("cpu")) == f"{torch.get_num_threads()} CPU threads"
