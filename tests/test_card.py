"""The version of a model changes when, and only when, its pictures do."""

from models.card import ClassCount, version_of

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
