"""A writer of bundles that is killed at any step leaves a folder that opens, with the new or the old version."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.in_process import loaded, loaded_registry
from support.untrained import write_untrained

from models.bundle import find_bundle, list_bundles, open_all, open_bundle
from models.bundle_writer import restore_version, write_bundle, write_scores
from models.scores import Scores
from service.reloader import ModelReloader

WRITE = """
import os, pathlib, pickle, sys
from models.bundle_writer import write_bundle

calls, kill_at = 0, int(sys.argv[2])

def counted(function):
    def call(*arguments, **options):
        global calls
        if calls == kill_at: os._exit(9)
        result = function(*arguments, **options)
        calls += 1
        if calls == kill_at: os._exit(9)
        return result
    return call

pathlib.Path.rename = counted(pathlib.Path.rename)
facts, contents = pickle.loads(sys.stdin.buffer.read())
write_bundle(pathlib.Path(sys.argv[1]), facts, contents)
"""


def killed(path: Path, source: Path, renames: int) -> None:
    """Write the bundle `source` to `path` in a process that is killed when it has made so many renames."""
    import pickle

    card = open_bundle(source).card
    facts = card.model_dump(exclude={"name", "version", "files"})
    contents = {name: (source / name).read_bytes() for name in card.files}
    done = subprocess.run(
        [sys.executable, "-c", WRITE, str(path), str(renames)],
        input=pickle.dumps((facts, contents)),
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        check=False,
    )
    assert done.returncode == 9


RESTORE = (
    WRITE.replace("write_bundle", "restore_version")
    .replace(
        """facts, contents = pickle.loads(sys.stdin.buffer.read())
restore_version(pathlib.Path(sys.argv[1]), facts, contents)""",
        """shutil.rmtree = counted(shutil.rmtree)
restore_version(pathlib.Path(sys.argv[1]), sys.argv[3])""",
    )
    .replace("import os,", "import os, shutil,")
)


def contents_of(path: Path) -> tuple[dict, dict[str, bytes]]:
    card = open_bundle(path).card
    facts = card.model_dump(exclude={"name", "version", "files"})
    return facts, {name: (path / name).read_bytes() for name in card.files}


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """`same` and `other`: bundles whose contents are written again as `grey`."""
    folder = tmp_path_factory.mktemp("sources")
    for seed, name in enumerate(("same", "other")):
        write_untrained(folder / name, 8, 8, 1, code_size=5, seed=seed)
    return {name: folder / name for name in ("same", "other")}


@pytest.fixture
def grey(tmp_path: Path, sources: dict[str, Path]) -> Path:
    path = tmp_path / "models" / "grey"
    write_bundle(path, *contents_of(sources["same"]))
    return path


@pytest.mark.parametrize("renames", [0, 1, 2])
@pytest.mark.parametrize("source", ["same", "other"])
def test_it_opens_after_a_kill_before_between_and_after_the_renames(
    grey: Path, sources: dict[str, Path], source: str, renames: int
):
    old, new = open_bundle(grey).card.version, open_bundle(sources[source]).card.version
    killed(grey, sources[source], renames)

    current = next(bundle for bundle in open_all(grey.parent) if bundle.card.version in (old, new))
    assert (current.card.name, current.card.version) == ("grey", old if renames == 0 else new)
    assert find_bundle(grey) == find_bundle("grey", grey.parent) == current.path
    assert current.path.exists()
    registry = loaded_registry(grey.parent)
    assert registry.unready is None
    assert registry.find("grey").card == current.card
    assert loaded(registry, "grey").generate(1).shape == (1, 8, 8, 1)
    assert registry.snapshot.refusals == {}
    registry.close()


def test_a_first_bundle_whose_writer_is_killed_before_its_rename_opens(tmp_path: Path, sources: dict[str, Path]):
    killed(tmp_path / "grey", sources["other"], 0)

    assert [bundle.card.name for bundle in open_all(tmp_path)] == ["grey"]


@pytest.mark.parametrize("source", ["same", "other"])
def test_the_next_writer_takes_up_what_was_left(grey: Path, sources: dict[str, Path], source: str):
    killed(grey, sources[source], 1)
    write_scores(find_bundle(grey), Scores(fd_ratio=1.5))
    before = open_bundle(find_bundle(grey)).card
    write_bundle(grey, *contents_of(sources["same"]))

    names = {path.name for path in grey.parent.iterdir()}
    assert "grey" in names
    assert not [name for name in names if name.startswith(".grey")]
    assert open_bundle(grey).card.version == open_bundle(sources["same"]).card.version
    if source == "same":
        assert open_bundle(grey).card.scores == before.scores


def test_a_running_service_takes_the_new_version_and_goes_on_when_the_rename_is_made_later(
    grey: Path, sources: dict[str, Path]
):
    registry = loaded_registry(grey.parent)
    reloader = ModelReloader(registry, grey.parent)
    killed(grey, sources["other"], 1)
    for _ in range(2):
        reloader.scan()
    runtime = loaded(registry, "grey")

    assert runtime.card.version == open_bundle(sources["other"]).card.version
    find_bundle(grey).rename(grey)
    for _ in range(2):
        reloader.scan()
    assert loaded(registry, "grey") is runtime
    assert registry.find("grey").path == grey
    assert registry.snapshot.refusals == {}
    registry.close()


@pytest.mark.parametrize("steps", range(5))
def test_both_versions_are_there_after_a_kill_at_any_step_of_restoring_one(
    grey: Path, sources: dict[str, Path], steps: int
):
    """It clears the place where it prepares, renames twice, clears it again, and takes the old name away."""
    older = open_bundle(grey).card.version
    current = write_bundle(grey, *contents_of(sources["other"])).card.version
    command = [sys.executable, "-c", RESTORE, str(grey), str(steps), older]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}, check=False)
    assert done.returncode == 9

    registry = loaded_registry(grey.parent)
    assert registry.snapshot.refusals == {}
    assert registry.find("grey").card.version == (current if steps < 2 else older)
    assert {*registry.snapshot.versions("grey")} == {current, older}
    registry.close()
    restore_version(grey, older)
    restore_version(grey, current)
    assert {bundle.card.version for bundle in open_all(grey.parent)} == {current, older}


def test_what_was_left_is_no_bundle_where_the_name_is_taken_or_it_is_not_whole(grey: Path):
    for name in (".grey.writing-1", ".other.writing-2"):
        (grey.parent / name).mkdir()
    (grey.parent / ".grey.writing-1" / "card.json").write_text("{}")

    assert list_bundles(grey.parent) == [grey]
