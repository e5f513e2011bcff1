"""The name of a new bundle is checked first, and another's model is replaced only where that is said."""

import os
import pty
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from support.commandline import typed
from support.pretrained import write_pretrained

import models
from models.bundle import bundle_folders, open_bundle
from training.cli.show_plan import answered
from training.plan import Plan
from training.replacement import SHIPPED, WouldReplace, check_out, is_shipped, question

ROOT = Path(__file__).parent.parent
FEW = ["--kimg", "0.2", "--batch", "50", "--threads", "1", "--device", "cpu", "--precision", "float32"]


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Sixty small pictures."""
    (tmp_path / "pictures").mkdir()
    for number in range(60):
        pixels = np.random.default_rng(number).integers(0, 256, (8, 8), np.uint8)
        Image.fromarray(pixels).save(tmp_path / "pictures" / f"{number}.png")
    return tmp_path / "pictures"


@pytest.mark.parametrize(
    ("name", "instead"), [("Mine", "mine"), ("my model", "my-model"), ("-x", "x"), ("é", "mine"), ("a@b", "a-b")]
)
def test_a_name_that_no_model_can_have_is_refused_first_with_the_rule_and_another(
    tmp_path: Path, name: str, instead: str
):
    expected = (
        f"{tmp_path / name}: found the name {name!r}, expected small letters a to z, digits, - and _, a letter or "
        f"digit first, and 63 at most. Use --out {tmp_path / instead}."
    )
    code, said = typed("fit", tmp_path / "nowhere", "--out", tmp_path / name)

    assert (code, said) == (1, f"error: {expected}")
    check_out(tmp_path / instead)


def test_what_is_no_bundle_is_not_written_over(tmp_path: Path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("mine")

    with pytest.raises(ValueError, match="found a folder that is no bundle, expected a bundle or nothing"):
        check_out(tmp_path / "folder")
    with pytest.raises(ValueError, match="found a file, expected a bundle or nothing"):
        check_out(tmp_path / "file")


def test_the_shipped_models_are_those_that_are_there():
    folder = Path(models.__file__).parent
    tracked = subprocess.run(["git", "ls-files", "models"], cwd=ROOT, capture_output=True, text=True, check=True).stdout

    assert {line.split("/")[1] for line in tracked.splitlines() if line.endswith("/card.json")} == set(SHIPPED)
    assert all(is_shipped(folder / name) for name in SHIPPED)
    assert not is_shipped(Path("elsewhere") / SHIPPED[0])


def test_a_shipped_model_is_asked_for_even_by_its_own_pictures_but_for_its_next_version(tmp_path: Path):
    shipped = next(path for path in bundle_folders(Path(models.__file__).parent) if path.name == "mnist")
    digest = open_bundle(shipped).card.training.data_digest

    assert "which comes with this code; expected a name that is free. With --replace" in question(shipped, {digest})
    assert question(shipped, {digest}, next_version=True) is None
    assert question(shipped, set(), next_version=True) is not None
    assert question(tmp_path / "mnist", {digest}) is None


def test_a_model_of_other_pictures_is_asked_for_and_one_of_the_same_is_not(tmp_path: Path):
    card = write_pretrained(tmp_path / "small").card
    asked = question(tmp_path / "small", {"f" * 64})

    assert question(tmp_path / "small", {"f" * 64, card.training.data_digest}) is None
    assert f"found version {card.version}, which was trained on other pictures or labels (" in asked
    assert f"it stays as small@{card.version}. Or use another --out." in asked


def test_a_dry_run_on_a_terminal_tells_the_question_and_asks_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    context = SimpleNamespace(distributed=SimpleNamespace(world_size=1))
    plan = Plan(None, None, None, tmp_path, question="The name is taken.")
    monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr("typer.confirm", lambda _: pytest.fail("asked"))

    assert answered(plan, context, asks=False).question is None
    assert "The name is taken. The run will ask whether to replace it." in capsys.readouterr().out


def test_an_open_question_is_not_carried_out(tmp_path: Path):
    plan = Plan(None, None, None, tmp_path, question="whose?")

    with pytest.raises(WouldReplace, match="whose"):
        plan.answered(False)
    assert plan.answered(True).question is None


@pytest.mark.slow
def test_fit_refuses_to_replace_another_model_and_with_replace_keeps_it_and_the_licence(tmp_path: Path, pictures: Path):
    before = write_pretrained(tmp_path / "small").card.version
    words = ["fit", pictures, "--out", tmp_path / "small", "--run", tmp_path / "run", *FEW]
    code, said = typed(*words)
    dry_code, dry_said = typed(*words, "--dry-run")

    assert (code, dry_code) == (1, 1)
    assert said.endswith(
        f"With --replace the new model takes its name, and it stays as small@{before}. Or use another --out."
    )
    assert dry_said.endswith("Or use another --out.")
    assert not (tmp_path / "run").exists()

    code, said = typed(*words, "--replace", "--licence", "CC-BY-4.0")
    assert code == 0, said
    assert open_bundle(tmp_path / f"small@{before}").card.version == before
    assert open_bundle(tmp_path / "small").card.training.licence == "CC-BY-4.0"
    code, said = typed(*words)  # its own model is there now
    assert code == 0, said


@pytest.mark.slow
def test_on_a_terminal_it_is_asked(tmp_path: Path, pictures: Path):
    version = write_pretrained(tmp_path / "small").card.version
    ours, theirs = pty.openpty()
    words = ["fit", pictures, "--out", tmp_path / "small", "--run", tmp_path / "run", *FEW]
    os.write(ours, b"n\n")
    done = subprocess.run(
        [sys.executable, "-m", "training", *map(str, words)],
        stdin=theirs, capture_output=True, text=True, cwd=ROOT, check=False,
    )  # fmt: skip

    assert done.returncode == 1
    assert "Replace it? [y/N]" in done.stdout
    assert open_bundle(tmp_path / "small").card.version == version


@pytest.mark.slow
def test_any_name_of_folder_class_and_picture_comes_through_to_the_bundle(tmp_path: Path):
    folder = os.fsencode(tmp_path) + b"/p\xff"
    for label in (b"\xe9t\xe9", b"[b]", b"a\nb\"c'"):
        os.makedirs(folder + b"/" + label)
        for number in range(8):
            pixels = np.random.default_rng(number).integers(0, 256, (8, 8), np.uint8)
            with open(folder + b"/" + label + b"/\xfe%d\n.png" % number, "wb") as file:
                Image.fromarray(pixels).save(file, "PNG")
    code, said = typed("fit", os.fsdecode(folder), "--out", tmp_path / "odd", "--run", tmp_path / "run", *FEW)
    card = open_bundle(tmp_path / "odd").card

    assert code == 0, said
    assert card.training.data == "p\\xff"
    assert [one.name for one in card.classes] == ["[b]", "a\\nb\"c'", "\\xe9t\\xe9"]
