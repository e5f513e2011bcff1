"""Two processes that share a run learn what one process learns with the same batch."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from support.two_processes import (
    batch_and_slopes,
    fit_and_stop,
    in_two_processes,
    normalise,
    normalised,
    train_all,
    train_and_see_one_loss,
    train_one,
)
from torch import nn

from training.config import preset_named
from training.device import ComputeContext
from training.distributed import SINGLE_PROCESS, DistributedContext, process_group
from training.networks.dcgan import BatchNorm

ROOT = Path(__file__).parent.parent
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
CPU = ["--threads", "1", "--device", "cpu", "--precision", "float32"]
STEPS_20 = {"kimg": 1.28, "batch": 64}
RUNS = {
    "gan": STEPS_20,
    "variational": {**STEPS_20, "method": "variational"},
    "dcgan": {**STEPS_20, "network": "dcgan", "gamma": 0.0},
}


def fit_under_torchrun(folder: Path) -> None:
    """As torchrun starts them. Each writes the names of its threads after the run to a file named by its rank."""
    folder.mkdir(parents=True)
    words = ["fit", "digits", "--kimg", "1.28", "--batch", "64", *CPU]
    words += ["--run", str(folder / "run"), "--out", str(folder / "model")]
    script = folder / "fit_and_tell_threads.py"
    script.write_text(f"""
import os
import sys
from pathlib import Path

sys.path.insert(0, {str(ROOT)!r})
from training.cli.app import app

app({words!r}, standalone_mode=False)
names = [(task / "comm").read_text().strip() for task in Path("/proc/self/task").iterdir()]
Path({str(folder)!r}, os.environ["RANK"]).write_text(" ".join(names))
""")
    done = subprocess.run([*TORCHRUN, script], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The runs of one process."""
    folder = tmp_path_factory.mktemp("one")
    for name, options in RUNS.items():
        train_one(folder / name, options, ComputeContext(torch.device("cpu")))
    return folder


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The runs of two processes, but for `gan`, one after another."""
    folder = tmp_path_factory.mktemp("two")
    runs = {name: options for name, options in RUNS.items() if name != "gan"}
    codes = in_two_processes(folder / "printed", train_all, folder, runs)
    assert codes == [0, 0], (folder / "printed").read_text()
    return folder


@pytest.fixture(scope="module")
def under_torchrun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run `gan` of two processes, whole: `zoetrope fit`, started by torchrun."""
    folder = tmp_path_factory.mktemp("torchrun") / "gan"
    fit_under_torchrun(folder)
    return folder


def learned(folder: Path) -> dict[str, torch.Tensor]:
    """Weights and buffers."""
    stored = load_file(folder / "run" / "checkpoint.safetensors")
    networks = ("generator", "discriminator", "autoencoder", "average")
    return {name: tensor.float() for name, tensor in stored.items() if name.startswith(networks)}


def assert_learned_alike(one: Path, two: Path) -> None:
    """Up to the order of a sum: after 20 steps they are closer than half of one step, which is 0.002 at most."""
    expected, found = learned(one), learned(two)

    assert expected.keys() == found.keys()
    for name, weights in expected.items():
        assert (weights - found[name]).abs().max() < 1e-3, name
        assert (weights - found[name]).abs().mean() < 3e-4, name


def test_two_processes_end_with_the_weights_of_one_that_had_the_whole_batch(one: Path, two: Path):
    assert_learned_alike(one / "variational", two / "variational")


def test_so_do_two_that_torchrun_starts(one: Path, under_torchrun: Path):
    assert_learned_alike(one / "gan", under_torchrun)


def test_two_processes_of_a_dcgan_normalise_over_the_whole_batch_and_remember_it(one: Path, two: Path):
    """Weights and running statistics are those of one process, and so is all that the batch statistics moved."""
    names = [name for name in learned(two / "dcgan") if "running_" in name]

    assert any(name.startswith("average0") for name in names)
    assert any(name.startswith("generator") for name in names)
    assert_learned_alike(one / "dcgan", two / "dcgan")


def test_a_batch_that_two_processes_share_is_normalised_as_torch_normalises_the_whole_one(tmp_path: Path):
    """Pixels, gradients and running statistics, to the rounding; with gradients of a wrong size Adam learns the same.

    The same two processes find different checkpoints, and both refuse to go on.
    """
    codes = in_two_processes(tmp_path / "printed", normalise, tmp_path)
    assert codes == [0, 0], (tmp_path / "printed").read_text()
    parts = [load_file(tmp_path / f"normalised{rank}") for rank in (0, 1)]
    norm = nn.BatchNorm2d(3)
    expected = normalised(norm, *batch_and_slopes())

    torch.testing.assert_close(torch.cat([part["pixels"] for part in parts]), expected["pixels"])
    # Each process has the mean loss of its half, so a gradient by its pixels is twice that of the mean over all.
    torch.testing.assert_close(torch.cat([part["gradient"] for part in parts]) / 2, expected["gradient"])
    for part in parts:
        torch.testing.assert_close(part["weight"], norm.weight.grad)
        torch.testing.assert_close(part["bias"], norm.bias.grad)
        for name, buffer in norm.named_buffers():
            torch.testing.assert_close(part[name], buffer)
    words = "found checkpoints after 0, 5,000 images in the processes of this run, expected the same one in all. Put "
    assert all((tmp_path / f"refused{rank}").read_text().startswith(words) for rank in (0, 1))


def test_alone_batch_normalisation_is_that_of_torch_bit_for_bit():
    own, theirs = BatchNorm(3), nn.BatchNorm2d(3)
    found, expected = normalised(own, *batch_and_slopes()), normalised(theirs, *batch_and_slopes())

    assert all(torch.equal(found[name], expected[name]) for name in expected)
    assert all(torch.equal(a, b) for a, b in zip(own.buffers(), theirs.buffers(), strict=True))


