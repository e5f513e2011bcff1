"""`zoetrope sample --ray` on a real Ray cluster of this machine: a node is killed, another one has another processor.

    zoetrope sample --ray -> nodes of ray.cluster_utils -> a folder -> the manifest of a local job

Nodes are processes of their own, as `ray start` begins them, and listen on
127.0.0.1 alone. Part of .ci/run and not of `make test`, because of how long it takes.
"""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from support.bucket import Bucket
from support.home import Home
from support.serving import ROOT

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # of the nodes that are begun here
os.environ["RAY_USAGE_STATS_REPORT_URL"] = "http://127.0.0.1:9/"  # else it is told that reports are off
os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"  # Ray takes no address of this machine but 127.0.0.1
ray = pytest.importorskip("ray")

JOB = ("eurosat", "--n", "4800", "--seed", "7", "--shard-images", "80")
SHARDS = 60
ENDLESS = ("eurosat", "--n", "200000", "--seed", "7", "--shard-images", "80")
SMALL = ("mnist", "--n", "400", "--seed", "7", "--shard-images", "80")
WITHIN_S = 120
# Python runs this first: what the libraries of an actor find in their environment when they are imported, and on one
# node another kind of processor.
NODE = """
import json, os, platform, sys

SWITCHES = ("RAY_USAGE_STATS_ENABLED", "HF_HUB_DISABLE_TELEMETRY", "ORT_DISABLE_TELEMETRY", "BENTOML_DO_NOT_TRACK")
if "ZOETROPE_ENGINE" in os.environ:
    with open(os.environ["STARTED"], "a") as file:
        file.write(json.dumps({name: os.environ.get(name) for name in SWITCHES}) + "\\n")
if "PROCESSOR" in os.environ:
    platform.machine = lambda: os.environ["PROCESSOR"]
"""


class Machines:
    """A cluster of nodes, each with one CPU."""

    def __init__(self, folder: Path) -> None:
        from ray.cluster_utils import Cluster

        self.started = folder / "started"
        (folder / "node").mkdir()
        (folder / "node" / "sitecustomize.py").write_text(NODE)
        self._variables = {"STARTED": str(self.started), "PYTHONPATH": f"{folder / 'node'}"}
        soon = {"health_check_initial_delay_ms": 0, "health_check_period_ms": 500, "health_check_failure_threshold": 4}
        self._cluster = Cluster(initialize_head=True, head_node_args=self._node(_system_config=soon))
        self.address = self._cluster.address

    def _node(self, **options: object) -> dict[str, Any]:
        variables = {**self._variables, **options.pop("variables", {})}
        return {
            "num_cpus": 1,
            "object_store_memory": 80_000_000,
            "include_dashboard": False,
            "node_ip_address": "127.0.0.1",
            "env_vars": variables,
            **options,
        }

    def add(self, **variables: str) -> Any:
        """One more node."""
        return self._cluster.add_node(**self._node(variables=variables))

    def kill(self, node: Any) -> None:
        """All processes of a node, at once."""
        self._cluster.remove_node(node, allow_graceful=False)

    def end(self) -> None:
        self._cluster.shutdown()


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    found = Machines(tmp_path_factory.mktemp("cluster"))
    yield found
    found.end()


