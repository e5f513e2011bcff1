"""A bundle is written whole or not at all, and opened unaltered or not at all."""

import hashlib
import json
from pathlib import Path

import pytest
from support.read_only import no_rights_to_write
from support.untrained import write_untrained

from models import bundle_writer
from models.bundle import find_bundle, list_bundles, open_all, open_bundle, read_card
from models.bundle_writer import restore_version, write_bundle, write_fidelity, write_scores
from models.card import Fidelity
from models.errors import BundleDamaged, BundleError, BundleMissing, BundleReplaced, BundleTooNew
from models.scores import Scores, ScoresElsewhere


def edit_card(path: Path, **changes: object) -> None:
    card = json.loads((path / "card.json").read_text())
    (path / "card.json").write_text(json.dumps(card | changes))


def test_what_was_written_is_what_is_opened(grey: Path):
    bundle = open_bundle(grey)

    assert bundle.card.name == "grey"
    assert bundle.generator == (grey / "generator.onnx").read_bytes()
    assert set(bundle.card.files) == {"generator.onnx", "samples.png"}


def test_no_trace_of_writing_is_left(grey: Path):
    assert [path.name for path in grey.parent.iterdir()] == ["grey"]


def test_another_version_keeps_the_old_one_next_to_it(tmp_path: Path):
    old = write_untrained(tmp_path / "grey", 8, 8, 1, code_size=5, seed=1).card.version
    new = write_untrained(tmp_path / "grey", 8, 8, 1, code_size=5, seed=2).card.version

    opened = {bundle.path.name: bundle.card.version for bundle in open_all(tmp_path)}

    assert opened == {"grey": new, f"grey@{old}": old}
    assert old != new


def test_the_same_version_takes_the_place_of_itself(tmp_path: Path):
    write_untrained(tmp_path / "grey", 8, 8, 1, code_size=5)
    write_untrained(tmp_path / "grey", 8, 8, 1, code_size=5)

    assert [path.name for path in tmp_path.iterdir()] == ["grey"]


def test_a_failure_while_writing_leaves_the_old_bundle_whole(grey: Path):
    before = open_bundle(grey).card

    with pytest.raises(ValueError, match="method"):
        write_bundle(grey, {"method": "guess"}, {"generator.onnx": b"x", "samples.png": b"y"})

    assert open_bundle(grey).card == before


def test_scores_are_written_into_the_card_and_nothing_else_changes(grey: Path):
    before = open_bundle(grey).card
    files = {path.name: path.read_bytes() for path in grey.iterdir() if path.name != "card.json"}

    after = write_scores(grey, Scores(fd_ratio=1.5, images=10)).card

    assert after == before.model_copy(update={"scores": Scores(fd_ratio=1.5, images=10)})
    assert {path.name: path.read_bytes() for path in grey.iterdir() if path.name != "card.json"} == files


def test_the_same_version_written_again_keeps_its_scores_and_another_version_has_none(tmp_path: Path):
    path = tmp_path / "grey"
    write_untrained(path, 8, 8, 1, code_size=5, seed=1)
    write_scores(path, Scores(fd_ratio=1.5, images=10))

    assert write_untrained(path, 8, 8, 1, code_size=5, seed=1).card.scores == Scores(fd_ratio=1.5, images=10)
    assert write_untrained(path, 8, 8, 1, code_size=5, seed=2).card.scores == Scores()


def elsewhere(data: str, fd_ratio: float) -> ScoresElsewhere:
    return ScoresElsewhere(data=data, data_digest=data[0] * 64, scores=Scores(fd_ratio=fd_ratio, images=10))


def test_scores_on_other_data_lie_elsewhere_in_the_card_one_for_each_data(grey: Path):
    write_scores(grey, Scores(fd_ratio=1.5, images=10))
    for scores in (elsewhere("a", 2), elsewhere("b", 3), elsewhere("a", 4)):
        card = write_scores(grey, scores).card

    assert card.scores == Scores(fd_ratio=1.5, images=10)
    assert card.scores_elsewhere == (elsewhere("b", 3), elsewhere("a", 4))


