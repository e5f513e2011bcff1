"""The pictures that the reward is unsure of are scored ahead, and handed out once each."""

import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
from support.asking import PINNED, Held, address
from support.rewarded import write_rewarded

from models.bundle import open_all
from models.runtime import Runtime
from service.ratings.active_learning import CANDIDATES, GRADE_WEIGHT, KEPT, REFILLED_BELOW, Informative
from service.ratings.grade import Picture
from service.registry import Gallery
from service.settings import Settings


@pytest.fixture(scope="module")
def gallery(bundles: Path, tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    """`pets` with a reward, `grey` without one."""
    folder = tmp_path_factory.mktemp("models")
    for name in ("pets", "grey"):
        shutil.copytree(bundles / name, folder / name)
    write_rewarded(folder / "pets")
    return Gallery(open_all(folder), Settings(**PINNED))


@pytest.fixture
def informative(gallery: Gallery) -> Informative:
    pools = Informative(gallery)
    pools.renew()
    scored(pools)
    return pools


def scored(pools: Informative) -> None:
    """Wait until all that was to be scored is."""
    pools._scorer.submit(int).result()


def value(runtime: Runtime, picture: Picture) -> float:
    label = runtime.class_names.index(picture.label or "")
    drawn = runtime.generate(picture.seed, picture.index, 1, picture.truncation, label)
    grade, deviation = runtime.grade(drawn, np.array([label]))
    return float(deviation[0] + GRADE_WEIGHT * grade[0])


def test_it_hands_out_the_best_of_its_candidates_first(gallery: Gallery, informative: Informative):
    pets = gallery.find("pets")
    found = informative.take(pets, KEPT)
    (seed,) = {one.seed for one in found}
    grade, deviation = pets.grade(pets.generate(seed, 0, CANDIDATES), pets.labels(seed, 0, CANDIDATES))
    best = np.sort(deviation + GRADE_WEIGHT * grade)[::-1][:KEPT]

    assert len(set(found)) == KEPT
    assert seed < 2**53
    assert [value(pets, one) for one in found[::64]] == pytest.approx(best[::64].tolist(), abs=1e-5)


def test_each_is_handed_out_once_and_more_are_scored_when_few_are_left(gallery: Gallery, informative: Informative):
    pets, found = gallery.find("pets"), []
    for _ in range(2 * KEPT // 100):
        found += informative.take(pets, 100)
        scored(informative)

    assert len(set(found)) == len(found) == 2 * KEPT // 100 * 100
    assert len({one.seed for one in found}) > 1
    assert REFILLED_BELOW < KEPT


def test_while_none_are_scored_it_gives_none_and_does_not_wait(gallery: Gallery):
    pets, pools = gallery.find("pets"), Informative(gallery)
    held = Held(address(pets, 1))
    holding = threading.Thread(target=lambda: list(gallery.draw_aside(pets, held)))
    holding.start()
    assert held.begun.wait(30)
    pools.renew()

    assert pools.take(pets, 10) == []
    held.go_on.set()
    holding.join()
    scored(pools)
    assert len(pools.take(gallery.find("pets"), 10)) == 10


def test_a_model_that_nobody_graded_has_none(gallery: Gallery, informative: Informative):
    assert informative.take(gallery.find("grey"), 10) == []


def test_a_version_that_is_no_longer_current_is_forgotten_and_another_scored(bundles: Path, tmp_path: Path):
    for name in ("pets", "grey"):
        shutil.copytree(bundles / name, tmp_path / name)
    write_rewarded(tmp_path / "pets")
    gallery = Gallery(open_all(tmp_path), Settings(**PINNED))
    old, pools = gallery.find("pets"), Informative(gallery)
    pools.renew()
    scored(pools)
    write_rewarded(tmp_path / "grey")
    gallery.show({"grey": gallery.load(open_all(tmp_path)[0])})
    pools.renew()
    scored(pools)

    assert pools.take(old, 10) == []
    assert len(pools.take(gallery.find("grey"), 10)) == 10


def test_the_same_version_graded_anew_is_scored_anew(bundles: Path, tmp_path: Path):
    shutil.copytree(bundles / "pets", tmp_path / "pets")
    gallery = Gallery(open_all(tmp_path), Settings(**PINNED))
    pools = Informative(gallery)
    pools.renew()
    gallery.show({"pets": gallery.load(write_rewarded(tmp_path / "pets"))})
    pools.renew()
    scored(pools)

    assert len(pools.take(gallery.find("pets"), 10)) == 10


def test_what_goes_wrong_is_logged_and_the_next_question_tries_again(
    gallery: Gallery, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    pets, pools = gallery.find("pets"), Informative(gallery)
    with monkeypatch.context() as broken:
        broken.setattr(Runtime, "grade", lambda *_: 1 / 0)
        pools.renew()
        scored(pools)

    assert f"no informative pictures of pets {pets.card.version}" in caplog.text
    pools.take(pets, 1)
    scored(pools)
    assert len(pools.take(pets, 1)) == 1
