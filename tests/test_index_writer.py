"""`evaluate --index`: of the pictures that a model has learned from, and of no others."""

import json
from pathlib import Path

import numpy as np
import pytest
from support.commandline import typed
from support.labelled import real_digits

from models.bundle import open_bundle
from models.picture_index import open_index
from training.data.dataset import data_digest
from training.evaluation.evaluate import evaluate_model
from training.evaluation.index_writer import check_index, write_index_of
from training.evaluation.quality_metrics import nearest_distances
from training.evaluation.reference import RealPictures

QUICK = {"features": "wavelets", "usefulness": False, "leaks": False, "threads": 1}


def unlabelled(count: int = 150) -> RealPictures:
    real = real_digits()
    return RealPictures(real.train, real.test[:count], name="some-digits")


def owned(path: Path, real: RealPictures, **options: object) -> Path:
    """A bundle whose card says that it was trained on these pictures."""
    card = json.loads((path / "card.json").read_text())
    card["training"] |= {"data_digest": data_digest(real.train, None, None), "data": real.name, "options": options}
    (path / "card.json").write_text(json.dumps(card))
    return path


def test_an_evaluation_writes_an_index_that_fits_its_model_and_says_what_it_holds(grey: Path, tmp_path: Path):
    lines: list[str] = []
    real, path = unlabelled(), tmp_path / "digits.index"
    evaluate_model(owned(grey, real), real, index=path, report=lines.append, **QUICK)
    index = open_index(path)

    assert index.fits(open_bundle(grey).card)
    assert index.facts.data == "some-digits"
    assert np.array_equal(index.pictures.pictures, real.train)
    assert index.unseen.levels == pytest.approx(np.sort(nearest_distances(real.test, real.train)), rel=1e-6)
    assert lines[0] == (
        f"{path} has thumbnails of 1,200 training pictures, and how near 150 unseen ones come to them: "
        f"ZOETROPE_INDEX={path} zoetrope serve shows them next to what it draws"
    )


def test_an_unseen_picture_and_a_training_picture_are_told_apart(grey: Path, tmp_path: Path):
    real = unlabelled(400)
    write_index_of(tmp_path / "index", open_bundle(owned(grey, real)).card, real)
    index = open_index(tmp_path / "index")
    copied, unseen = (
        [index.unseen.likeness(index.pictures.nearest(one, 1)[0].distance_levels) for one in some]
        for some in (real.train[:50], real_digits().test[400:500])
    )

    assert set(copied) == {"copy"}
    assert unseen.count("new") > 90


def test_where_a_model_learned_from_mirror_images_unseen_pictures_are_compared_with_them_too(
    grey: Path, tmp_path: Path
):
    real = unlabelled()
    write_index_of(tmp_path / "plain", open_bundle(owned(grey, real)).card, real)
    write_index_of(tmp_path / "mirrored", open_bundle(owned(grey, real, mirror=True)).card, real)
    plain, mirrored = (open_index(tmp_path / name) for name in ("plain", "mirrored"))

    assert (plain.facts.mirror, mirrored.facts.mirror) == (False, True)
    assert (mirrored.unseen.levels <= plain.unseen.levels).all()
    assert (mirrored.unseen.levels < plain.unseen.levels).any()


def test_pictures_that_the_model_has_not_learned_from_are_refused_before_anything_is_done(grey: Path, tmp_path: Path):
    before = (grey / "card.json").read_bytes()

    with pytest.raises(ValueError, match=r"--index: found pictures that grey has not learned from \(some-digits\), "):
        evaluate_model(grey, unlabelled(), index=tmp_path / "index", **QUICK)
    assert not (tmp_path / "index").exists()
    assert (grey / "card.json").read_bytes() == before


def test_a_folder_and_a_missing_folder_are_refused(grey: Path, tmp_path: Path):
    card = open_bundle(owned(grey, unlabelled())).card

    with pytest.raises(ValueError, match=r"--index: found a folder at .*, expected the name of a file to write"):
        check_index(tmp_path, card, unlabelled())
    with pytest.raises(ValueError, match=r"--index: found no folder .*nowhere, expected one to write x into"):
        check_index(tmp_path / "nowhere" / "x", card, unlabelled())


def test_the_command_line_takes_it_and_says_what_is_wrong_with_it_in_a_sentence(grey: Path, tmp_path: Path):
    code, printed = typed("evaluate", grey, "digits", "--index", tmp_path / "nowhere" / "x")

    assert code == 1
    assert "--index: found no folder" in printed
