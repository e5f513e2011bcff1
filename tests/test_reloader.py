"""A changed folder of bundles is checked and published in one step, and no request fails."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from support.full_disk import full_disk
from support.in_process import loaded, loaded_registry
from support.model_swaps import SETTINGS, put, swap_under_load, write_versions
from support.serving import started
from support.untrained import write_untrained

from models.bundle import Bundle
from models.bundle_writer import write_scores
from models.scores import Scores
from models.warm_up import WarmUp
from service import reloader
from service.errors import Problem
from service.loader import ModelLoader
from service.refusals import Refusal
from service.reloader import ModelReloader
from service.snapshot import ModelVersion, read_version


class Watched:
    """A registry on a folder, and its reloader; notes the models at each change of what is served."""

    def __init__(self, folder: Path) -> None:
        self.registry, self.folder = loaded_registry(folder), folder
        self.published: list[list[str]] = []
        self.registry._on_change = lambda: self.published.append(self.registry.snapshot.names)
        self.reloader = ModelReloader(self.registry, folder)
        self.settle()

    def settle(self) -> None:
        for _ in range(2):
            self.reloader.scan()


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    write(tmp_path, seed=1)
    return Watched(tmp_path)


def write(folder: Path, seed: int, name: str = "grey") -> Bundle:
    return write_untrained(folder / name, 8, 8, 1, code_size=5, seed=seed)


def refused(watched: Watched, model: str) -> int:
    with pytest.raises(Problem) as caught:
        watched.registry.find(model)
    return caught.value.status


def test_a_new_version_is_current_and_the_old_one_stays_by_its_name(watched: Watched):
    old = loaded(watched.registry, "grey")
    new = write(watched.folder, seed=2)
    watched.settle()

    assert watched.registry.find("grey").card == new.card
    assert watched.registry.snapshot.versions("grey") == [new.card.version, old.card.version]
    assert (
        loaded(watched.registry, f"grey@{old.card.version}") is old
    )  # its folder has another name, its files are the same
    assert watched.published == [["grey"]]


def test_a_request_that_has_begun_goes_on_with_the_version_that_it_began_with(watched: Watched):
    runtime, before = loaded(watched.registry, "grey"), watched.registry.snapshot
    expected = runtime.generate(3, 0, 10)
    write(watched.folder, seed=2)
    watched.settle()

    assert np.array_equal(runtime.generate(3, 0, 10), expected)
    assert before.find("grey").runtime is runtime
    assert not np.array_equal(loaded(watched.registry, "grey").generate(3, 0, 10), expected)


def test_only_what_changed_is_loaded(watched: Watched, monkeypatch: pytest.MonkeyPatch):
    names: list[str] = []
    load = ModelLoader.load

    def noted(loader: ModelLoader, version: ModelVersion) -> None:
        names.append(version.path.name)
        load(loader, version)

    monkeypatch.setattr(ModelLoader, "load", noted)
    watched.settle()
    write(watched.folder, seed=1, name="other")
    watched.settle()
    write(watched.folder, seed=2)
    watched.settle()

    assert names == ["other", "grey"]


def test_an_evaluated_model_has_its_new_card_and_is_not_loaded_again(watched: Watched, monkeypatch: pytest.MonkeyPatch):
    old = loaded(watched.registry, "grey")
    monkeypatch.setattr(ModelLoader, "load", lambda *_: pytest.fail("loaded again"))
    write_scores(watched.folder / "grey", Scores(fd_ratio=1.5))
    watched.settle()

    assert watched.registry.find("grey").card.scores.fd_ratio == 1.5
    assert old.card.scores.fd_ratio is None
    assert np.array_equal(loaded(watched.registry, "grey").generate(3, 0, 2), old.generate(3, 0, 2))


def test_models_come_and_go(watched: Watched):
    write(watched.folder, seed=2, name="another")
    watched.settle()
    assert watched.registry.snapshot.names == ["another", "grey"]

    shutil.rmtree(watched.folder / "another")
    watched.settle()
    assert watched.registry.snapshot.names == ["grey"]
    assert refused(watched, "another") == 404


def test_a_version_whose_folder_is_gone_is_gone(watched: Watched):
    old = watched.registry.find("grey").card.version
    write(watched.folder, seed=2)
    watched.settle()
    shutil.rmtree(watched.folder / f"grey@{old}")
    watched.settle()

    assert refused(watched, f"grey@{old}") == 410


def test_a_change_that_is_seen_once_is_not_believed(watched: Watched):
    """A bundle that is being renamed is not there for a moment."""
    (watched.folder / "grey").rename(watched.folder / ".aside")
    watched.reloader.scan()
    (watched.folder / ".aside").rename(watched.folder / "grey")
    watched.settle()

    assert watched.registry.snapshot.names == ["grey"]
    assert watched.published == []


def test_a_damaged_version_is_refused_in_one_line_until_the_folder_changes_again(
    watched: Watched, caplog: pytest.LogCaptureFixture
):
    old = loaded(watched.registry, "grey")
    new = write(watched.folder, seed=2)
    whole = new.generator
    (new.path / "generator.onnx").write_bytes(whole[:1000])
    for _ in range(3):
        watched.settle()

    assert loaded(watched.registry, "grey") is old
    (line,) = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert line.startswith("grey is refused until it changes: ")
    assert "generator.onnx: found 1000 bytes with SHA-256" in line

    (new.path / "generator.onnx").write_bytes(whole)
    watched.settle()
    assert watched.registry.find("grey").card == new.card


def test_a_bundle_whose_engine_fails_is_refused_too(watched: Watched, monkeypatch: pytest.MonkeyPatch):
    old = loaded(watched.registry, "grey")
    write(watched.folder, seed=2)
    with monkeypatch.context() as broken:
        broken.setattr(WarmUp, "_run", lambda *_: 1 / 0)
        watched.settle()

    assert loaded(watched.registry, "grey") is old


def test_a_bundle_that_is_half_copied_is_not_served(watched: Watched):
    other = write(watched.folder, seed=2, name="other")
    shutil.copytree(other.path, watched.folder / ".copy")
    shutil.rmtree(other.path)
    other.path.mkdir()
    for name in ("card.json", "samples.png", "generator.onnx"):
        watched.settle()
        assert watched.registry.snapshot.names == ["grey"]
        shutil.copy(watched.folder / ".copy" / name, other.path)
    watched.settle()

    assert watched.registry.snapshot.names == ["grey", "other"]


def test_older_versions_alone_leave_the_current_one_where_it_was(watched: Watched, caplog: pytest.LogCaptureFixture):
    old = loaded(watched.registry, "grey")
    new = write(watched.folder, seed=2)
    watched.settle()
    shutil.rmtree(new.path)
    write(watched.folder, seed=3, name="other").path.rename(watched.folder / f"other@{'0' * 16}")
    watched.settle()

    assert watched.registry.find("grey").card == new.card
    assert watched.registry.find(f"grey@{old.card.version}").card == old.card
    assert watched.registry.snapshot.names == ["grey"]
    assert f"grey: found only grey@{old.card.version}, expected the current version next to it" in caplog.text


@pytest.mark.parametrize("what", ["grey", "."])
def test_the_last_model_is_not_taken_away(watched: Watched, what: str, caplog: pytest.LogCaptureFixture):
    shutil.rmtree(watched.folder / what)
    watched.settle()

    assert watched.registry.snapshot.names == ["grey"]
    assert "found no bundle, expected at least one; the served models stay" in caplog.text


def test_a_scan_that_fails_is_logged_and_the_next_one_is_made(
    watched: Watched, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    scans = iter([lambda: 1 / 0, watched.reloader.stop])
    monkeypatch.setattr(watched.reloader, "scan", lambda: next(scans)())
    watched.reloader._watch(0.001)

    assert "the folder of models could not be scanned" in caplog.text


def test_links_to_nowhere_and_to_themselves_keep_no_model_from_coming(watched: Watched):
    for folder in (watched.folder, watched.folder / "grey"):
        (folder / "gone").symlink_to(watched.folder / "nowhere")
        (folder / "round").symlink_to(folder / "round")
    write(watched.folder, seed=3, name="other")
    watched.settle()

    assert watched.registry.snapshot.names == ["grey", "other"]
    assert loaded(watched.registry, "grey") is not None


def test_a_folder_that_is_renamed_while_it_is_read_is_refused_and_loaded_when_it_is_back(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
):
    old = loaded(watched.registry, "grey")
    new = write(watched.folder, seed=2)
    aside = watched.folder / ".aside"

    def read_and_rename(path: Path) -> ModelVersion | Refusal:
        version = read_version(path)
        if path.name == "grey":
            path.rename(aside)
        return version

    with monkeypatch.context() as renamed:
        renamed.setattr(reloader, "read_version", read_and_rename)
        watched.settle()
    assert loaded(watched.registry, "grey") is old
    assert "grey" in watched.registry.snapshot.refusals
    aside.rename(new.path)
    watched.settle()

    assert watched.registry.find("grey").card == new.card
    assert watched.registry.snapshot.refusals == {}


def test_the_folder_of_models_may_be_renamed_and_come_back_with_another_version(watched: Watched):
    old = loaded(watched.registry, "grey")
    elsewhere = watched.folder.with_name("elsewhere")
    watched.folder.rename(elsewhere)
    watched.settle()
    assert loaded(watched.registry, "grey") is old
    new = write(elsewhere, seed=2)
    elsewhere.rename(watched.folder)
    watched.settle()

    assert watched.registry.find("grey").card == new.card


def test_on_a_full_disk_models_come_and_go(watched: Watched):
    """The reloader writes nothing but its log; a bundle that is cut by a full disk is a damaged one, as above."""
    new = write(watched.folder, seed=2)
    with full_disk():
        watched.settle()

    assert watched.registry.find("grey").card == new.card


@pytest.mark.slow
def test_a_running_service_changes_versions_ten_times_and_no_request_fails_or_has_a_wrong_byte(tmp_path: Path):
    """While three clients draw without a pause; `python -m support.model_swaps` does a thousand."""
    versions, models = write_versions(tmp_path / "versions"), tmp_path / "models"
    models.mkdir()
    put(next(iter(versions.values())), models)
    with started(models, tmp_path / "log", **SETTINGS) as server:
        server.wait_for("/readyz")
        responses, _ = swap_under_load(server, models, versions, 10)

    assert (responses.wrong, responses.failed) == (0, [])
    assert responses.compared > 10
