"""What one worker writes others read; what a killed one has counted stays, and nothing else of it."""

import mmap
import os
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from service import scoreboard
from service.metrics import Counters
from service.scoreboard import BOARD_VARIABLE, SLOT_BYTES, Scoreboard, create_board, open_board, private_board


@pytest.fixture
def board(monkeypatch: pytest.MonkeyPatch) -> Iterator[Scoreboard]:
    """The parent's, for two workers."""
    monkeypatch.setenv(BOARD_VARIABLE, "")
    yield create_board(2)
    os.close(int(os.environ[BOARD_VARIABLE]))


def test_every_worker_reads_what_another_one_has_written(board: Scoreboard):
    first, second = open_board(2, 1), open_board(2, 2)
    first.own.begin()
    second.own.begin()
    first.own.connections = 3
    first.own.write({"state": "ready", "models": ["grey@1"]})

    (seen,) = second.others
    assert (seen.pid, seen.connections, seen.starts) == (os.getpid(), 3, 1)
    assert seen.read() == {"state": "ready", "models": ["grey@1"]}
    assert [number for number, _ in board.numbered()] == [1, 2]


def test_another_process_writes_into_the_same_memory(board: Scoreboard):
    program = """
from service.scoreboard import open_board
own = open_board(2, 2).own
own.begin()
own.counters[0] += 41
own.write({"state": "loading"})
"""
    for _ in range(2):
        done = subprocess.Popen([sys.executable, "-c", program], close_fds=False)
        assert done.wait(60) == 0
        assert board.slots[1].pid == done.pid
        board.end([done.pid])

    slot = board.slots[1]
    assert (slot.pid, slot.starts, slot.counters[0]) == (0, 2, 82), "the second goes on where the first was killed"
    assert slot.read() is None
    assert Counters.of_all(board).images_drawn == 82


@pytest.mark.usefixtures("board")
def test_one_that_writes_nothing_for_two_seconds_is_not_relied_on():
    first, second = open_board(2, 1), open_board(2, 2)
    second.own.begin()
    assert first.others == [first.slots[1]]
    second.own.beat_s = time.monotonic() - scoreboard.STALE_S

    assert first.others == []


def test_what_was_written_half_is_not_read(board: Scoreboard):
    """A worker was killed while it wrote."""
    slot = board.slots[0]
    slot.write({"state": "ready"})
    slot._text[3] = ord("?")

    assert slot.read() is None


def test_lists_that_are_too_long_for_a_slot_are_cut(board: Scoreboard):
    slot = board.slots[0]
    names = [f"{number:0200}" for number in range(100)]
    slot.write({"state": "ready", "models": names})
    found = slot.read()

    assert found is not None
    assert found["state"] == "ready"
    assert found["models"] == names[:50]


@pytest.mark.parametrize("variable", [None, "", "x", "-1", "999999", "0"])
def test_a_process_that_no_parent_of_ours_started_has_a_board_of_its_own(
    variable: str | None, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv(BOARD_VARIABLE, raising=False)
    if variable is not None:
        monkeypatch.setenv(BOARD_VARIABLE, variable)
    board = open_board(2, 1)

    assert (len(board.slots), board.workers, board.number) == (1, 1, 1)


def test_a_number_that_the_board_has_not_gets_a_board_of_its_own(board: Scoreboard):
    assert board.workers == 2
    assert len(open_board(2, 5).slots) == len(open_board(2, None).slots) == 1
    assert len(open_board(2, 4).slots) == 4, "circus may start the next process before the last one has ended"


def test_the_memory_does_not_grow(board: Scoreboard):
    descriptor = int(os.environ[BOARD_VARIABLE])
    for number in range(50):
        slot = board.slots[number % 4]
        slot.begin()
        slot.write({"state": "ready", "models": ["grey@1"] * number})
        slot.end()

    assert os.fstat(descriptor).st_size == 4 * SLOT_BYTES
    assert mmap.PAGESIZE <= SLOT_BYTES


def test_a_process_that_is_alone_has_one_slot():
    board = private_board()
    board.own.begin()

    assert (board.own.pid, board.others, len(board.slots)) == (os.getpid(), [], 1)
