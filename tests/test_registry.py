"""Which bundle a name means, and which engine draws it."""

import re
from pathlib import Path

import numpy as np
import pytest
from support.asking import PINNED, address

from models.bundle import open_all, open_bundle
from models.runtime import Runtime
from service.errors import Problem
from service.registry import ModelRegistry, Snapshot
from service.settings import Settings


def registry_of(folder: Path, **changes: object) -> ModelRegistry:
    return ModelRegistry(open_all(folder), Settings(**{**PINNED, **changes}))


@pytest.fixture(scope="module")
def registry(bundles: Path) -> ModelRegistry:
    return registry_of(bundles)


def test_the_default_is_the_one_in_the_settings_or_else_the_first_by_name(bundles: Path):
    assert registry_of(bundles, default_model="grey").snapshot.default == "grey"
    assert registry_of(bundles, default_model="not there").snapshot.default == "colour"


def test_a_name_means_its_current_version(registry: ModelRegistry, bundles: Path):
    current = open_bundle(bundles / "grey").card

    assert registry.find("grey").card == current
    assert registry.snapshot.versions("grey")[0] == current.version


def test_a_thread_in_the_background_is_given_the_same_pictures(registry: ModelRegistry):
    runtime = registry.find("pets")
    asked = address(runtime, 300, seed=3)
    drawn = np.concatenate(list(registry.draw_in_background(runtime, asked)))

    assert np.array_equal(drawn, runtime.draw(*asked.codes(runtime, 0, 300)))


def test_an_engine_that_is_not_pinned_follows_the_rule_and_writes_nothing(bundles: Path, tmp_path: Path):
    settings = Settings(threads=1, engines=tmp_path / "engines.json")
    engines = {name: ModelRegistry(open_all(bundles), settings).find(name).engine for name in ("grey", "pets")}

    assert all(re.fullmatch(r"onnxruntime-[\d.]+-cpu-float32", engine) for engine in engines.values())
    assert not settings.engines.exists()


def test_without_the_device_nothing_is_drawn_and_the_reason_is_told(bundles: Path):
    import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this onnxruntime offers CUDA")
    registry = registry_of(bundles, device="cuda", precision="tf32")

    with pytest.raises(Problem, match="The service is not ready: device is 'cuda'"):
        registry.find("grey")


@pytest.fixture(scope="module")
def loaded(bundles: Path) -> dict[str, Runtime]:
    return {bundle.path.name: Runtime(bundle, threads=1) for bundle in open_all(bundles)}


def test_the_current_version_comes_first_in_whatever_order_they_were_loaded(loaded: dict[str, Runtime]):
    older = next(name for name in loaded if name.startswith("grey@"))
    for folders in (sorted(loaded), sorted(loaded, reverse=True)):
        shown = Snapshot({name: loaded[name] for name in folders}, "grey")

        assert shown.versions("grey") == [loaded["grey"].card.version, loaded[older].card.version]
        assert shown.find("grey") is shown.find(None) is loaded["grey"]
        assert shown.find(older) is loaded[older]
        assert shown.current == [loaded["colour"], loaded["grey"], loaded["pets"]]


def test_what_is_not_there_is_refused_with_what_is(loaded: dict[str, Runtime]):
    shown = Snapshot(loaded, "grey")

    with pytest.raises(Problem, match=r"There is no model 'nobody'. There are: colour, grey, pets") as caught:
        shown.find("nobody")
    assert caught.value.status == 404
    with pytest.raises(Problem, match=r"Version '0' of pets is not available. Available: ") as caught:
        shown.find("pets@0")
    assert caught.value.status == 410
    assert shown.versions("nobody") == []
