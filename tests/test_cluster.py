"""A node of a cluster draws where it draws and writes as the job was begun. The cluster itself: .ci/data_sets."""

import json
import pickle
import signal
from contextlib import suppress
from pathlib import Path

import pytest
from support.hosted import free_port
from support.in_process import PINNED

from service.bulk.cluster import Share, check_address, connected, environment_of
from service.bulk.cluster_run import interruptible
from service.bulk.job import Job, plan_job
from service.bulk.run import claim
from service.bulk.shard_actor import Assignment, ShardActor
from service.bulk.store import LocalStore
from service.sample import load_runtime, main
from service.settings import Settings


@pytest.fixture(autouse=True)
def _settings(bundles: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOETROPE_MODELS", str(bundles))
    for name, value in PINNED.items():
        monkeypatch.setenv(f"ZOETROPE_{name.upper()}", str(value))


@pytest.fixture
def job() -> Job:
    """30 pets in four shards."""
    return plan_job(load_runtime("pets"), seed=7, n=30, images_a_shard=8)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LocalStore:
    """An empty place, named as people name one."""
    monkeypatch.chdir(tmp_path)
    return LocalStore(Path("data set"))


def elsewhere(job: Job, store: LocalStore, bundles: Path) -> ShardActor:
    """What another process gets of an assignment."""
    return ShardActor(pickle.loads(pickle.dumps(Assignment(job, store, str(bundles / "pets"), load_runtime))))


def test_a_shard_that_another_process_made_is_that_of_the_command(
    job: Job, store: LocalStore, bundles: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    argv = ["pets", "--n", "30", "--seed", "7", "--shard-images", "8", "--out"]
    assert main([*argv, str(tmp_path / "whole")]) == 0
    with store.locked():
        claim(store, job)
        actor = elsewhere(job, store, bundles)
        monkeypatch.chdir("/")
        assert actor.open() is None
        record = actor.make(2)
    monkeypatch.chdir(tmp_path)
    assert main([*argv, "data set"]) == 0

    made, whole = (json.loads((tmp_path / name / "manifest.json").read_text()) for name in ("data set", "whole"))
    assert record.model_dump() == whole["shards"][2]
    assert made == whole


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("engine", "onnxruntime-1.0.0-cpu-float32"),
        ("engine", "openvino-2026.4.1-cpu-bfloat16"),
        ("instruction_set", "x86_64 avx"),
        ("version", "0123456789abcdef"),
        ("written_by", "shard 1, pyarrow 1.0"),
    ],
)
def test_a_node_that_would_draw_or_write_other_bytes_refuses_and_says_what_differs(
    job: Job, store: LocalStore, bundles: Path, field: str, value: str
):
    other = job.model_copy(update={field: value})
    claim(store, other)
    actor = elsewhere(other, store, bundles)
    reason = actor.open()

    assert reason is not None
    assert reason.startswith(f"found {field} {getattr(job, field)}, not {value}, expected what the job was begun with")
    with pytest.raises(RuntimeError, match="found no model"):
        actor.make(0)
    assert not (store.folder / "data").exists()


def test_a_node_that_does_not_share_the_folder_makes_none(job: Job, store: LocalStore, bundles: Path):
    actor = elsewhere(job, store, bundles)
    store.folder.rmdir()

    assert "expected the place that the command writes to" in (actor.open() or "")
    assert not store.folder.exists()


def test_a_node_without_the_model_says_so_in_a_line(job: Job, store: LocalStore, tmp_path: Path):
    claim(store, job)
    reason = ShardActor(Assignment(job, store, str(tmp_path / "nowhere"), load_runtime)).open()

    assert reason is not None
    assert "nowhere" in reason
    assert "\n" not in reason


def test_processes_that_share_a_folder_never_write_to_the_same_temporary_file(store: LocalStore):
    other = pickle.loads(pickle.dumps(store))

    assert store.scratch().absolute().parent == other.scratch().parent
    assert store.scratch().name != other.scratch().name


@pytest.mark.parametrize(
    ("settings", "resources", "actors"),
    [
        ({}, {"CPU": 4.0}, 4),
        ({"threads": 3}, {"CPU": 8.0}, 2),
        ({"device": "cuda"}, {"CPU": 8.0, "GPU": 2.0}, 2),
        ({"device": "cuda"}, {"CPU": 8.0}, 0),
        ({"device": "cuda", "encoder_threads": 6}, {"CPU": 8.0, "GPU": 2.0}, 1),
        ({}, {"memory": 1e9}, 0),
    ],
)
def test_a_node_has_as_many_actors_as_its_cpus_or_gpus_allow(settings: dict, resources: dict, actors: int):
    assert Share.of(Settings(**settings)).fits(resources) == actors


def test_an_actor_gets_what_draws_and_no_secret():
    settings = Settings(engine="openvino", grades="postgresql+psycopg://ann:secret@db/grades", client_key="secret")
    found = environment_of(settings, Share.of(settings))

    assert found["ZOETROPE_ENGINE"] == "openvino"
    assert found["ZOETROPE_THREADS"] == "1"
    assert not [value for value in found.values() if "secret" in value]


@pytest.mark.parametrize("address", ["10.0.0.1:6379", "head.example:6379", "[::1]:6379", "auto", "local"])
def test_addresses_of_clusters(address: str):
    check_address(address)


@pytest.mark.parametrize("address", ["10.0.0.1", "mnist", "http://head:6379", "", "a b:1", "head:123456"])
def test_what_is_no_address_is_refused(address: str):
    with pytest.raises(ValueError, match=r"expected HOST:PORT, auto or local$"):
        check_address(address)


def test_a_client_from_outside_is_sent_to_a_machine_of_the_cluster():
    with pytest.raises(ValueError, match=r"local\. Run the command on a machine of the cluster"):
        check_address("ray://head:10001")


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("--ray", "--out", "a.zip"), "found --ray with --out a.zip, expected it with a data set"),
        (("--ray", "nowhere", "--out", "a"), "found --ray nowhere, expected HOST:PORT, auto or local"),
    ],
)
def test_the_option_is_checked_before_ray_is_asked(
    capsys: pytest.CaptureFixture[str], argv: tuple[str, ...], words: str
):
    assert main(["grey", *argv]) == 1
    assert words in capsys.readouterr().err


def test_where_nothing_listens_it_is_said_at_once_and_nothing_is_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    pytest.importorskip("ray")
    address = f"127.0.0.1:{free_port()}"

    assert main(["grey", "--n", "30", "--ray", address, "--out", str(tmp_path / "a")]) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"error: found no Ray cluster at {address}, expected one with this version of Ray")
    assert said.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ConnectionError, match="found no Ray cluster"), connected(address):
        pass


def test_an_interrupt_that_came_to_nothing_in_a_callback_ends_the_run_at_its_next_turn():
    before = signal.getsignal(signal.SIGINT)
    with interruptible() as check:
        check()
        with suppress(KeyboardInterrupt):  # as Python does in a callback
            signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            check()

    assert signal.getsignal(signal.SIGINT) is before
