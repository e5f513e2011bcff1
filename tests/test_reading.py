"""What a person asks of the reading is obeyed or refused in words, and a model is evaluated as its training read."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.commandline import typed

from training.data.dataset import open_pictures
from training.data.reading import Reading, rgb_of


def write(folder: Path, *names: str | bytes) -> Path:
    """Pictures of different levels under these names."""
    for level, name in enumerate(names):
        path = os.fsencode(folder) + b"/" + os.fsencode(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            Image.fromarray(np.full((8, 8), 9 * level, np.uint8)).save(file, "PNG")
    return folder


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"unlabelled": "lose"}, "unlabelled is 'lose'; it must be one of drop, keep"),
        ({"class_folders": "all"}, "class_folders is 'all'; it must be one of top, leaf"),
        ({"background": "grey"}, "background is 'grey'; it must be white, black or like #7f7f7f"),
        ({"background": "#fff"}, "background is '#fff'; it must be white, black or like #7f7f7f"),
    ],
)
def test_an_option_that_cannot_be_is_refused_in_words(tmp_path: Path, options: dict[str, str], message: str):
    words = [word for name, value in options.items() for word in (f"--{name.replace('_', '-')}", value)]

    with pytest.raises(ValueError, match=message):
        Reading(**options)
    assert typed("fit", write(tmp_path, "1.png", "2.png"), *words) == (1, f"error: {message}")


def test_a_background_is_named_or_written_in_hex():
    assert (rgb_of("white"), rgb_of("black"), rgb_of("#10fF00")) == ((255, 255, 255), (0, 0, 0), (16, 255, 0))


def test_a_card_keeps_how_its_pictures_were_read_and_an_older_one_was_read_by_the_defaults():
    kept = {"unlabelled": "keep", "class_folders": "leaf", "background": "black", "seed": 1}

    assert Reading.of_options(kept) == Reading(None, "keep", "leaf", "black", 500)
    assert Reading.of_options({"seed": 1}) == Reading(hold_out_from=500)


def test_classes_that_are_asked_for_are_refused_where_there_are_none(tmp_path: Path):
    code, said = typed("fit", write(tmp_path, "1.png", "2.png"), "--classes", "--dry-run")

    assert code == 1
    assert "found no classes (neither folders nor labels), expected a folder for each, a file or a column of" in said
    assert open_pictures(str(tmp_path)).classes is None


def test_classes_are_refused_by_a_method_that_learns_none(tmp_path: Path):
    code, said = typed("fit", write(tmp_path, "a/1.png", "b/2.png"), "--classes", "--method", "autoencoder")

    assert (code, said) == (
        1, "error: --classes: autoencoder learns no classes; of the methods gan and variational do"
    )  # fmt: skip


def test_the_plan_tells_how_many_pictures_each_class_has_whatever_it_is_called(tmp_path: Path):
    folder = write(tmp_path / "é[b]", "[b]/1.png", "[b]/2.png", "[b]/3.png", b"\xff/4.png", b"\xff/5\n.png", "6.png")
    code, said = typed("fit", folder, "--dry-run", "--run", tmp_path / "run")

    assert code == 0
    assert "5 pictures of 8 x 8 x 1 from é[b]" in said
    assert "[b] 3, \\xff 2" in said
    assert "left out 1 picture without a class, such as 6.png; --unlabelled keep makes them a class" in said


def test_loose_pictures_that_are_kept_are_a_class(tmp_path: Path):
    folder = write(tmp_path, "a/1.png", "a/2.png", "b/3.png", "b/4.png", "5.png", "6.png", "notes.txt")
    (folder / "notes.txt").write_text("no picture")
    pictures = open_pictures(str(folder), reading=Reading(unlabelled="keep"))

    assert pictures.classes == ("a", "b", "unlabelled")
    assert pictures.class_counts == [2, 2, 2]
    assert [one.name for one in pictures.skipped] == ["notes.txt"]


@pytest.mark.parametrize(("common", "told"), [(7, True), (6, False)])
def test_a_class_with_fewer_than_half_of_the_mean_is_named_and_what_to_set_for_it(
    tmp_path: Path, common: int, told: bool
):
    names = [*(f"a/{number}.png" for number in range(common)), "b/1.png", "b/2.png"]
    folder = write(tmp_path / "p", *names)
    words = ("fit", folder, "--dry-run", "--run", tmp_path / "run", "--out", tmp_path / "m")
    line = "Rare classes, as b with 2 pictures, become recognisable sooner with --set classification_weight=0.3"

    assert (line in typed(*words)[1]) == told
    assert line not in typed(*words, "--set", "classification_weight=0.3")[1]
    assert line not in typed(*words, "--method", "variational")[1]