def test_the_same_version_written_again_keeps_its_scores_elsewhere(tmp_path: Path):
    path = tmp_path / "grey"
    write_untrained(path, 8, 8, 1, code_size=5, seed=1)
    write_scores(path, elsewhere("a", 2))

    assert write_untrained(path, 8, 8, 1, code_size=5, seed=1).card.scores_elsewhere == (elsewhere("a", 2),)
    assert write_untrained(path, 8, 8, 1, code_size=5, seed=2).card.scores_elsewhere == ()


def test_a_card_that_was_replaced_while_it_was_evaluated_is_not_overwritten(tmp_path: Path):
    path = tmp_path / "grey"
    scored = write_untrained(path, 8, 8, 1, code_size=5, seed=1).card
    version = write_untrained(path, 8, 8, 1, code_size=5, seed=2).card.version

    with pytest.raises(BundleReplaced, match=rf"found version {version}, expected {scored.version}.*Evaluate it again"):
        write_scores(path, Scores(fd_ratio=1.5), scored)
    assert open_bundle(path).card.scores == Scores()


@pytest.mark.parametrize("other", [Scores(fd_ratio=2.0), elsewhere("a", 2)])
def test_scores_that_another_process_wrote_meanwhile_are_not_overwritten(grey: Path, other: Scores | ScoresElsewhere):
    scored = open_bundle(grey).card
    before = write_scores(grey, other).card

    with pytest.raises(BundleReplaced, match="found scores that another process wrote meanwhile"):
        write_scores(grey, Scores(fd_ratio=1.5), scored)
    assert open_bundle(grey).card == before


def test_a_fidelity_that_was_measured_meanwhile_is_kept(grey: Path):
    scored = open_bundle(grey).card
    fidelity = {"bfloat16": Fidelity(worst_db=50.0, median_db=60.0, images=10)}
    write_fidelity(grey, fidelity, None)

    after = write_scores(grey, Scores(fd_ratio=1.5), scored).card

    assert (after.fidelity, after.scores.fd_ratio) == (fidelity, 1.5)


def test_a_kill_while_scores_are_written_leaves_the_old_card_whole(grey: Path, monkeypatch: pytest.MonkeyPatch):
    """Everything is written to a temporary file; the last step is one rename."""
    before = (grey / "card.json").read_bytes()

    def killed(path: Path, target: Path) -> None:
        assert json.loads(path.read_text())["scores"]["fd_ratio"] == 1.5  # whole already
        assert target == grey / "card.json"
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        write_scores(grey, Scores(fd_ratio=1.5))
    monkeypatch.undo()

    assert (grey / "card.json").read_bytes() == before
    assert open_bundle(grey).card.scores == Scores()
    write_scores(grey, Scores(fd_ratio=2.5))
    assert open_bundle(grey).card.scores.fd_ratio == 2.5


def test_scores_are_not_written_into_a_damaged_bundle(grey: Path):
    before = (grey / "card.json").read_bytes()
    (grey / "generator.onnx").write_bytes(b"other")

    with pytest.raises(BundleDamaged):
        write_scores(grey, Scores(fd_ratio=1.5))
    assert (grey / "card.json").read_bytes() == before


def test_a_bundle_without_its_generator_is_not_written(tmp_path: Path):
    with pytest.raises(ValueError, match=r"needs generator\.onnx"):
        write_bundle(tmp_path / "grey", {}, {"samples.png": b""})


