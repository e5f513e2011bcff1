"""Two processes that share a run learn what one process learns with the same batch."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from support.commandline import typed
from support.two_processes import fit, fit_and_see_one_loss, fit_and_stop, in_two_processes
from torch import nn

from training.distributed import SINGLE_PROCESS, DistributedContext, process_group

ROOT = Path(__file__).parent.parent
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
CPU = ["--threads", "1", "--device", "cpu", "--precision", "float32"]
FIT = ["digits", "--kimg", "1.28", "--batch", "64", *CPU]


def fit_alone(folder: Path, *more: str) -> None:
    """In this process, through the command line."""
    code, said = typed("fit", *FIT, "--run", folder / "run", "--out", folder / "model", *more)
    assert code == 0, said


def fit_under_torchrun(folder: Path, *more: str) -> None:
    """As torchrun starts them. Each writes the names of its threads after the run to a file named by its rank."""
    folder.mkdir()
    words = ["fit", *FIT, "--run", str(folder / "run"), "--out", str(folder / "model"), *more]
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
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a method, with `one` and `two` processes' runs in it; each pair is made once.

    Those of `gan` are started by torchrun.
    """

    @cache
    def pair(method: str) -> Path:
        folder = tmp_path_factory.mktemp(method)
        fit_alone(folder / "one", "--method", method)
        if method == "gan":
            fit_under_torchrun(folder / "two")
        else:
            words = [*FIT, "--run", str(folder / "two" / "run"), "--out", str(folder / "two" / "model")]
            codes = in_two_processes(folder / "printed", fit, [*words, "--method", method])
            assert codes == [0, 0], (folder / "printed").read_text()
        return folder

    return pair


def learned(folder: Path) -> dict[str, torch.Tensor]:
    stored = load_file(folder / "run" / "checkpoint.safetensors")
    return {
        name: tensor for name, tensor in stored.items() if name.startswith(("generator", "discriminator", "average"))
    }


@pytest.mark.parametrize("method", ["gan", "variational"])
def test_two_processes_end_with_the_weights_of_one_that_had_the_whole_batch(fitted: Callable[[str], Path], method: str):
    """Up to the order of a sum: after 20 steps they are closer than half of one step, which is 0.002 at most."""
    one, two = learned(fitted(method) / "one"), learned(fitted(method) / "two")

    assert one.keys() == two.keys()
    for name, weights in one.items():
        assert (weights - two[name]).abs().max() < 1e-3, name
        assert (weights - two[name]).abs().mean() < 3e-4, name


def test_only_the_first_process_writes_and_its_log_is_of_all(fitted: Callable[[str], Path]):
    one, two = (
        [json.loads(line) for line in (fitted("gan") / name / "run" / "log.jsonl").read_text().splitlines()]
        for name in ("one", "two")
    )

    assert [line["images_shown"] for line in one] == [line["images_shown"] for line in two]
    assert two[-1]["d_loss"] == pytest.approx(one[-1]["d_loss"], rel=1e-3)
    assert two[-1]["d_wins"] == pytest.approx(one[-1]["d_wins"], abs=0.04)
    assert two[-1]["deviation_max"] == pytest.approx(one[-1]["deviation_max"], rel=0.05)
    assert two[-1]["d_loss_max"] >= two[-1]["d_loss"]


def test_no_thread_of_the_group_outlives_a_run(fitted: Callable[[str], Path]):
    """A process whose threads may still let go of a tensor while Python ends is aborted, once in a hundred runs."""
    for rank in ("0", "1"):
        names = (fitted("gan") / "two" / rank).read_text()
        assert "python" in names
        assert "gloo" not in names


def test_what_each_process_saw_since_the_last_line_is_in_the_checkpoint_for_each():
    seen = {"d_loss": torch.tensor([1.0, 3.0]), "g_loss": torch.tensor([5.0, 6.0])}

    assert DistributedContext(1, 2).own(seen) == {"d_loss": 3.0, "g_loss": 6.0}
    assert SINGLE_PROCESS.own(seen) == {"d_loss": 2.0, "g_loss": 5.5}
    one = {"d_loss": torch.tensor(4.0)}
    assert SINGLE_PROCESS.own(SINGLE_PROCESS.gather(one)) == one


def test_two_processes_that_were_stopped_between_two_lines_write_the_log_of_two_that_were_not(tmp_path: Path):
    """SIGINT to both in the middle of the run; lines are 512 images apart, they agree once in 500."""
    words = ["digits", "--kimg", "204.8", "--batch", "16", *CPU]
    words += ["--run", str(tmp_path / "run"), "--out", str(tmp_path / "model")]
    logs = []
    for stops in ((1_600, 3_200), (3_200,)):
        for stop_after in stops:
            codes = in_two_processes(tmp_path / "printed", fit_and_stop, words, stop_after)
            assert codes == [130, 130], (tmp_path / "printed").read_text()
        lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
        logs.append([{k: v for k, v in line.items() if k not in ("seconds", "images_per_second")} for line in lines])
        shutil.rmtree(tmp_path / "run")

    assert [line["images_shown"] for line in logs[0]] == [512, 1_024, 1_536, 2_048, 2_560, 3_072]
    assert logs[0] == logs[1]


def test_what_one_of_two_processes_sees_go_wrong_makes_both_go_back(tmp_path: Path):
    """The second one sees a loss of 99 at one step; both begin again with a third of the rate, and end together.

    After 2,048 images they look at overfitting, and both go on with the same augmentation.
    """
    words = ["digits", "--kimg", "2.56", "--batch", "64", *CPU]
    words += ["--run", str(tmp_path / "run"), "--out", str(tmp_path / "model")]
    codes = in_two_processes(tmp_path / "printed", fit_and_see_one_loss, words, tmp_path, 99.0, 640)
    assert codes == [0, 0], (tmp_path / "printed").read_text()
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]

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
