"""A name means its current version; what is not there is refused with what is."""

from pathlib import Path

import pytest

from models.bundle import open_all
from models.runtime import Runtime
from service.errors import Problem
from service.snapshot import Collection


@pytest.fixture(scope="module")
def loaded(bundles: Path) -> dict[str, Runtime]:
    return {bundle.path.name: Runtime(bundle, threads=1) for bundle in open_all(bundles)}


def test_the_current_version_comes_first_in_whatever_order_they_were_loaded(loaded: dict[str, Runtime]):
    older = next(name for name in loaded if name.startswith("grey@"))
    for folders in (sorted(loaded), sorted(loaded, reverse=True)):
        shown = Collection({name: loaded[name] for name in folders}, "grey")

        assert shown.versions("grey") == [loaded["grey"].card.version, loaded[older].card.version]
        assert shown.find("grey") is shown.find(None) is loaded["grey"]
        assert shown.find(older) is loaded[older]
        assert shown.current == [loaded["colour"], loaded["grey"], loaded["pets"]]


def test_what_is_not_there_is_refused_with_what_is(loaded: dict[str, Runtime]):
    shown = Collection(loaded, "grey")

    with pytest.raises(Problem, match=r"There is no model 'nobody'. There are: colour, grey, pets") as caught:
        shown.find("nobody")
    assert caught.value.status == 404
    with pytest.raises(Problem, match=r"Version '0' of pets is not held. Held: ") as caught:
        shown.find("pets@0")
    assert caught.value.status == 410
    assert shown.versions("nobody") == []