def test_a_flipped_byte_is_found(grey: Path):
    data = bytearray((grey / "generator.onnx").read_bytes())
    data[len(data) // 2] ^= 1
    (grey / "generator.onnx").write_bytes(data)

    with pytest.raises(BundleDamaged, match=r"generator\.onnx: found \d+ bytes with SHA-256 .*, expected SHA-256"):
        open_bundle(grey)


def test_a_truncated_file_is_found(grey: Path):
    (grey / "generator.onnx").write_bytes((grey / "generator.onnx").read_bytes()[:-1])

    with pytest.raises(BundleDamaged, match="Truncated or altered"):
        open_bundle(grey)


def test_a_missing_file_is_named(grey: Path):
    (grey / "samples.png").unlink()

    with pytest.raises(BundleMissing, match=r"samples\.png: found no such file"):
        open_bundle(grey)


def test_a_newer_format_is_refused_before_anything_else_is_read(grey: Path):
    edit_card(grey, format=3, something_new=True)

    with pytest.raises(BundleTooNew, match=r"card\.json: found format 3, expected 2 or older\. Use a newer"):
        open_bundle(grey)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"version": "0" * 16}, "found version 0000000000000000, expected"),
        ({"code_size": 0}, "code_size"),
        ({"code_size": "5"}, "code_size"),
        ({"extra": 1}, "extra"),
        ({"files": {}}, r"no digest of generator\.onnx"),
        ({"name": "other"}, "found a card named 'other', .* expected a card named 'grey'"),
        ({"name": "../other"}, "name"),
    ],
)
def test_a_card_that_was_edited_by_hand_is_refused_in_words(grey: Path, changes: dict, words: str):
    edit_card(grey, **changes)

    with pytest.raises(BundleDamaged, match=words):
        open_bundle(grey)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "\x00\xff"])
def test_a_file_that_is_not_a_card_is_refused(grey: Path, text: str):
    (grey / "card.json").write_text(text, encoding="latin-1")

    with pytest.raises(BundleDamaged, match=r"card\.json"):
        open_bundle(grey)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "\x00\xff"])
def test_every_error_of_a_bundle_says_where_what_and_what_was_expected(grey: Path, text: str):
    (grey / "card.json").write_text(text, encoding="latin-1")

    with pytest.raises(BundleError) as caught:
        open_bundle(grey)

    assert caught.value.path == grey / "card.json"
    assert caught.value.found
    assert caught.value.expected


def test_a_folder_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(BundleMissing, match="nowhere: found no such folder"):
        open_bundle(tmp_path / "nowhere")
    with pytest.raises(BundleMissing, match="nowhere: found no such folder"):
        open_all(tmp_path / "nowhere")


def test_an_empty_folder_says_how_to_fill_it(tmp_path: Path):
    with pytest.raises(BundleMissing, match="zoetrope fit PICTURES"):
        open_all(tmp_path)


def test_an_older_version_without_a_current_one_is_refused_and_says_what_to_do(grey: Path):
    """A crash between the two renames of a new version leaves this."""
    old = grey.rename(grey.with_name(f"grey@{open_bundle(grey).card.version}"))

    with pytest.raises(BundleMissing, match=rf"grey: found only {old.name}, .* Rename {old.name} to grey"):
        open_all(old.parent)


def test_a_folder_named_for_another_version_is_refused(grey: Path):
    with pytest.raises(BundleDamaged, match="expected a card named 'grey@0000000000000000'"):
        open_bundle(grey.rename(grey.with_name("grey@0000000000000000")))


def test_folders_of_code_and_hidden_folders_are_never_taken_for_bundles(grey: Path):
    for name in ("__pycache__", ".grey.writing-1", "package"):
        (grey.parent / name).mkdir()
    (grey.parent / "package" / "__init__.py").write_text("")
    (grey.parent / "card.py").write_text("")

    assert [path.name for path in list_bundles(grey.parent)] == ["grey"]
    assert [bundle.card.name for bundle in open_all(grey.parent)] == ["grey"]


def test_bundles_are_listed_without_opening_any(grey: Path):
    (grey / "generator.onnx").write_bytes(b"damaged")
    (grey / "card.json").write_text("damaged too")

    assert list_bundles(grey.parent) == [grey]


def test_a_card_is_read_without_reading_the_other_files(grey: Path):
    expected = open_bundle(grey).card
    (grey / "generator.onnx").unlink()

    assert read_card(grey) == expected


def test_the_bytes_of_the_graphs_are_those_that_were_hashed(grey: Path):
    bundle = open_bundle(grey)
    (grey / "generator.onnx").write_bytes(b"replaced later")

    assert hashlib.sha256(bundle.generator).hexdigest() == bundle.card.files["generator.onnx"]
    assert (bundle.encoder, bundle.reward) == (None, None)


