"""Workers that share a port take connections by turns, and each can speak for all."""

import asyncio

from service.accepting import MOST_PER_TURN
from service.scoreboard import SLOT_BYTES, Scoreboard
from service.siblings import Siblings


class Workers:
    """Two in one process, which share memory; `ready` says of each whether it is."""

    def __init__(self) -> None:
        memory = bytearray(4 * SLOT_BYTES)
        self.boards = [Scoreboard(memory, 2, number) for number in (1, 2)]
        self.ready = [True, True]
        self.each = [self._worker(at) for at in (0, 1)]
        self.write()

    def _worker(self, at: int) -> Siblings:
        def details() -> dict:
            state = "ready" if self.ready[at] else "loading"
            reason = None if self.ready[at] else "grey 1 is loading"
            return {"state": state, "reason": reason, "threads": 1, "models": []}

        return Siblings(self.boards[at], lambda: self.ready[at], lambda: 10 + at, details)

    def write(self) -> None:
        """As each does several times a second."""
        for one in self.each:
            one.states()


def test_a_worker_takes_connections_until_it_has_one_more_than_another():
    first, second = Workers().each
    assert first.room() == second.room() == 1
    first.count_opened(1)
    assert (first.room(), second.room()) == (0, 2)
    second.count_joining(5)
    assert (first.room(), second.room()) == (5, 0)
    second.count_opened(1)
    second.count_joining(0)
    assert first.room() == second.room() == 1


def test_one_that_is_not_ready_takes_none_while_another_is():
    workers = Workers()
    first, second = workers.each
    workers.ready[1] = False
    workers.write()
    first.count_opened(7)

    assert (first.may_accept(), second.may_accept()) == (True, False)
    assert first.room() >= MOST_PER_TURN, "it waits for none that is not ready"
    workers.ready[0] = False
    workers.write()
    assert first.may_accept()
    assert second.may_accept(), "one has to say that the service is not ready"


def test_one_whose_process_has_ended_is_waited_for_no_longer():
    workers = Workers()
    first, _ = workers.each
    first.count_opened(1)
    assert first.room() == 0
    workers.boards[0].slots[1].end()

    assert first.room() >= MOST_PER_TURN
    assert [one.state for one in first.states()] == ["ready", "starting"]
    assert first.states()[1].pid is None


def test_each_tells_the_state_of_all():
    workers = Workers()
    workers.ready[1] = False
    workers.write()
    states = [one.states() for one in workers.each]

    assert states[0] == states[1]
    assert [(one.number, one.state, one.images_waiting) for one in states[0]] == [(1, "ready", 10), (2, "loading", 11)]
    assert states[0][1].reason == "grey 1 is loading"
    assert [one.images_waiting for one in workers.each] == [21, 21]
    assert (workers.each[0].counts.expected, workers.each[0].counts.ready) == (2, 1)


def test_one_whose_event_loop_does_not_turn_is_stalled_and_not_ready():
    workers = Workers()
    first, second = workers.each
    workers.boards[1].own.beat_s -= 10

    assert [one.state for one in first.states()] == ["ready", "stalled"]
    assert first.counts.ready == 1
    assert not first.has_ready
    assert second.states()[1].state == "ready", "it has just written"


def beat(sibling: Siblings) -> None:
    """Write down once, as each does several times a second."""

    async def run() -> None:
        sibling.start()
        sibling.stop()

    asyncio.run(run())


def test_one_that_was_replaced_gets_its_share_of_connections_that_stay_open():
    """Before: the clients of a lost worker went to the others, and stayed there for as long as they liked."""
    workers = Workers()
    first, second = workers.each
    first.count_opened(9)
    assert not first.sends_away()
    beat(first)
    assert [first.sends_away() for _ in range(6)] == [True] * 4 + [False] * 2, "half of what it has more"
    first.count_opened(10)
    second.count_opened(4)
    beat(first)
    beat(second)
    assert not first.sends_away()
    assert not second.sends_away()


def test_none_is_sent_away_where_no_other_worker_is_ready():
    workers = Workers()
    first, _ = workers.each
    first.count_opened(9)
    workers.ready[1] = False
    workers.write()
    beat(first)

    assert not first.sends_away()
