"""`zoetrope sample` writes the very bytes that the HTTP API sends, whole or not at all."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from starlette.testclient import TestClient
from support.in_process import PINNED

from models.bundle import open_bundle
from models.runtime import Runtime
from service.formats import Format
from service.sample import encode_answer, main

ROOT = Path(__file__).parent.parent
SUFFIXES = {".png": "png", ".jpg": "jpeg", ".webp": "webp", ".npy": "npy", ".zip": "zip", ".json": "json"}


@pytest.fixture(autouse=True)
def _settings(bundles: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings of the app that `client` is, as environment variables."""
    monkeypatch.setenv("ZOETROPE_MODELS", str(bundles))
    for name, value in PINNED.items():
        monkeypatch.setenv(f"ZOETROPE_{name.upper()}", str(value))


def run(capsys: pytest.CaptureFixture[str], *argv: object) -> tuple[int, str, str]:
    """Exit status, stdout and stderr."""
    code = main([str(one) for one in argv])
    said = capsys.readouterr()
    return code, said.out, said.err


def answer(client: TestClient, **body: object) -> bytes:
    found = client.post("/generate", json=body)
    assert found.status_code == 200, found.text
    return found.content


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("model", ["pets", "colour"])
def test_a_file_has_the_bytes_of_the_http_answer(
    client: TestClient, tmp_path: Path, capsys: pytest.CaptureFixture[str], model: str, suffix: str
):
    path = tmp_path / f"drawn{suffix}"
    code, out, err = run(capsys, model, "--n", 70, "--seed", 7, "--start", 3, "--truncation", 0.5, "--out", path)

    assert (code, err) == (0, "")
    body = {"model": model, "n": 70, "seed": 7, "start": 3, "truncation": 0.5, "format": SUFFIXES[suffix]}
    assert path.read_bytes() == answer(client, **body)
    assert f"70 of {model}" in out
    assert "seed 7, from index 3" in out


@pytest.mark.parametrize("suffix", [".npy", ".zip", ".json"])
def test_a_long_file_has_the_bytes_of_the_streamed_answer(
    client: TestClient, tmp_path: Path, capsys: pytest.CaptureFixture[str], suffix: str
):
    path = tmp_path / f"drawn{suffix}"

    assert run(capsys, "grey", "--n", 1000, "--seed", 1, "--out", path)[0] == 0
    assert path.read_bytes() == answer(client, model="grey", n=1000, seed=1, format=SUFFIXES[suffix])


@pytest.mark.parametrize(("name", "suffix"), [("png", "png"), ("jpeg", "jpg"), ("webp", "webp")])
def test_a_folder_has_one_file_a_picture_with_the_bytes_of_its_url(
    client: TestClient, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, suffix: str
):
    folder = tmp_path / "new" / "pictures"
    argv = ("pets", "--n", 5, "--seed", 9, "--start", 8, "--label", "dog", "--out", folder, "--format", name)

    assert run(capsys, *argv)[0] == 0
    version = client.get("/models/pets").json()["card"]["version"]
    names = [*(f"{index:06}.{suffix}" for index in range(8, 13)), "recipe.json"]
    assert sorted(path.name for path in folder.iterdir()) == names
    for index in range(8, 13):
        url = f"/models/pets/{version}/images/9/{index}.{suffix}?label=dog"
        assert (folder / f"{index:06}.{suffix}").read_bytes() == client.get(url).content
    assert [path.name for path in folder.parent.iterdir()] == ["pictures"]


