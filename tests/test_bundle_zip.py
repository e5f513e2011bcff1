"""A bundle as a zip: whole and unaltered, or not at all; and served where it is unpacked."""

import hashlib
import io
import json
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.untrained import write_untrained

from models.bundle import open_bundle
from service import bundle_zip
from service.bundle_zip import BundleZip
from service.errors import Problem
from service.snapshot import ModelVersion


@pytest.fixture
def version(grey: Path) -> ModelVersion:
    return ModelVersion.read(grey)


@pytest.fixture
def archive(version: ModelVersion) -> Iterator[BundleZip]:
    made = BundleZip(version)
    yield made
    made.close()


def written(archive: BundleZip) -> bytes:
    return b"".join(archive.pieces())


def test_it_is_as_long_as_it_says_and_holds_every_file_with_the_card_first(archive: BundleZip, grey: Path):
    data = written(archive)
    with zipfile.ZipFile(io.BytesIO(data)) as opened:
        card = json.loads(opened.read("grey/card.json"))

        assert len(data) == archive.length
        assert opened.testzip() is None
        assert opened.namelist() == ["grey/card.json", *(f"grey/{name}" for name in card["files"])]
        assert {path.name: path.read_bytes() for path in grey.iterdir()} == {
            Path(name).name: opened.read(name) for name in opened.namelist()
        }
        for name, digest in card["files"].items():
            assert hashlib.sha256(opened.read(f"grey/{name}")).hexdigest() == digest


def test_unpacked_into_a_folder_it_is_a_bundle_of_the_same_version(archive: BundleZip, grey: Path, tmp_path: Path):
    with zipfile.ZipFile(io.BytesIO(written(archive))) as opened:
        opened.extractall(tmp_path / "elsewhere")

    assert open_bundle(tmp_path / "elsewhere" / "grey").card == open_bundle(grey).card


def test_an_older_version_is_unpacked_under_the_name_of_the_model(tmp_path: Path):
    for seed in (1, 2):
        write_untrained(tmp_path / "grey", 8, 8, 1, code_size=5, seed=seed)
    (older,) = tmp_path.glob("grey@*")
    archive = BundleZip(ModelVersion.read(older))
    with zipfile.ZipFile(io.BytesIO(written(archive))) as opened:
        assert {name.partition("/")[0] for name in opened.namelist()} == {"grey"}
    archive.close()


def test_equal_files_give_equal_bytes_and_the_digest_changes_with_any_of_them(
    version: ModelVersion, archive: BundleZip
):
    again = BundleZip(version)
    card = version.path / "card.json"
    card.write_text(card.read_text() + "\n")
    other = BundleZip(version)

    assert written(again) == written(archive)
    assert again.digest == archive.digest != other.digest
    again.close()
    other.close()


def test_what_takes_its_place_meanwhile_changes_no_byte(archive: BundleZip, grey: Path):
    pieces = archive.pieces()
    first = next(pieces)
    shutil.rmtree(grey)
    write_untrained(grey, 8, 8, 1, code_size=5, seed=9)

    with zipfile.ZipFile(io.BytesIO(first + b"".join(pieces))) as opened:
        assert opened.testzip() is None


def test_an_altered_or_a_missing_file_is_named_before_the_first_byte(version: ModelVersion):
    (version.path / "samples.png").write_bytes(b"altered")
    with pytest.raises(Problem, match=r"samples\.png: found 7 bytes with SHA-256") as caught:
        BundleZip(version)
    assert (caught.value.status, caught.value.headers) == (503, {"Retry-After": "2"})
    (version.path / "samples.png").unlink()
    with pytest.raises(Problem, match=r"samples\.png: found no such file"):
        BundleZip(version)


def test_a_folder_that_became_another_version_is_not_given_under_the_name_of_the_old_one(version: ModelVersion):
    shutil.rmtree(version.path)
    write_untrained(version.path, 8, 8, 1, code_size=5, seed=9)

    with pytest.raises(Problem, match=rf"cannot be downloaded now: .*expected {version.card.version}"):
        BundleZip(version)


def test_a_file_that_leads_out_of_the_folder_is_not_given(version: ModelVersion, tmp_path: Path):
    (tmp_path / "secret").write_text("secret")
    (version.path / "samples.png").unlink()
    (version.path / "samples.png").symlink_to(tmp_path / "secret")

    with pytest.raises(Problem, match="a link that leaves the folder"):
        BundleZip(version)


def test_what_is_too_large_is_refused_with_what_to_do(version: ModelVersion, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bundle_zip, "LARGEST_BYTES", 2_000)

    with pytest.raises(Problem, match=r"more than 2,000 bytes.*Copy its folder\.") as caught:
        BundleZip(version)
    assert caught.value.status == 409


def test_for_a_client_that_has_gone_no_more_is_read(archive: BundleZip):
    pieces = archive.pieces()
    next(pieces)
    archive.cancel()

    assert list(pieces) == []