def test_a_dcgan_of_several_processes_is_not_compiled_and_says_so():
    dcgan, residual = preset_named("tiny", network="dcgan"), preset_named("tiny")
    context = ComputeContext(torch.device("cpu"), compiled=True, distributed=DistributedContext(0, 2), note="no MPS")

    assert context.compiles(residual)
    assert not context.compiles(dcgan)
    assert context.notes(residual) == ["no MPS"]
    assert context.notes(dcgan) == [
        "no MPS",
        "2 processes share the batch statistics of a DCGAN; its steps are not compiled",
    ]
    assert ComputeContext(torch.device("cpu"), compiled=True).compiles(dcgan)


def test_only_the_first_process_writes_and_its_log_is_of_all(one: Path, under_torchrun: Path):
    alone, two = (
        [json.loads(line) for line in (folder / "run" / "log.jsonl").read_text().splitlines()]
        for folder in (one / "gan", under_torchrun)
    )

    assert [line["images_shown"] for line in alone] == [line["images_shown"] for line in two]
    assert two[-1]["d_loss"] == pytest.approx(alone[-1]["d_loss"], rel=1e-3)
    assert two[-1]["d_wins"] == pytest.approx(alone[-1]["d_wins"], abs=0.04)
    assert two[-1]["deviation_max"] == pytest.approx(alone[-1]["deviation_max"], rel=0.05)
    assert two[-1]["d_loss_max"] >= two[-1]["d_loss"]


def test_no_thread_of_the_group_outlives_a_run(under_torchrun: Path):
    """A process whose threads may still let go of a tensor while Python ends is aborted, once in a hundred runs."""
    for rank in ("0", "1"):
        names = (under_torchrun / rank).read_text()
        assert "python" in names
        assert "gloo" not in names


def test_what_each_process_saw_since_the_last_line_is_in_the_checkpoint_for_each():
    seen = {"d_loss": torch.tensor([1.0, 3.0]), "g_loss": torch.tensor([5.0, 6.0])}

    assert DistributedContext(1, 2).own(seen) == {"d_loss": 3.0, "g_loss": 6.0}
    assert SINGLE_PROCESS.own(seen) == {"d_loss": 2.0, "g_loss": 5.5}
    one = {"d_loss": torch.tensor(4.0)}
    assert SINGLE_PROCESS.own(SINGLE_PROCESS.gather(one)) == one


def test_two_processes_that_were_stopped_between_two_lines_write_the_log_of_two_that_were_not(tmp_path: Path):
    """SIGINT to both in the middle of the run; lines are 256 images apart, they agree once in 500."""
    words = ["digits", "--kimg", "102.4", "--batch", "16", "--width", "4", *CPU]
    words += ["--run", str(tmp_path / "run"), "--out", str(tmp_path / "model")]
    logs = []
    for stops in ((800, 1_600), (1_600,)):
        for stop_after in stops:
            codes = in_two_processes(tmp_path / "printed", fit_and_stop, words, stop_after)
            assert codes == [130, 130], (tmp_path / "printed").read_text()
        lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
        logs.append([{k: v for k, v in line.items() if k not in ("seconds", "images_per_second")} for line in lines])
        shutil.rmtree(tmp_path / "run")

    assert [line["images_shown"] for line in logs[0]] == list(range(256, 2_000, 256))
    assert logs[0] == logs[1]


def test_what_one_of_two_processes_sees_go_wrong_makes_both_go_back(tmp_path: Path):
    """The second one sees a loss of 99 at one step; both begin again with a third of the rate, and end together.

    After 2,048 images they look at overfitting, and both go on with the same augmentation.
    """
    options = {"kimg": 2.56, "batch": 64}
    codes = in_two_processes(tmp_path / "printed", train_and_see_one_loss, tmp_path, options, 99.0, 640)
    assert codes == [0, 0], (tmp_path / "printed").read_text()
    run = tmp_path / "healed" / "run"
    config = json.loads((run / "config.json").read_text())
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]

    assert [(one["images_shown"], one["returned_to"]) for one in config["healings"]] == [(640, 0)]
    assert config["healings"][0]["explanation"].startswith("d_loss reached 99;")
    assert [line["images_shown"] for line in lines] == list(range(64, 2_561, 64))
    assert (tmp_path / "p0").read_text() == (tmp_path / "p1").read_text()
    assert [line["augment_p"] for line in (lines[30], lines[-1])] == [0, float((tmp_path / "p0").read_text())]
    assert lines[-1]["augment_p"] >= 0.25
    assert {line["healings"] for line in lines} == {1}


def test_alone_there_is_nothing_to_average():
    layer = nn.Linear(2, 1)
    layer(torch.ones(1, 2)).sum().backward()
    before = layer.weight.grad.clone()
    SINGLE_PROCESS.average_gradients(layer.parameters())

    assert torch.equal(layer.weight.grad, before)
    assert SINGLE_PROCESS.is_main


def test_parts_of_a_batch_are_in_the_order_of_the_processes():
    rows = torch.arange(6)

    assert [DistributedContext(rank, 3).shard(rows).tolist() for rank in range(3)] == [[0, 1], [2, 3], [4, 5]]


def test_a_process_that_was_started_by_itself_is_alone(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)

    with process_group() as distributed:
        assert distributed == SINGLE_PROCESS


def test_a_batch_that_cannot_be_shared_is_refused_in_words():
    with pytest.raises(ValueError, match=r"batch is 7, which 2 processes cannot share; choose a multiple of 2"):
        DistributedContext(0, 2).check(7)