def sampling(*argv: object, cwd: Path) -> subprocess.Popen:
    """`zoetrope sample ARGV` with the shipped models, started."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "ZOETROPE_MODELS": str(ROOT / "models")}
    command = [sys.executable, "-m", "zoetrope", "sample", *map(str, argv)]
    return subprocess.Popen(
        command, cwd=cwd, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def manifest(folder: Path) -> dict:
    return json.loads((folder / "manifest.json").read_text())


def wait_for(process: subprocess.Popen, holds: Callable[[], bool]) -> None:
    end = time.monotonic() + WITHIN_S
    while not holds():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < end, "it did not come to that in time"
        time.sleep(0.02)


def finished(folder: Path) -> int:
    return len([*(folder / ".zoetrope" / "shards").glob("*.json")])


def draws(node: Any) -> bool:
    """Whether a process of a node has a shard open that is not whole."""
    (raylet,) = node.all_processes["raylet"]
    with suppress(psutil.NoSuchProcess):
        workers = psutil.Process(raylet.process.pid).children(recursive=True)
        return any("/.zoetrope/writing/" in file.path for one in workers for file in one.open_files())
    return False


def started_by(process: subprocess.Popen) -> list[psutil.Process]:
    """It, and its children."""
    return [found := psutil.Process(process.pid), *found.children()]


def listens(process: psutil.Process) -> list[str]:
    """The addresses on which a process waits for connections."""
    with suppress(psutil.NoSuchProcess):
        return [one.laddr.ip for one in process.net_connections("inet") if one.status == psutil.CONN_LISTEN]
    return []


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict:
    """The manifest of a job of this machine that was never stopped."""
    folder = tmp_path_factory.mktemp("whole")
    _, said = (process := sampling(*JOB, "--out", "whole", cwd=folder)).communicate()
    assert process.returncode == 0, said
    return manifest(folder / "whole")


def test_a_node_that_is_killed_in_the_middle_loses_nothing_and_one_with_another_processor_draws_nothing(
    machines: Machines, whole: dict, tmp_path: Path
):
    killed = machines.add(RAY_USAGE_STATS_ENABLED="1")
    machines.add(PROCESSOR="another")
    process = sampling(*JOB, "--ray", machines.address, "--out", "data", cwd=tmp_path)
    wait_for(process, lambda: finished(tmp_path / "data") >= 2 and draws(killed))
    machines.kill(killed)
    before = finished(tmp_path / "data")
    out, said = process.communicate(timeout=WITHIN_S)

    assert process.returncode == 0, said
    assert before < SHARDS - 5
    assert re.fullmatch("data: 4,800 of eurosat .*; digest [0-9a-f]{16}\n", out)
    assert manifest(tmp_path / "data") == whole
    assert "node 127.0.0.1 died" in said
    assert "is drawn again" in said
    assert re.search("node 127.0.0.1 draws nothing: found .*instruction_set another .*expected what the job was", said)
    assert not (tmp_path / "data" / ".zoetrope").exists()
    started = [json.loads(line) for line in machines.started.read_text().splitlines()]
    assert len(started) >= 3
    assert {tuple(one.values()) for one in started} == {("0", "1", "1", "True")}


def test_a_command_that_is_killed_goes_on_without_the_cluster(machines: Machines, whole: dict, tmp_path: Path):
    process = sampling(*JOB, "--ray", machines.address, "--out", "data", cwd=tmp_path)
    wait_for(process, lambda: finished(tmp_path / "data") >= 3)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    _, said = (again := sampling(*JOB, "--out", "data", cwd=tmp_path)).communicate()

    assert again.returncode == 0, said
    assert "going on with" in said
    assert manifest(tmp_path / "data") == whole


def test_where_no_node_draws_the_command_says_why_and_leaves_what_is_finished(machines: Machines, tmp_path: Path):
    environment = os.environ | {"ZOETROPE_THREADS": "64"}
    command = [sys.executable, "-m", "zoetrope", "sample", str(ROOT / "models" / "mnist"), "--ray", machines.address]
    done = subprocess.run(
        [*command, "--out", "data"],
        cwd=tmp_path,
        env=environment | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert (
        "found no node of the cluster that draws this job: none has 64 CPUs. 0 of 1 shards are finished" in done.stderr
    )


def test_a_cluster_writes_to_a_bucket(bucket: Bucket, tmp_path: Path):
    _, said = (process := sampling(*SMALL, "--ray", "local", "--out", bucket.out, cwd=tmp_path)).communicate()
    assert process.returncode == 0, said
    sampling(*SMALL, "--out", "local", cwd=tmp_path).communicate()

    assert bucket.manifest() == manifest(tmp_path / "local")
    assert not [*Path(tempfile.gettempdir()).glob("zoetrope-shards-*")]


def test_what_an_actor_finds_wrong_is_said_as_on_this_machine_and_a_deleted_shard_is_drawn_again(
    machines: Machines, tmp_path: Path
):
    name = "data/train-00001-of-00005.parquet"
    foreign = tmp_path / "data" / name
    (tmp_path / "data" / ".zoetrope").mkdir(parents=True)
    foreign.parent.mkdir()
    foreign.write_text("mine")
    _, said = (process := sampling(*SMALL, "--ray", machines.address, "--out", "data", cwd=tmp_path)).communicate()

    assert process.returncode == 1
    assert f"error: {name}: found a file that this job does not make. Remove it" in said
    assert foreign.read_text() == "mine"
    foreign.unlink()
    sampling(*SMALL, "--out", "data", cwd=tmp_path).communicate()
    whole, before = foreign.read_bytes(), manifest(tmp_path / "data")
    foreign.unlink()
    _, said = (process := sampling(*SMALL, "--ray", machines.address, "--out", "data", cwd=tmp_path)).communicate()
    assert process.returncode == 0, said
    assert f"{name} is gone: it is drawn again" in said
    assert foreign.read_bytes() == whole
    assert manifest(tmp_path / "data") == before


def test_a_cluster_of_one_command_listens_on_this_machine_alone_reports_nothing_and_leaves_nothing(tmp_path: Path):
    before, out = {*Path("/tmp").glob("ray*")}, tmp_path / "data"
    (tmp_path / "machine").mkdir()
    home = Home(tmp_path / "machine")
    home.environment["ZOETROPE_MODELS"] = str(ROOT / "models")
    process = home.start(sys.executable, "-m", "zoetrope", "sample", *ENDLESS, "--ray", "local", "--out", out)
    wait_for(process, lambda: finished(out) >= 1)
    (command,) = [one for one in started_by(process) if "zoetrope" in one.cmdline() and one.name() != "strace"]
    children = command.children(recursive=True)
    listening = [where for child in children for where in listens(child)]
    command.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=WITHIN_S)

    assert process.returncode == 1
    assert "stopped. " in said
    assert "shards are finished and stay: repeat the command to go on" in said
    assert len(listening) >= 2
    assert {*listening} <= {"127.0.0.1", "::1", "::ffff:127.0.0.1"}
    _, alive = psutil.wait_procs(children, 20)
    assert alive == []
    assert {*Path("/tmp").glob("ray*")} == before
    home.check()
