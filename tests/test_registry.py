"""Which version a name means, what is loaded at the start, and what a request for a model that is not loaded gets."""

import asyncio
import shutil
from pathlib import Path

import numpy as np
import pytest
from support.in_process import PINNED, loaded, loaded_registry

from models.bundle import list_bundles, open_bundle
from models.runtime import Runtime
from service.errors import Problem
from service.registry import ModelRegistry
from service.settings import Settings
from service.snapshot import ModelVersion, Snapshot


@pytest.fixture(scope="module")
def registry(bundles: Path) -> ModelRegistry:
    return loaded_registry(bundles)


@pytest.fixture
def versions(bundles: Path) -> dict[str, ModelVersion]:
    return {path.name: ModelVersion.read(path) for path in list_bundles(bundles)}


def refused(registry: ModelRegistry, model: str | None) -> Problem:
    with pytest.raises(Problem) as caught:
        asyncio.run(registry.runtime(model))
    return caught.value


def test_the_current_version_comes_first_in_whatever_order_they_are_read(versions: dict[str, ModelVersion]):
    older = next(name for name in versions if name.startswith("grey@"))
    for folders in (sorted(versions), sorted(versions, reverse=True)):
        snapshot = Snapshot({name: versions[name] for name in folders}, "grey")

        assert snapshot.versions("grey") == [versions["grey"].card.version, versions[older].card.version]
        assert snapshot.find("grey") is snapshot.find(None) is versions["grey"]
        assert snapshot.find(older) is versions[older]
        assert snapshot.current == [versions["colour"], versions["grey"], versions["pets"]]
        assert snapshot.older == [versions[older]]
        assert [one.is_current for one in (versions["grey"], versions[older])] == [True, False]


def test_a_model_or_version_that_is_not_there_is_refused_with_those_that_are(versions: dict[str, ModelVersion]):
    snapshot = Snapshot(versions, "grey")

    with pytest.raises(Problem, match=r"There is no model 'other'. There are: colour, grey, pets") as caught:
        snapshot.find("other")
    assert caught.value.status == 404
    with pytest.raises(Problem, match=r"Version '0' of pets is not available. Available: ") as caught:
        snapshot.find("pets@0")
    assert caught.value.status == 410
    assert snapshot.versions("other") == []


def test_the_default_is_the_one_in_the_settings_or_else_the_first_by_name(bundles: Path):
    for default, expected in (("grey", "grey"), ("not there", "colour")):
        assert ModelRegistry(Settings(models=bundles, default_model=default)).snapshot.default == expected


def test_a_name_means_its_current_version(registry: ModelRegistry, bundles: Path):
    current = open_bundle(bundles / "grey").card

    assert registry.find("grey").card == current
    assert registry.snapshot.versions("grey")[0] == current.version


def test_at_the_start_the_current_versions_are_loaded_and_no_older_one(registry: ModelRegistry):
    older = registry.find(f"grey@{registry.snapshot.versions('grey')[1]}")

    assert registry.unready is None
    assert [runtime.card.name for runtime in registry.current_runtimes] == ["colour", "grey", "pets"]
    assert older.runtime is None


def test_a_model_that_is_loading_is_refused_at_once_with_its_name_and_when_to_come_back(bundles: Path):
    registry = ModelRegistry(Settings(models=bundles, **PINNED))
    problem = refused(registry, "grey")

    assert problem.status == 503
    assert problem.detail == f"grey {registry.find('grey').card.version} is loading. Try again in 1 s."
    assert problem.headers == {"Retry-After": "1"}
    assert registry.unready == f"colour {registry.find('colour').card.version} is loading"


def test_the_default_model_is_loaded_first(bundles: Path):
    ready: list[list[str]] = []
    registry = ModelRegistry(Settings(**{"models": bundles, "default_model": "pets", **PINNED}))
    assert registry.unready == f"pets {registry.find('pets').card.version} is loading", "and named first"
    registry.start(lambda: ready.append([runtime.card.name for runtime in registry.current_runtimes]))
    registry.wait_until_loaded()

    assert ready == [["pets"], ["colour", "pets"], ["colour", "grey", "pets"]]


def test_while_a_model_has_a_fault_the_service_is_ready_and_the_other_models_draw(bundles: Path, tmp_path: Path):
    for name in ("grey", "pets"):
        shutil.copytree(bundles / name, tmp_path / name)
    (tmp_path / "grey" / "generator.onnx").write_bytes(b"altered")
    registry = loaded_registry(tmp_path)
    problem = refused(registry, "grey")

    assert problem.status == 503
    assert "grey cannot be drawn: generator.onnx: found 7 bytes with SHA-256" in problem.detail
    assert "Name another one in `model`: pets." in problem.detail
    assert registry.unready is None
    assert loaded(registry, "pets").generate(1).shape == (1, 8, 8, 1)


def test_without_the_device_no_model_is_drawn_and_the_reason_is_given(bundles: Path):
    import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this onnxruntime offers CUDA")
    registry = loaded_registry(bundles, device="cuda", precision="tf32")

    assert "The service is not ready: device is 'cuda'" in refused(registry, "grey").detail


def test_without_a_model_the_service_is_not_ready_and_says_what_to_do_without_a_path(tmp_path: Path):
    for folder, words in (
        (tmp_path, "found no bundle, expected at least one. Train one: zoetrope fit PICTURES --out models/NAME."),
        (tmp_path / "other", "found no such folder, expected a folder of bundles. Set ZOETROPE_MODELS to one, "),
    ):
        registry = loaded_registry(folder)

        assert words in (registry.unready or "")
        assert str(tmp_path.parent) not in (registry.unready or "")
        with pytest.raises(Problem, match="The service is not ready: ") as caught:
            registry.require_ready()
        assert (caught.value.status, refused(registry, None).status) == (503, 503)


def test_what_the_registry_draws_is_what_a_runtime_draws(registry: ModelRegistry, bundles: Path):
    expected = Runtime(open_bundle(bundles / "pets"), threads=1).generate(3, 0, 40)

    assert np.array_equal(asyncio.run(registry.runtime("pets")).generate(3, 0, 40), expected)