def test_the_files_of_a_folder_are_the_entries_of_a_zip(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    run(capsys, "grey", "--n", 30, "--seed", 2, "--out", tmp_path / "all.zip")
    run(capsys, "grey", "--n", 30, "--seed", 2, "--out", tmp_path / "all", "--format", "png")

    with zipfile.ZipFile(tmp_path / "all.zip") as entries:
        assert {path.name: path.read_bytes() for path in (tmp_path / "all").iterdir()} == {
            name: entries.read(name) for name in entries.namelist()
        }


@pytest.mark.parametrize(("label", "number"), [("dog", 1), ("1", 1), ("7", 2)])
def test_a_class_is_meant_by_its_name_or_else_by_its_number(
    bundles: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], label: str, number: int
):
    assert run(capsys, "pets", "--n", 4, "--seed", 1, "--label", label, "--out", tmp_path / "a.npy")[0] == 0

    drawn = Runtime(open_bundle(bundles / "pets"), threads=1).generate(1, 0, 4, label=number)
    assert np.array_equal(np.load(tmp_path / "a.npy"), drawn)


@pytest.mark.parametrize(
    ("classes", "label"), [("0:500,2:500", {"cat": 1, "7": 1}), ("2:3,0:1", {"cat": 0.25, "7": 0.75}), ("1:9", "dog")]
)
def test_weights_of_several_classes_are_spelled_as_in_a_url(
    client: TestClient, tmp_path: Path, capsys: pytest.CaptureFixture[str], classes: str, label: object
):
    code, _, err = run(capsys, "pets", "--n", 4, "--seed", 1, "--classes", classes, "--out", tmp_path / "a.json")

    assert (code, err) == (0, "")
    expected = answer(client, model="pets", n=4, seed=1, label=label, format="json")
    assert (tmp_path / "a.json").read_bytes() == expected


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("pets", "--classes", "0:1,1:1", "--label", "cat"), "found --label cat with --classes 0:1,1:1, expected one"),
        (("grey", "--classes", "0:1,1:1"), "found --classes 0:1,1:1, but grey has no classes; leave it out"),
        (("pets", "--classes", "0:1,3:1"), "found a weight of class 3; the classes are 0 to 2"),
        (("pets", "--classes", "cat:1"), "classes is 'cat:1'; it must be up to 16 class numbers"),
    ],
)
def test_weights_that_cannot_be_drawn_are_refused_in_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], argv: tuple[str, ...], words: str
):
    code, _, err = run(capsys, *argv, "--out", tmp_path / "a.npy")

    assert code == 1
    assert words in err
    assert not list(tmp_path.iterdir())


def test_a_model_is_a_folder_a_name_or_an_older_version(
    bundles: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (older,) = (path for path in bundles.iterdir() if path.name.startswith("grey@"))
    files: list[Path] = []
    for model in (bundles / "grey", "grey", older.name):
        files.append(tmp_path / f"{len(files)}.npy")
        assert run(capsys, model, "--n", 4, "--seed", 1, "--out", files[-1])[0] == 0
    by_path, by_name, of_older = (file.read_bytes() for file in files)

    assert by_path == by_name != of_older


def test_without_a_seed_a_fresh_one_is_drawn_and_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    _, out, _ = run(capsys, "grey", "--n", 4, "--out", tmp_path / "a.npy")
    seed = out.partition("seed ")[2].partition(",")[0]
    run(capsys, "grey", "--n", 4, "--seed", seed, "--out", tmp_path / "b.npy")

    assert (tmp_path / "a.npy").read_bytes() == (tmp_path / "b.npy").read_bytes()


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("grey", "--out", "a.gif"), "a.gif, expected a file that ends in .png, .jpg, .jpeg, .webp, .npy, .zip, .json"),
        (("grey", "--out", "a.b"), "or a folder with --format png"),
        (
            ("grey", "--out", "a", "--format", "zip"),
            "found --format zip for the folder a, expected one of png, jpeg, webp, parquet, webdataset",
        ),
        (("grey", "--out", "a.png", "--format", "npy"), "found --out a.png with --format npy, expected one format"),
        (
            ("grey", "--out", "a", "--format", "gif"),
            "invalid choice: 'gif' (choose from 'png', 'jpeg', 'webp', 'zip', ",
        ),
        (("lion", "--out", "a.png"), "lion: found no bundle, expected a folder with a card.json, or a name in"),
        (("grey", "--out", "a.zip", "--n", "0"), "found n 0, expected: at least 1"),
        (("grey", "--out", "a.zip", "--n", "ten"), "argument --n: invalid int value"),
        (("grey", "--out", "a.zip", "--seed", "-1"), "found seed -1, expected"),
        (("grey", "--out", "a.zip", "--start", str(2**64 - 1)), "passes the last index"),
        (("grey", "--out", "a.png", "--n", "1025"), "found n 1,025, expected at most 1,024 on a contact sheet"),
        (("grey", "--out", "a.zip", "--label", "cat"), "but grey has no classes; leave it out"),
        (("pets", "--out", "a.zip", "--label", "cow"), "the classes of pets are cat, dog, 7"),
        (("pets", "--out", "a.zip", "--label", "3"), "label is 3; it must be 0 to 2"),
        (("grey", "--out", "nowhere/a.zip"), "found --out nowhere/a.zip, but no folder nowhere; make it first"),
        (("grey",), "the following arguments are required: --out"),
    ],
)
def test_what_is_wrong_is_said_in_one_line_and_leaves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, argv: tuple[str], words: str
):
    monkeypatch.chdir(tmp_path)
    code, out, err = run(capsys, *argv)

    assert (code, out) == (1, "")
    assert err.startswith("error: ")
    assert words in err
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_files_in_it_is_left_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "note.txt").write_text("mine")
    code, _, err = run(capsys, "grey", "--n", 2, "--out", tmp_path, "--format", "png")

    assert code == 1
    assert "expected a new or empty folder" in err
    assert [path.name for path in tmp_path.iterdir()] == ["note.txt"]


