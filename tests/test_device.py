"""The device and the precision of a run."""

import pytest
import torch

from models.cores import usable_cores
from training.config import preset_named
from training.device import describe_device, images_between_waits, resolve_precision
from training.device_selection import failure_of_a_step, mps_problem, select_device
from training.options import ComputeOptions


def test_auto_is_a_gpu_only_where_there_is_one(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)

    assert select_device("auto", threads=1) == torch.device("cpu")


@pytest.fixture
def apple(monkeypatch: pytest.MonkeyPatch):
    """A torch that says it has Apple's MPS, on a machine that has none."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_built", lambda: True)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    mps_problem.cache_clear()
    yield monkeypatch
    mps_problem.cache_clear()


def test_auto_is_mps_where_a_training_step_works_on_it(apple: pytest.MonkeyPatch):
    apple.setattr("training.device_selection.failure_of_a_step", lambda _: None)

    assert select_device("auto", threads=1) == torch.device("mps")
    assert resolve_precision(preset_named("tiny"), torch.device("mps")).precision == "float32"


@pytest.mark.usefixtures("apple")
def test_auto_is_the_cpu_where_a_step_fails_on_mps_and_says_why():
    """The step is a real one: here it fails because there is no such device."""
    with ComputeOptions("auto", threads=1).context() as context:
        assert context.device == torch.device("cpu")
        assert context.note.startswith(f"a training step fails on Apple's MPS with torch {torch.__version__}: ")
    with pytest.raises(ValueError, match=r"device is 'mps', but a training step fails.*\. Use --device cpu"):
        select_device("mps")
    with ComputeOptions("cpu", threads=1).context() as context:
        assert context.note == ""


def test_a_mac_without_mps_is_told_and_another_machine_is_not(apple: pytest.MonkeyPatch):
    apple.setattr(torch.backends.mps, "is_available", lambda: False)
    assert "this macOS or this Mac has none" in (mps_problem() or "")

    apple.setattr(torch.backends.mps, "is_built", lambda: False)
    mps_problem.cache_clear()
    assert mps_problem() is None
    with pytest.raises(ValueError, match="finds no Apple MPS device"):
        select_device("mps")


def test_the_step_that_is_tried_works_on_a_device_that_works_and_names_what_fails():
    assert failure_of_a_step(torch.device("cpu")) is None
    assert ": " in (failure_of_a_step(torch.device("meta")) or "")


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


def test_threads_are_those_that_are_given_or_that_the_environment_says(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    select_device("cpu")
    assert torch.get_num_threads() == 1
    select_device("cpu", threads=2)
    assert torch.get_num_threads() == 2
    monkeypatch.delenv("OMP_NUM_THREADS")
    select_device("cpu")
    assert torch.get_num_threads() == usable_cores()


def test_a_gpu_is_waited_for_once_in_32_steps_and_a_cpu_as_often_as_is_wanted():
    """A CPU has done a step when it returns; a GPU has only been given it."""
    assert images_between_waits(500, 256, torch.device("cpu")) == 500
    assert images_between_waits(500, 256, torch.device("cuda")) == 32 * 256
    assert images_between_waits(50_000, 256, torch.device("cuda")) == 50_000