def test_a_model_is_found_by_its_folder_or_by_its_name(grey: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("ZOETROPE_MODELS", raising=False)
    assert find_bundle(grey) == find_bundle(str(grey)) == find_bundle("grey", grey.parent) == grey
    monkeypatch.setenv("ZOETROPE_MODELS", str(grey.parent))
    assert find_bundle("grey") == grey
    monkeypatch.delenv("ZOETROPE_MODELS")
    (grey.parent / "models").mkdir()
    grey.rename(grey.parent / "models" / "grey")
    monkeypatch.chdir(grey.parent)
    assert find_bundle("grey") == Path("models/grey")
    monkeypatch.chdir(grey.parent / "models" / "grey")
    assert find_bundle(".").name == "grey"


def test_a_model_that_is_not_found_is_named_with_those_that_exist(grey: Path):
    (grey.parent / "empty").mkdir()

    with pytest.raises(
        BundleMissing, match=r"gray: found no bundle, expected a folder with a card\.json, or .*: grey\.$"
    ):
        find_bundle("gray", grey.parent)


def test_files_and_folders_are_flushed_to_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    synced: list[Path] = []
    monkeypatch.setattr(bundle_writer, "sync_folder", synced.append)
    write_untrained(tmp_path / "grey", 8, 8, 1, code_size=5)

    written, parent = synced
    assert (written.parent, written.name[:13]) == (tmp_path, ".grey.writing")
    assert parent == tmp_path


@pytest.fixture
def two(tmp_path: Path) -> tuple[Path, str, str]:
    """A bundle in two versions: its folder, the current version and the older one."""
    older = write_untrained(tmp_path / "grey", 8, 8, 1, code_size=5, seed=1).card.version
    current = write_untrained(tmp_path / "grey", 8, 8, 1, code_size=5, seed=2).card.version
    return tmp_path / "grey", current, older


def files_in(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_an_older_version_is_made_the_current_one_and_back_and_no_byte_of_both_is_lost(two: tuple[Path, str, str]):
    path, current, older = two
    (path.parent / f"grey@{older}" / "notes.txt").write_text("of a person")
    before = files_in(path.parent)
    replaced = restore_version(path, older)

    assert replaced.version == current
    assert {bundle.path.name: bundle.card.version for bundle in open_all(path.parent)} == {
        "grey": older,
        f"grey@{current}": current,
    }
    assert (path / "notes.txt").read_text() == "of a person"
    restore_version(path, current)
    assert files_in(path.parent) == before


def test_a_version_that_is_the_current_one_already_stays_as_it_is(two: tuple[Path, str, str]):
    path, current, _ = two
    before = files_in(path.parent)

    assert restore_version(path, current).version == current
    assert files_in(path.parent) == before


def test_a_version_that_is_damaged_or_missing_is_not_made_the_current_one(two: tuple[Path, str, str]):
    path, current, older = two
    (path.parent / f"grey@{older}" / "generator.onnx").write_bytes(b"altered")
    before = files_in(path.parent)
    with pytest.raises(BundleDamaged, match=r"generator\.onnx: found 7 bytes"):
        restore_version(path, older)
    with pytest.raises(BundleMissing, match="no such folder"):
        restore_version(path, "0" * 16)

    assert files_in(path.parent) == before
    assert open_bundle(path).card.version == current


def test_versions_that_are_links_to_folders_elsewhere_are_exchanged_and_what_they_lead_to_stays(
    two: tuple[Path, str, str],
):
    path, current, older = two
    served = path.parent / "served"
    served.mkdir()
    for name in ("grey", f"grey@{older}"):
        (served / name).symlink_to(path.parent / name)
    before = files_in(path.parent / "grey") | files_in(path.parent / f"grey@{older}")
    restore_version(served / "grey", older)

    assert {bundle.path.name: bundle.card.version for bundle in open_all(served)} == {
        "grey": older,
        f"grey@{current}": current,
    }
    assert files_in(path.parent / "grey") | files_in(path.parent / f"grey@{older}") == before


def test_where_the_folder_cannot_be_changed_nothing_is(two: tuple[Path, str, str]):
    path, _, older = two
    before = files_in(path.parent)
    with no_rights_to_write(path.parent), pytest.raises(PermissionError):
        restore_version(path, older)

    assert files_in(path.parent) == before