@pytest.mark.parametrize("out", [("a.png",), ("a.zip",), ("a", "--format", "png")])
def test_what_fails_half_way_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, out: tuple[str, ...]
):
    monkeypatch.chdir(tmp_path)
    Path("a.zip").write_text("old")
    drawn = Runtime.draw

    def draw(runtime: Runtime, *given: np.ndarray) -> np.ndarray:
        if len(given[0]) < runtime.batch_sizes[-1]:
            raise OSError("the disk is full")
        return drawn(runtime, *given)

    monkeypatch.setattr(Runtime, "draw", draw)
    code, _, err = run(capsys, "grey", "--n", 300, "--out", *out)

    assert code == 1
    assert "the disk is full" in err
    assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]
    assert Path("a.zip").read_text() == "old"


@pytest.mark.parametrize("chosen", Format)
def test_an_answer_is_encoded_for_the_benchmark_as_for_a_client(client: TestClient, bundles: Path, chosen: Format):
    runtime = Runtime(open_bundle(bundles / "pets"), threads=1)
    pieces = list(encode_answer(runtime, 300, chosen.value, 5))

    assert b"".join(pieces) == answer(client, model="pets", n=300, seed=5, format=chosen.value)
    assert len(pieces) == 1 if chosen.is_one_picture else len(pieces) > 3
    assert b"".join(encode_answer(runtime, 1, chosen.value)) != b"".join(encode_answer(runtime, 1, chosen.value))


def test_it_needs_neither_torch_nor_bentoml_nor_a_database(tmp_path: Path):
    program = (
        "import sys\nfrom service.sample import main\n"
        f"code = main(['pets', '--n', '2', '--out', {str(tmp_path / 'a.png')!r}])\n"
        "print([name for name in ('torch', 'bentoml', 'sqlalchemy', 'training') if name in sys.modules])\n"
        "sys.exit(code)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=60, check=False
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"


def test_every_mistake_is_named_at_once(capsys: pytest.CaptureFixture[str]):
    code, _, err = run(capsys, "gray", "--n", 0, "--seed", -1, "--truncation", 7, "--out", "a.gif")

    assert code == 1
    assert "gray: found no bundle" in err
    assert "found --out a.gif, expected a file that ends in .png, " in err
    assert "found n 0, expected: at least 1; found seed -1, expected: at least 0" in err
    assert err.endswith("found truncation 7.0, expected: at most 2\n")
