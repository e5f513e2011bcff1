"""A batch has as many pictures as requested, none twice; informative ones are scored ahead and handed out once."""

import shutil
import threading
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.in_process import BlockedSource, address, loaded, loaded_registry
from support.rewarded import write_rewarded

from models.active_learning import GRADE_WEIGHT
from models.bundle import open_bundle
from models.runtime import Runtime
from service.ratings.candidates import CANDIDATES, POOL_SIZE, REFILL_BELOW, CandidatePools, sample_batch
from service.ratings.grade import Picture
from service.registry import ModelRegistry
from service.snapshot import ModelVersion


def pictures(count: int, seed: int = 1) -> list[Picture]:
    return [Picture(seed, index, "cat", 1.0) for index in range(count)]


@pytest.fixture(scope="module")
def pets(bundles: Path) -> Runtime:
    return Runtime(open_bundle(bundles / "pets"), threads=1)


@given(st.integers(1, 256), st.data())
def test_a_batch_has_n_pictures_and_none_twice(pets: Runtime, n: int, data: st.DataObject):
    repeated = data.draw(st.integers(0, n // 2))
    informative = data.draw(st.integers(0, n - repeated))
    batch = sample_batch(n, pets, pictures(repeated), pictures(informative, seed=2))

    assert len({one.picture for one in batch}) == len(batch) == n
    assert Counter(one.why for one in batch) == Counter(
        {"repeat": repeated, "informative": informative, "random": n - repeated - informative}
    )


def test_random_ones_are_the_first_pictures_of_a_fresh_seed_with_their_classes(pets: Runtime):
    one, other = (sample_batch(64, pets, [], []) for _ in range(2))
    (seed,) = {candidate.picture.seed for candidate in one}
    labels = pets.labels(seed, 0, 64)

    assert labels is not None
    assert sorted(candidate.picture.index for candidate in one) == list(range(64))
    for candidate in one:
        assert candidate.picture.label == pets.class_names[labels[candidate.picture.index]]
    assert seed < 2**53
    assert {candidate.picture.seed for candidate in other} != {seed}


def test_a_picture_that_is_informative_and_graded_before_comes_once(pets: Runtime):
    batch = sample_batch(10, pets, pictures(3), pictures(5))

    assert Counter(one.why for one in batch) == Counter({"repeat": 3, "informative": 2, "random": 5})


def test_the_reasons_come_in_no_order(pets: Runtime):
    reasons = [one.why for one in sample_batch(256, pets, pictures(16), pictures(128, seed=2))]

    assert reasons != sorted(reasons)
    assert reasons != sorted(reasons, reverse=True)


@pytest.fixture(scope="module")
def registry(bundles: Path, tmp_path_factory: pytest.TempPathFactory) -> ModelRegistry:
    """`pets` with a reward, `grey` without one."""
    folder = tmp_path_factory.mktemp("models")
    for name in ("pets", "grey"):
        shutil.copytree(bundles / name, folder / name)
    write_rewarded(folder / "pets")
    return loaded_registry(folder)


@pytest.fixture
def pools(registry: ModelRegistry) -> CandidatePools:
    found = CandidatePools(registry)
    found.refresh()
    scored(found)
    return found


def scored(pools: CandidatePools) -> None:
    """Wait until all that was to be scored is."""
    pools._scorer.submit(int).result()


def publish(registry: ModelRegistry, path: Path) -> None:
    """Serve this bundle and no other."""
    version = ModelVersion.read(path)
    registry.loader.load(version)
    registry.publish({path.name: version}, {})


def value(runtime: Runtime, picture: Picture) -> float:
    label = runtime.class_names.index(picture.label or "")
    drawn = runtime.generate(picture.seed, picture.index, 1, picture.truncation, label)
    grade, deviation = runtime.grade(drawn, np.array([label]))
    return float(deviation[0] + GRADE_WEIGHT * grade[0])


def test_it_hands_out_the_best_of_its_candidates_first(registry: ModelRegistry, pools: CandidatePools):
    pets = loaded(registry, "pets")
    found = pools.take(pets, POOL_SIZE)
    (seed,) = {one.seed for one in found}
    grade, deviation = pets.grade(pets.generate(seed, 0, CANDIDATES), pets.labels(seed, 0, CANDIDATES))
    best = np.sort(deviation + GRADE_WEIGHT * grade)[::-1][:POOL_SIZE]

    assert len(set(found)) == POOL_SIZE
    assert seed < 2**53
    assert [value(pets, one) for one in found[::64]] == pytest.approx(best[::64].tolist(), abs=1e-5)


def test_each_is_handed_out_once_and_more_are_scored_when_few_are_left(registry: ModelRegistry, pools: CandidatePools):
    pets, found = loaded(registry, "pets"), []
    for _ in range(2 * POOL_SIZE // 100):
        found += pools.take(pets, 100)
        scored(pools)

    assert len(set(found)) == len(found) == 2 * POOL_SIZE // 100 * 100
    assert len({one.seed for one in found}) > 1
    assert REFILL_BELOW < POOL_SIZE


def test_while_none_are_scored_it_gives_none_and_does_not_wait(registry: ModelRegistry):
    pets, pools = loaded(registry, "pets"), CandidatePools(registry)
    held = BlockedSource(address(pets, 1))
    holding = threading.Thread(target=lambda: list(registry.batcher.draw_in_background(pets, held)))
    holding.start()
    assert held.begun.wait(30)
    pools.refresh()

    assert pools.take(pets, 10) == []
    held.go_on.set()
    holding.join()
    scored(pools)
    assert len(pools.take(loaded(registry, "pets"), 10)) == 10


def test_a_model_without_a_reward_has_none(registry: ModelRegistry, pools: CandidatePools):
    assert pools.take(loaded(registry, "grey"), 10) == []


def test_a_version_that_is_no_longer_current_is_forgotten_and_another_scored(bundles: Path, tmp_path: Path):
    for name in ("pets", "grey"):
        shutil.copytree(bundles / name, tmp_path / name)
    write_rewarded(tmp_path / "pets")
    registry = loaded_registry(tmp_path)
    old, pools = loaded(registry, "pets"), CandidatePools(registry)
    pools.refresh()
    scored(pools)
    write_rewarded(tmp_path / "grey")
    publish(registry, tmp_path / "grey")
    pools.refresh()
    scored(pools)

    assert pools.take(old, 10) == []
    assert len(pools.take(loaded(registry, "grey"), 10)) == 10


def test_a_version_with_a_new_reward_is_scored_again(bundles: Path, tmp_path: Path):
    shutil.copytree(bundles / "pets", tmp_path / "pets")
    registry = loaded_registry(tmp_path)
    pools = CandidatePools(registry)
    pools.refresh()
    publish(registry, write_rewarded(tmp_path / "pets").path)
    pools.refresh()
    scored(pools)

    assert len(pools.take(loaded(registry, "pets"), 10)) == 10


def test_what_goes_wrong_is_logged_and_the_next_request_tries_again(
    registry: ModelRegistry, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    pets, pools = loaded(registry, "pets"), CandidatePools(registry)
    with monkeypatch.context() as broken:
        broken.setattr(Runtime, "grade", lambda *_: 1 / 0)
        pools.refresh()
        scored(pools)

    assert f"no informative pictures of pets {pets.card.version}" in caplog.text
    pools.take(pets, 1)
    scored(pools)
    assert len(pools.take(pets, 1)) == 1
