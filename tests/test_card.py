"""The version of a model changes when, and only when, its pictures do."""

import pytest

from models.card import ClassCount, ModeScores, Scores, version_of

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


@pytest.mark.parametrize("model", [Scores, ModeScores])
def test_every_score_says_what_it_is(model: type):
    assert [name for name, field in model.model_fields.items() if not field.description] == []


def test_scores_of_an_older_card_are_read():
    assert (
        Scores.model_validate_json('{"fd_ratio": null, "fd_floor": null, "images": null, "judge_digest": null}')
        == Scores()
    )


def test_a_score_that_is_no_number_is_refused():
    with pytest.raises(ValueError, match="finite number"):
        Scores(fd_ratio=float("nan"))
