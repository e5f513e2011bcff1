"""Dynamic batching: pictures of many requests in common batches; each request gets its own, in turn."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.in_process import BlockedSource, address

from models.bundle import open_bundle
from models.class_weights import PictureClasses, canonical_weights
from models.runtime import Runtime
from service.batching import LONGEST_AT_ONCE_S, TURN_IMAGES, DynamicBatcher
from service.errors import Problem
from service.pending import AHEAD_BATCHES, ClientDisconnected, PendingRequest


@pytest.fixture(scope="module")
def grey(bundles: Path) -> Runtime:
    return Runtime(open_bundle(bundles / "grey"), threads=1)


@pytest.fixture(scope="module")
def pets(bundles: Path) -> Runtime:
    return Runtime(open_bundle(bundles / "pets"), threads=1)


@dataclass
class Scene:
    """A batcher whose engine is blocked by one picture until `go_on` is called."""

    batcher: DynamicBatcher
    blocked: BlockedSource
    first: asyncio.Task

    async def go_on(self) -> None:
        self.blocked.go_on.set()
        await self.first


def ahead(runtime: Runtime) -> int:
    """Pictures of one request that are drawn before some of them are consumed, at most."""
    return AHEAD_BATCHES * runtime.batch_sizes[-1]


def takes(batcher: DynamicBatcher, runtime: Runtime, seconds_per_image: float) -> None:
    """Let the batcher believe that the engine takes so long, by as many full batches as it remembers."""
    largest = runtime.batch_sizes[-1]
    for _ in range(9):
        batcher._count(runtime, largest, seconds_per_image * largest)


async def whole(request: PendingRequest) -> np.ndarray:
    return np.concatenate([chunk async for chunk in request])


def played(runtime: Runtime, play: Callable[[Scene], Awaitable[None]], **changes: object) -> DynamicBatcher:
    """Play something while the engine is blocked."""
    batcher = DynamicBatcher(**{"queue_images": 1000, "deadline_s": 30.0, **changes})
    blocked = BlockedSource(address(runtime, 1, seed=99))

    async def scene() -> None:
        first = asyncio.create_task(whole(batcher.submit(runtime, blocked)))
        await asyncio.to_thread(blocked.begun.wait, 30)
        await play(Scene(batcher, blocked, first))
        await first

    try:
        asyncio.run(scene())
    finally:
        blocked.go_on.set()
        batcher.close()
    return batcher  # nothing is under way any more


@settings(max_examples=25, deadline=None)
@given(sizes=st.lists(st.integers(1, 700), min_size=1, max_size=6))
def test_every_request_gets_its_own_pictures(grey: Runtime, pets: Runtime, sizes: list[int]):
    runtimes = [grey, pets]
    batcher = DynamicBatcher(queue_images=10_000, deadline_s=30)
    wanted = [(runtimes[k % 2], address(runtimes[k % 2], n, seed=k, start=k)) for k, n in enumerate(sizes)]

    async def all_at_once() -> list[np.ndarray]:
        return await asyncio.gather(*(whole(batcher.submit(runtime, one)) for runtime, one in wanted))

    for (runtime, one), drawn in zip(wanted, asyncio.run(all_at_once()), strict=True):
        assert np.array_equal(drawn, runtime.draw(*one.codes(runtime, 0, one.n)))
    assert batcher.waiting_images == 0
    assert batcher.counters.images_drawn == sum(sizes)
    batcher.close()


def test_requests_that_come_while_a_batch_is_drawn_share_the_next_one(grey: Runtime):
    async def play(scene: Scene) -> None:
        requests = [asyncio.create_task(whole(scene.batcher.submit(grey, address(grey, 1, seed=k)))) for k in range(8)]
        await asyncio.sleep(0)
        assert scene.batcher.waiting_images == 8
        await scene.go_on()
        await asyncio.gather(*requests)

    batcher = played(grey, play)

    assert sum(batcher.counters.batches.values()) < 6  # the first, and 8 in a few of the sizes 8, 4, 2 and 1


def test_labels_and_weights_of_several_classes_share_a_batch(pets: Runtime):
    weights = canonical_weights({0: 1, 2: 3})
    soft = replace(address(pets, 3, seed=5), classes=PictureClasses.of([weights, 1, weights], 3, 3))
    sources = [address(pets, 2, seed=4), soft, address(pets, 3, seed=6)]

    async def play(scene: Scene) -> None:
        requests = [asyncio.create_task(whole(scene.batcher.submit(pets, one))) for one in sources]
        await asyncio.sleep(0)
        await scene.go_on()
        for one, drawn in zip(sources, await asyncio.gather(*requests), strict=True):
            assert np.array_equal(drawn, pets.draw(*one.codes(pets, 0, one.n)))

    assert played(pets, play).counters.batches == {1: 1, 8: 1}


def test_without_coalescing_each_request_has_its_own_batch(grey: Runtime):
    async def play(scene: Scene) -> None:
        requests = [asyncio.create_task(whole(scene.batcher.submit(grey, address(grey, 1, seed=k)))) for k in range(8)]
        await asyncio.sleep(0)
        await scene.go_on()
        await asyncio.gather(*requests)

    assert sum(played(grey, play, coalesce=False).counters.batches.values()) == 9


def test_one_picture_does_not_wait_behind_the_whole_of_a_large_order(grey: Runtime):
    """Requested after 5,000 pictures, it comes before the large request has had three turns."""
    before: list[int] = []

    async def play(scene: Scene) -> None:
        large = scene.batcher.submit(grey, address(grey, 5000))
        small = scene.batcher.submit(grey, address(grey, 1, seed=5))
        reading = asyncio.create_task(whole(large))
        scene.blocked.go_on.set()
        await whole(small)
        before.append(large.scheduled)
        await reading

    played(grey, play)

    assert before[0] <= 3 * TURN_IMAGES + ahead(grey)


def test_a_reader_that_does_not_read_delays_no_other_and_is_not_drawn_far_ahead(grey: Runtime):
    async def play(scene: Scene) -> None:
        stalled = scene.batcher.submit(grey, address(grey, 5000))
        await scene.go_on()
        await whole(scene.batcher.submit(grey, address(grey, 700)))
        assert stalled.scheduled <= ahead(grey)
        stalled.cancel()

    played(grey, play)


def test_a_full_queue_refuses_at_once_and_says_when_to_come_back(grey: Runtime):
    async def play(scene: Scene) -> None:
        waiting = asyncio.create_task(whole(scene.batcher.submit(grey, address(grey, 10))))
        await asyncio.sleep(0)
        with pytest.raises(Problem, match=r"10 pictures wait for the engine; 10 may\. Try again in 1 s\.") as caught:
            scene.batcher.submit(grey, address(grey, 1))
        assert (caught.value.status, caught.value.headers) == (503, {"Retry-After": "1"})
        await scene.go_on()
        await waiting
        assert len(await whole(scene.batcher.submit(grey, address(grey, 1)))) == 1

    assert played(grey, play, queue_images=10).counters.requests_refused == 1


def test_a_single_picture_is_drawn_at_once_with_the_same_bytes_and_only_where_it_holds_up_no_one(grey: Runtime):
    source = address(grey, 1, seed=5)

    async def play(scene: Scene) -> None:
        batcher = scene.batcher
        assert batcher.draw_at_once(grey, source) is None, "nothing is known yet of how long it takes"
        batcher._count(grey, 1, LONGEST_AT_ONCE_S / 2)
        with batcher._engine:
            assert batcher.draw_at_once(grey, source) is None, "the engine draws"
        waiting = batcher.submit(grey, address(grey, 3))
        assert batcher.draw_at_once(grey, source) is None, "others wait"
        await scene.go_on()
        await whole(waiting)
        queued = await whole(batcher.submit(grey, source))
        for _ in range(9):
            batcher._count(grey, 1, 0.0)
        drawn = batcher.counters.images_drawn
        assert np.array_equal(batcher.draw_at_once(grey, source), queued)
        assert batcher.counters.images_drawn == drawn + 1
        assert batcher.draw_at_once(grey, address(grey, 2)) is None
        batcher._count(grey, 1, 60.0)
        assert batcher.draw_at_once(grey, source) is None, "it takes too long"

    played(grey, play)


def test_only_full_batches_tell_how_long_a_queue_takes(grey: Runtime):
    """Before: slow draws of one picture each made large requests wait an hour by estimate: 503."""

    async def play(scene: Scene) -> None:
        for _ in range(100):
            scene.batcher._count(grey, 1, 60.0)
        waiting = asyncio.create_task(whole(scene.batcher.submit(grey, address(grey, 10))))
        await asyncio.sleep(0)
        scene.batcher.check_backpressure()
        takes(scene.batcher, grey, 60.0)
        with pytest.raises(Problem, match="Try again in 600 s"):
            scene.batcher.check_backpressure()
        takes(scene.batcher, grey, 0.0)
        await scene.go_on()
        await waiting

    played(grey, play)


def test_one_slow_first_batch_refuses_no_one(grey: Runtime):
    """Before: one slow first picture made the service say `Try again in 33 s` at a backlog of two."""

    async def play(scene: Scene) -> None:
        largest = grey.batch_sizes[-1]
        scene.batcher._count(grey, largest, 600.0)
        waiting = [asyncio.create_task(whole(scene.batcher.submit(grey, address(grey, 10)))) for _ in range(2)]
        for _ in range(4):
            scene.batcher._count(grey, largest, 0.01)
        scene.batcher.check_backpressure()
        await scene.go_on()
        await asyncio.gather(*waiting)

    played(grey, play)


def test_each_model_counts_by_its_own_speed(grey: Runtime, pets: Runtime):
    async def play(scene: Scene) -> None:
        takes(scene.batcher, pets, 2.0)
        waiting = [asyncio.create_task(whole(scene.batcher.submit(grey, address(grey, 100))))]
        await asyncio.sleep(0)
        waiting.append(asyncio.create_task(whole(scene.batcher.submit(pets, address(pets, 10)))))
        await asyncio.sleep(0)
        with pytest.raises(
            Problem, match=r"The pictures would take 40 s with what waits; 30 s may be\. Try again in 20 s"
        ):
            scene.batcher.submit(pets, address(pets, 10))
        scene.batcher.submit(grey, address(grey, 10)).cancel()
        await scene.go_on()
        await asyncio.gather(*waiting)

    played(grey, play)


def test_an_answer_that_must_be_whole_counts_whole_and_a_stream_what_is_drawn_ahead(grey: Runtime):
    """Before: 90 sheets of 1,024 were admitted as 512 each; 52,512 pictures were drawn, and no sheet was delivered."""

    async def play(scene: Scene) -> None:
        stream = scene.batcher.submit(grey, address(grey, 10_000))
        assert scene.batcher.waiting_images == ahead(grey)
        sheet = scene.batcher.submit(grey, address(grey, 1_024), whole=True)
        assert scene.batcher.waiting_images == ahead(grey) + 1_024
        with pytest.raises(Problem, match=r"1536 pictures wait for the engine; 1500 may\."):
            scene.batcher.submit(grey, address(grey, 1_024), whole=True)
        stream.cancel()
        await scene.go_on()
        assert len(await whole(sheet)) == 1_024

    assert played(grey, play, queue_images=1_500).counters.requests_refused == 1


def test_what_could_not_be_finished_before_the_deadline_is_refused_at_once(grey: Runtime):
    async def play(scene: Scene) -> None:
        takes(scene.batcher, grey, 0.02)
        sheet = scene.batcher.submit(grey, address(grey, 1_024), whole=True)  # 20 of 30 seconds
        with pytest.raises(Problem, match=r"would take 41 s with what waits; 30 s may be\. Try again in 21 s"):
            scene.batcher.submit(grey, address(grey, 1_024), whole=True)
        small = scene.batcher.submit(grey, address(grey, 64), whole=True)
        await scene.go_on()
        assert [len(images) for images in await asyncio.gather(whole(sheet), whole(small))] == [1_024, 64]

    played(grey, play, queue_images=10_000)


def test_a_model_with_many_callers_does_not_hold_up_another(grey: Runtime, pets: Runtime):
    """Before: with 300 callers of one model the other waited 7.7 s in place of 0.17 s: it went behind each newcomer."""

    async def play(scene: Scene) -> None:
        done = 0

        async def caller() -> None:
            nonlocal done
            for _ in range(10):
                await whole(scene.batcher.submit(grey, address(grey, 1)))
                done += 1

        callers = [asyncio.create_task(caller()) for _ in range(300)]
        await asyncio.sleep(0)
        other = asyncio.create_task(whole(scene.batcher.submit(pets, address(pets, 1))))
        await scene.go_on()
        await other
        assert done <= 2 * grey.batch_sizes[-1]
        await asyncio.gather(*callers)

    played(grey, play)


def test_a_queue_that_takes_longer_than_the_deadline_is_full(grey: Runtime):
    async def play(scene: Scene) -> None:
        waiting = asyncio.create_task(whole(scene.batcher.submit(grey, address(grey, 10))))
        await asyncio.sleep(0)
        takes(scene.batcher, grey, 4.0)
        with pytest.raises(Problem, match="Try again in 40 s") as caught:
            scene.batcher.submit(grey, address(grey, 1))
        assert caught.value.headers == {"Retry-After": "40"}
        takes(scene.batcher, grey, 0.0)
        await scene.go_on()
        await waiting

    played(grey, play)


def test_what_was_not_begun_in_time_is_refused(grey: Runtime):
    async def play(scene: Scene) -> None:
        late = asyncio.create_task(whole(scene.batcher.submit(grey, address(grey, 5))))
        await asyncio.sleep(0.1)
        await scene.go_on()
        with pytest.raises(Problem, match=r"not begun within 0\.05 s") as caught:
            await late
        assert caught.value.status == 503
        assert "Retry-After" in caught.value.headers

    batcher = played(grey, play, deadline_s=0.05)

    assert (batcher.counters.requests_late, batcher.counters.images_drawn, batcher.waiting_images) == (1, 1, 0)


def test_nothing_is_drawn_for_clients_that_have_gone(grey: Runtime):
    async def play(scene: Scene) -> None:
        requests = [scene.batcher.submit(grey, address(grey, 3, seed=k)) for k in range(50)]
        waiting = [asyncio.create_task(whole(request)) for request in requests]
        await asyncio.sleep(0)
        for request in requests:
            request.cancel()
        await scene.go_on()
        for one in waiting:
            with pytest.raises(ClientDisconnected):
                await one

    batcher = played(grey, play)

    assert (batcher.counters.images_drawn, batcher.counters.images_dropped, batcher.waiting_images) == (1, 150, 0)


def test_an_request_that_is_left_half_way_is_drawn_no_further(grey: Runtime):
    async def play(scene: Scene) -> None:
        await scene.go_on()
        request = aiter(scene.batcher.submit(grey, address(grey, 5000)))
        await anext(request)
        await request.aclose()

    batcher = played(grey, play)

    assert batcher.counters.images_drawn <= 1 + 2 * ahead(grey)
    assert batcher.counters.images_drawn + batcher.counters.images_dropped == 5001


def test_an_error_reaches_its_own_request_and_the_next_is_drawn(grey: Runtime):
    class Broken(BlockedSource):
        def codes(self, *_: object) -> object:
            raise RuntimeError("no codes")

    async def play(scene: Scene) -> None:
        await scene.go_on()
        with pytest.raises(RuntimeError, match="no codes"):
            await whole(scene.batcher.submit(grey, Broken(address(grey, 3))))
        assert len(await whole(scene.batcher.submit(grey, address(grey, 3)))) == 3

    played(grey, play)


def test_models_take_turns(grey: Runtime, pets: Runtime):
    """While a large request of one is drawn, a picture of another comes out between."""

    async def play(scene: Scene) -> None:
        large = scene.batcher.submit(grey, address(grey, 5000))
        reading = asyncio.create_task(whole(large))
        small = scene.batcher.submit(pets, address(pets, 1))
        scene.blocked.go_on.set()
        await whole(small)
        assert large.scheduled < 5000
        large.cancel()
        with suppress(ClientDisconnected):
            await reading

    played(grey, play)


def test_a_request_whose_event_loop_has_ended_does_not_stop_the_engine(grey: Runtime):
    batcher, blocked = DynamicBatcher(queue_images=1000, deadline_s=30), BlockedSource(address(grey, 1))

    async def submit_and_end() -> None:
        batcher.submit(grey, blocked)
        await asyncio.to_thread(blocked.begun.wait, 30)

    asyncio.run(submit_and_end())
    blocked.go_on.set()

    async def draw() -> np.ndarray:
        return await whole(batcher.submit(grey, address(grey, 3)))

    assert len(asyncio.run(draw())) == 3
    batcher.close()


def test_the_engine_thread_says_which_step_it_is_in_and_how_long_that_may_take(grey: Runtime):
    seen = []

    async def play(scene: Scene) -> None:
        seen.append(scene.batcher.engine_step)
        await scene.go_on()

    batcher = played(grey, play, hang_s=2.0)
    slow = played(grey, play, hang_s=1e-9)

    number, may_s, model = seen[0]
    assert (may_s, model) == (max(2.0, 10 * grey.full_batch_s), "grey")
    assert seen[1][1] == 10 * grey.full_batch_s, "ten full batches, by the quickest picture of the warm-up"
    assert number > 0
    assert batcher.engine_step is slow.engine_step is None
