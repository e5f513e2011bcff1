"""Older versions are loaded when they are requested; sizes are warmed up and digests checked in the background."""

import asyncio
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from support.in_process import loaded_registry
from support.untrained import write_untrained

from models.bundle import open_bundle
from models.engine import batch_sizes
from models.runtime import Runtime
from service.errors import Problem
from service.loader import ModelLoader
from service.registry import ModelRegistry

SEEDS = range(5)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`grey` in five versions."""
    folder = tmp_path_factory.mktemp("models")
    for seed in SEEDS:
        write_untrained(folder / "grey", 8, 8, 1, code_size=5, seed=seed)
    return folder


@pytest.fixture
def registry(folder: Path) -> Iterator[ModelRegistry]:
    registry = loaded_registry(folder, older_versions=2)
    yield registry
    registry.close()


def older(registry: ModelRegistry) -> list[str]:
    return [f"grey@{version}" for version in registry.snapshot.versions("grey")[1:]]


def in_memory(registry: ModelRegistry) -> set[str]:
    return {f"grey@{one.card.version}" for one in registry.snapshot.older if one.runtime is not None}


def finished(loader: ModelLoader) -> None:
    """Wait until the loader has nothing more to do."""
    while loader._thread.submit(lambda: loader._working).result():
        pass


def test_an_older_version_is_loaded_when_it_is_requested_and_draws_its_own_pictures(
    registry: ModelRegistry, folder: Path
):
    name = older(registry)[0]
    assert in_memory(registry) == set()
    runtime = asyncio.run(registry.runtime(name))

    assert np.array_equal(runtime.generate(3, 0, 9), Runtime(open_bundle(folder / name), threads=1).generate(3, 0, 9))
    assert asyncio.run(registry.runtime(name)) is runtime


def test_the_least_recently_used_older_version_leaves_the_memory(registry: ModelRegistry):
    one, two, three, _ = older(registry)
    for name in (one, two, one, three):
        asyncio.run(registry.runtime(name))

    assert in_memory(registry) == {one, three}


def test_requests_for_one_version_share_its_load(registry: ModelRegistry, monkeypatch: pytest.MonkeyPatch):
    loads: list[str] = []
    load = ModelLoader._load
    monkeypatch.setattr(ModelLoader, "_load", lambda loader, one: (loads.append(str(one)), load(loader, one))[1])

    async def request_all() -> list[Runtime]:
        return await asyncio.gather(*(registry.runtime(older(registry)[0]) for _ in range(8)))

    assert len(set(map(id, asyncio.run(request_all())))) == 1
    assert len(loads) == 1


def test_more_versions_at_once_than_the_memory_may_hold_are_all_drawn(registry: ModelRegistry):
    async def request_all() -> list[Runtime]:
        return await asyncio.gather(*(registry.runtime(name) for name in older(registry) * 2))

    for name, runtime in zip(older(registry) * 2, asyncio.run(request_all()), strict=True):
        assert f"grey@{runtime.card.version}" == name
    assert len(in_memory(registry)) == 2


def test_an_error_that_may_pass_ends_one_request_and_the_next_one_loads_again(
    registry: ModelRegistry, monkeypatch: pytest.MonkeyPatch
):
    name = older(registry)[0]
    with monkeypatch.context() as broken:
        broken.setattr(ModelLoader, "_load", lambda *_: 1 / 0)
        with pytest.raises(Problem, match=r"cannot be loaded now: ZeroDivisionError: .* Try again\.") as found:
            asyncio.run(registry.runtime(name))

    assert found.value.headers == {"Retry-After": "1"}
    assert asyncio.run(registry.runtime(name)).card.version == name.split("@")[1]


def test_a_version_that_is_not_loaded_before_the_deadline_is_a_503_with_retry_after(folder: Path):
    registry = loaded_registry(folder, deadline_seconds=0.05)
    go_on = threading.Event()
    registry.loader._thread.submit(go_on.wait, 30)
    with pytest.raises(Problem, match=r"grey \w+ is loading. Try again in 1 s.") as caught:
        asyncio.run(registry.runtime(older(registry)[0]))
    go_on.set()
    finished(registry.loader)

    assert (caught.value.status, caught.value.headers) == (503, {"Retry-After": "1"})
    assert asyncio.run(registry.runtime(older(registry)[0]))  # the load went on
    registry.close()


def test_while_a_version_is_loading_the_event_loop_and_the_current_model_go_on(registry: ModelRegistry):
    go_on = threading.Event()
    registry.loader._thread.submit(go_on.wait, 30)

    async def request_both() -> None:
        waiting = asyncio.create_task(registry.runtime(older(registry)[0]))
        assert (await registry.runtime("grey")).generate(1).shape == (1, 8, 8, 1)
        assert not waiting.done()
        go_on.set()
        await waiting

    asyncio.run(request_both())


def test_all_batch_sizes_are_warm_after_a_while(registry: ModelRegistry):
    finished(registry.loader)

    assert registry.current_runtimes[0].batch_sizes == batch_sizes("cpu", 64)


def test_a_damaged_older_version_is_found_at_the_start_and_its_requests_say_so(
    folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    shutil.copytree(folder, tmp_path / "models")
    damaged = sorted((tmp_path / "models").glob("grey@*"))[0]
    (damaged / "generator.onnx").write_bytes(b"altered")
    registry = loaded_registry(tmp_path / "models")
    finished(registry.loader)

    (line,) = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert "cannot be drawn" in line
    assert "generator.onnx: found 7 bytes with SHA-256" in line
    assert registry.unready is None
    with pytest.raises(Problem, match=r"cannot be drawn: .*generator.onnx: found 7 bytes") as caught:
        asyncio.run(registry.runtime(damaged.name))
    assert caught.value.status == 503
    registry.close()
