"""A card is read in every format, and the version of a model changes when, and only when, its pictures do."""

import json
import shutil
from pathlib import Path
from typing import get_args

import pytest

from models.bundle import open_bundle, read_card
from models.bundle_writer import write_scores
from models.card import AcceptanceFigures, Card, ClassCount, Compute, Fidelity, ReducedPrecision, upgrade, version_of
from models.engine import ENGINE_NAMES
from models.scores import Leaks, ModeScores, Scores, Usefulness

SHIPPED = Path(__file__).parent.parent / "models"
FORMAT_1 = Path(__file__).parent / "support" / "card_format_1.json"
DIGEST = "ab" * 32


def test_the_version_is_the_golden_one():
    assert version_of(DIGEST, None) == "803d05985bc43c5d"


def test_another_generator_is_another_version():
    assert version_of(DIGEST, None) != version_of("cd" * 32, None)


def test_class_counts_decide_a_picture_and_their_names_do_not():
    def classes(name: str, count: int) -> list[ClassCount]:
        return [ClassCount(name=name, count=count), ClassCount(name="other", count=1)]

    assert version_of(DIGEST, classes("a", 2)) == version_of(DIGEST, classes("b", 2))
    assert version_of(DIGEST, classes("a", 2)) != version_of(DIGEST, classes("a", 3))
    assert version_of(DIGEST, classes("a", 2)) != version_of(DIGEST, None)


@pytest.mark.parametrize("model", [Scores, ModeScores, Usefulness, Leaks, AcceptanceFigures, Fidelity, Compute])
def test_every_score_says_what_it_is(model: type):
    assert [name for name, field in model.model_fields.items() if not field.description] == []


@pytest.fixture
def older(tmp_path: Path) -> Path:
    """The shipped mnist, with the very card that it had in format 1."""
    path = tmp_path / "mnist"
    shutil.copytree(SHIPPED / "mnist", path)
    (path / "card.json").write_bytes(FORMAT_1.read_bytes())
    return path


def test_a_card_of_format_1_is_read_in_the_names_of_format_2(older: Path):
    found, now = read_card(older), read_card(SHIPPED / "mnist")

    assert (found.format, found.version) == (2, now.version)
    assert (found.scores.evaluator, found.scores.evaluator_accuracy) == ("mnist", 0.9961)
    for name in ("fd_ratio", "precision", "recall", "class_agreement", "near_share"):
        assert getattr(found.scores, name) == pytest.approx(getattr(now.scores, name), rel=0.01), name
    assert (found.fidelity, found.compute) == ({}, None)
    since = {"scores": now.scores, "fidelity": now.fidelity, "compute": now.compute, "files": now.files}
    assert found.model_copy(update=since) == now


def test_a_bundle_of_format_1_opens_and_is_written_in_format_2(older: Path):
    before = open_bundle(older).card
    write_scores(older, before.scores)
    text = (older / "card.json").read_text()

    assert json.loads(text)["format"] == 2
    assert '"judge' not in text
    assert open_bundle(older).card == before


def test_the_lineage_of_format_1_has_names_of_its_own_in_format_2():
    """The figures were named like two other metrics."""
    figures = {"images": 10, "predicted_grade": 0.5, "fd_ratio": 2.5, "diversity": 0.75, "class_entropy_wanted": 2.0}
    lineage = {"parent": "0" * 16, "grades": 40, "update": "tilted", "strength": 0.5, "agreement": 0.9}
    old = json.loads(FORMAT_1.read_text()) | {"lineage": {**lineage, "before": figures, "after": figures}}
    card = Card.model_validate_json(json.dumps(upgrade(old)))

    assert card.lineage is not None
    assert card.lineage.before == card.lineage.after
    assert card.lineage.after.target_fd_ratio == 2.5
    assert card.lineage.after.pairwise_diversity == 0.75
    assert card.lineage.after.target_class_entropy == 2.0


def test_a_card_of_the_present_format_is_not_upgraded():
    assert upgrade({"format": 2, "scores": {"judge": "x"}}) == {"format": 2, "scores": {"judge": "x"}}


@pytest.mark.parametrize("found", [{}, {"scores": None, "lineage": None}, {"scores": 3, "lineage": {"before": 1}}])
def test_a_card_that_is_damaged_is_upgraded_without_a_complaint_and_refused_later(found: dict):
    assert upgrade(found) == found | {"format": 2}


def test_the_reduced_precisions_of_a_fidelity_are_those_that_engines_have():
    assert set(get_args(ReducedPrecision)) == {name.precision for name in ENGINE_NAMES} - {"float32"}


def test_a_score_that_is_no_number_is_refused():
    with pytest.raises(ValueError, match="finite number"):
        Scores(fd_ratio=float("nan"))
