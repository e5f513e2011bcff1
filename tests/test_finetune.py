"""`finetune --from MODEL --ratings GRADES` says what it found, and refuses what does not go together."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.commandline import typed
from support.pretrained import noise, write_pretrained
from typer.testing import CliRunner

from models.bundle import open_bundle
from models.runtime import Runtime
from training.cli.app import app
from training.data.dataset import open_pictures


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Pictures, a model of them, and sixty grades of its pictures by ann, who likes bright ones."""
    (tmp_path / "pictures").mkdir()
    for number, pixels in enumerate(noise(40)):
        Image.fromarray(pixels[:, :, 0] // (1 + number % 2)).save(tmp_path / "pictures" / f"{number}.png")
    own = open_pictures(str(tmp_path / "pictures"), cache=None).digest
    runtime = Runtime(write_pretrained(tmp_path / "small", data_digest=own))
    levels = runtime.generate(5, 0, 60).mean(axis=(1, 2, 3))
    lines = [
        f"small,{runtime.card.version},5,{at},{float(one > np.median(levels))},ann" for at, one in enumerate(levels)
    ]
    (tmp_path / "grades.csv").write_text("\n".join(["model,version,seed,index,score,grader", *lines]) + "\n")
    return tmp_path


def finetune(folder: Path, *options: str) -> list[str]:
    fixed = ["--from", str(folder / "small"), "--ratings", str(folder / "grades.csv"), "--run", str(folder / "run")]
    return ["finetune", str(folder / "pictures"), *fixed, "--kimg", "0.3", "--batch", "32", "--device", "cpu", *options]


def said(*words: str) -> str:
    code, printed = typed(*words)
    assert code == 0, printed
    return printed


def failing(*words: str) -> str:
    code, printed = typed(*words)
    assert code == 1, printed
    return printed


def test_it_says_what_the_grades_say_and_writes_the_next_version(folder: Path):
    before = open_bundle(folder / "small").card.version

    words = said(*finetune(folder, "--force"))

    assert "60 grades by 1 grader(s), mean 0.50; of two held-out pictures with different grades the better one" in words
    assert "strength 0.4: the mean predicted grade of the pictures that are shown goes from" in words
    assert "predicted grade 0." in words
    assert "accepted up to" in words
    assert open_bundle(folder / "small").card.lineage.parent == before


def test_with_other_pictures_the_next_version_of_a_model_is_refused_unless_it_is_said(folder: Path):
    Image.fromarray(noise(1)[0, :, :, 0]).save(folder / "pictures" / "another.png")

    refused = failing(*finetune(folder, "--dry-run"))
    assert "which was trained on other pictures or labels (none, 10 pictures); expected a name that is free" in refused
    assert "strength" in said(*finetune(folder, "--dry-run", "--replace"))
    assert "strength" in said(*finetune(folder, "--dry-run", "--out", str(folder / "other")))


def test_a_dry_run_learns_what_is_liked_and_writes_nothing(folder: Path):
    before = open_bundle(folder / "small").card

    assert "strength" in said(*finetune(folder, "--dry-run"))
    assert open_bundle(folder / "small").card == before
    assert not (folder / "run").exists()


def test_the_same_grades_a_second_time_are_refused_and_the_model_stays(folder: Path):
    before = open_bundle(folder / "small").card.version
    said(*finetune(folder, "--force"))
    after = open_bundle(folder / "small").card.version

    words = failing(*finetune(folder, "--run", str(folder / "second")))
    assert f"found 0 grades that are newer than small {after}: it learned from these 60 already" in words
    assert f"fine-tuned from {before}. Expected new ones: grade more pictures at its page first" in words
    assert open_bundle(folder / "small").card.version == after
    assert "strength" in said(*finetune(folder, "--run", str(folder / "second"), "--dry-run", "--force"))


def test_a_model_may_be_given_by_its_name(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ZOETROPE_MODELS", str(folder))
    by_name = ["small" if word == str(folder / "small") else word for word in finetune(folder, "--dry-run", "--force")]

    assert "strength 0.4" in said(*by_name)
    by_name[by_name.index("small")] = "smal"
    assert f"smal: found no bundle, expected a folder with a card.json, or a name in {folder}" in failing(*by_name)


def test_grades_of_a_version_that_is_gone_are_counted(folder: Path):
    path = folder / "grades.csv"
    path.write_text(path.read_text() + "small,ffffffffffffffff,1,1,0.5,bob\n")

    assert "left out 1 grades of version ffffffffffffffff, which is not next to" in said(*finetune(folder, "--dry-run"))


def test_the_one_does_not_go_without_the_other(folder: Path):
    pictures = str(folder / "pictures")

    assert "--from MODEL and --ratings GRADES go together" in failing("fit", pictures, "--from", str(folder / "small"))
    assert "--from MODEL and --ratings GRADES go together" in failing("fit", pictures, "--ratings", "grades.csv")


def test_fit_from_still_fine_tunes_and_names_the_command_of_today(folder: Path):
    done = CliRunner().invoke(app, ["fit", *finetune(folder, "--dry-run")[1:]])

    assert done.exit_code == 0, done.output
    assert "strength 0.4" in done.stdout
    assert "`fit --from MODEL --ratings GRADES` is now `finetune PICTURES --from MODEL" in done.stderr


def test_what_the_pretrained_model_decides_cannot_be_changed(folder: Path):
    assert "--width, --code-size cannot be changed by --from" in failing(
        "fit", *finetune(folder, "--width", "9", "--code-size", "3")[1:]
    )
    assert "--resize, --no-classes cannot be changed by --from" in failing(
        "fit", *finetune(folder, "--resize", "pad", "--no-classes")[1:]
    )


def test_fine_tuning_is_neither_for_autoencoders_nor_a_method_of_fit(folder: Path):
    assert "--method cannot be changed by --from" in failing("fit", *finetune(folder, "--method", "denoising")[1:])
    assert "method is rated, which is fine-tuning" in failing("fit", str(folder / "pictures"), "--method", "rated")


def test_no_grades_of_this_model_is_told(folder: Path):
    (folder / "grades.csv").write_text("model,version,seed,index,score,grader\nother,ffffffffffffffff,1,1,0.5,bob\n")

    assert "found no grades of small, expected some. Grade pictures at its page first" in failing(*finetune(folder))


@pytest.mark.parametrize("update", ["both", "gradient", "literal"])
def test_the_other_updates_leave_a_report_as_well(folder: Path, update: str):
    said(*finetune(folder, "--force", "--update", update))

    assert "<svg" in (folder / "run" / "report.html").read_text()
    assert open_bundle(folder / "small").card.lineage.update == update
