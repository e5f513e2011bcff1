"""Which bundle a name means, and what happens when the engine has its fill."""

import asyncio
import threading
from pathlib import Path

import numpy as np
import pytest

from models.bundle import open_all, open_bundle
from models.runtime import Runtime
from service.address import Address
from service.gallery import CHUNK_IMAGES, Gallery
from service.problems import Problem
from service.settings import Settings


def gallery_of(folder: Path, **changes: object) -> Gallery:
    return Gallery(open_all(folder), Settings(threads=1, **changes))


def address(runtime: Runtime, n: int, seed: int = 0, start: int = 0) -> Address:
    """As a question for n pictures of a model, or of its classes by turns, would give it."""
    count = len(runtime.class_names)
    labels = np.arange(n) % count if count else None
    return Address(runtime.card.name, runtime.card.version, seed, start, n, 1.0, labels, runtime.class_names)


@pytest.fixture(scope="module")
def gallery(bundles: Path) -> Gallery:
    return gallery_of(bundles)


def test_the_default_is_the_one_in_the_settings_or_else_the_first_by_name(bundles: Path):
    assert gallery_of(bundles, default_model="grey").collection.default == "grey"
    assert gallery_of(bundles, default_model="not there").collection.default == "colour"


def test_a_name_means_its_current_version(gallery: Gallery, bundles: Path):
    current = open_bundle(bundles / "grey").card

    assert gallery.find("grey").card == current
    assert gallery.collection.versions("grey")[0] == current.version


def test_chunks_are_the_whole_slice_in_order(gallery: Gallery):
    runtime = gallery.find("grey")

    async def drawn(n: int) -> list[np.ndarray]:
        return [chunk async for chunk in gallery.draw(runtime, address(runtime, n, seed=3, start=5))]

    chunks = asyncio.run(drawn(2 * CHUNK_IMAGES + 1))

    assert [len(chunk) for chunk in chunks] == [CHUNK_IMAGES, CHUNK_IMAGES, 1]
    assert np.array_equal(np.concatenate(chunks), runtime.generate(3, 5, 2 * CHUNK_IMAGES + 1))


def test_every_chunk_has_the_labels_of_its_own_pictures(gallery: Gallery):
    runtime = gallery.find("pets")
    n = CHUNK_IMAGES + 10

    async def drawn() -> list[np.ndarray]:
        return [chunk async for chunk in gallery.draw(runtime, address(runtime, n))]

    expected = runtime.generate(0, 0, n, label=[k % 3 for k in range(n)])
    assert np.array_equal(np.concatenate(asyncio.run(drawn())), expected)


def test_a_thread_in_the_background_is_given_the_same_pictures(gallery: Gallery):
    runtime = gallery.find("pets")
    asked = address(runtime, CHUNK_IMAGES + 10, seed=3)
    chunks = list(gallery.draw_aside(runtime, asked))

    assert [len(chunk) for chunk in chunks] == [CHUNK_IMAGES, 10]
    assert np.array_equal(np.concatenate(chunks), asked.draw(runtime, 0, asked.n))


def test_a_full_queue_refuses_at_once_and_says_when_to_come_back(bundles: Path):
    """The engine is held up while one request waits; the next is refused, and let in once the engine goes on."""
    gallery = gallery_of(bundles, queue_images=10)
    runtime = gallery.find("grey")
    go_on = threading.Event()
    gallery._engine.submit(go_on.wait)

    async def meet() -> None:
        gallery.admit()
        waiting = asyncio.create_task(anext(gallery.draw(runtime, address(runtime, 10))))
        await asyncio.sleep(0.05)
        with pytest.raises(Problem, match="10 pictures wait for the engine; 10 may") as caught:
            gallery.admit()
        assert caught.value.status == 503
        assert caught.value.headers == {"Retry-After": "1"}
        go_on.set()
        assert len(await waiting) == 10
        gallery.admit()

    asyncio.run(meet())


def test_a_small_request_does_not_wait_behind_the_whole_of_a_large_one(gallery: Gallery):
    """While 20 chunks are being drawn, one picture comes out before the 20th."""
    runtime = gallery.find("grey")
    order: list[str] = []

    async def large() -> None:
        async for _ in gallery.draw(runtime, address(runtime, 20 * CHUNK_IMAGES)):
            order.append("large")

    async def small() -> None:
        async for _ in gallery.draw(runtime, address(runtime, 1)):
            order.append("small")

    async def both() -> None:
        first = asyncio.create_task(large())
        await asyncio.sleep(0)
        await asyncio.gather(first, small())

    asyncio.run(both())

    assert order.index("small") < 5


def test_without_the_device_nothing_is_drawn_and_the_reason_is_told(bundles: Path):
    import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this onnxruntime offers CUDA")
    gallery = gallery_of(bundles, device="cuda")

    with pytest.raises(Problem, match="The service is not ready: device is 'cuda'"):
        gallery.find("grey")
