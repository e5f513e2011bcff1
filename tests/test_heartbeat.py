"""What counts as a hang: looks without a beat, and beats in one step of the engine thread; nothing else does."""

import asyncio
import os
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from service import heartbeat
from service.heartbeat import LOOK_S, PIPE_VARIABLE, Heartbeat, HeartbeatReader

PID = os.getpid()


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> Iterator[HeartbeatReader]:
    monkeypatch.setenv(PIPE_VARIABLE, "")
    monkeypatch.setattr(heartbeat, "_major_faults", lambda _: 7)
    monkeypatch.setattr(heartbeat, "_waited_for_processor_s", lambda _: 5.0)
    reader = HeartbeatReader()
    yield reader
    for end in (reader._reader, int(os.environ[PIPE_VARIABLE])):
        os.close(end)


class EndedError(BaseException):
    pass


def beats(count: int, allowance_s: float = 2.0, loading: bool = False, steps: Iterator | None = None) -> None:
    """So many beats of a worker, one after another."""

    async def run() -> None:
        one = Heartbeat(allowance_s, lambda: loading, lambda: next(steps) if steps else None)
        for _ in range(count):
            one._beat(asyncio.get_running_loop())

    asyncio.run(run())


def test_a_worker_is_late_after_as_many_looks_as_its_beat_allowed(reader: HeartbeatReader):
    beats(3)
    looks = [reader.late([PID]) for _ in range(30)]

    assert LOOK_S == 0.25
    assert looks == [[]] * 8 + [[PID]] + [[]] * 21, "it is told once"
    beats(1)
    assert reader.late([PID]) == []


def test_one_that_has_not_begun_to_beat_is_not_late_and_one_that_has_ended_is_forgotten(reader: HeartbeatReader):
    assert [reader.late([PID, 1]) for _ in range(9)] == [[]] * 9
    beats(1)
    reader.late([PID])
    assert reader.late([]) == []
    assert [reader.late([PID]) for _ in range(9)] == [[]] * 9


def test_while_models_are_loaded_a_minute_is_allowed_and_after_a_stop_for_ever(reader: HeartbeatReader):
    beats(1, loading=True)
    assert [reader.late([PID]) for _ in range(239)] == [[]] * 239

    async def stop() -> None:
        one = Heartbeat(2.0, lambda: False, lambda: None)
        one.start()
        one.stop()

    asyncio.run(stop())
    assert [reader.late([PID]) for _ in range(300)] == [[]] * 300


def test_a_look_in_which_the_process_read_its_memory_from_the_disk_does_not_count(
    reader: HeartbeatReader, monkeypatch: pytest.MonkeyPatch
):
    beats(1)
    faults = iter(range(20))
    monkeypatch.setattr(heartbeat, "_major_faults", lambda _: next(faults))

    assert [reader.late([PID]) for _ in range(20)] == [[]] * 20


def test_what_it_waits_for_the_processor_does_not_count(reader: HeartbeatReader, monkeypatch: pytest.MonkeyPatch):
    """With three quarters of every look on the run queue, four looks are one."""
    waited = iter(0.75 * LOOK_S * look for look in range(100))
    monkeypatch.setattr(heartbeat, "_waited_for_processor_s", lambda _: next(waited))
    beats(1)

    looks = [reader.late([PID]) for _ in range(40)]

    assert looks.index([PID]) == 32, "in place of 8"


@pytest.mark.skipif(not Path("/proc/self/schedstat").exists(), reason="this platform does not say who waits")
def test_a_process_that_others_keep_from_the_processor_waits_and_one_that_is_stopped_does_not():
    """Two that never rest, on one processor: each waits about half of the time."""
    (processor, *_) = os.sched_getaffinity(0)
    command = [sys.executable, "-c", f"import os; os.sched_setaffinity(0, {{{processor}}})\nwhile True: pass"]
    spinning = [subprocess.Popen(command) for _ in range(2)]
    try:
        before_s, waited_s = heartbeat._waited_for_processor_s(spinning[0].pid), 0.0
        until_s = time.monotonic() + 20
        while waited_s < 0.1 and time.monotonic() < until_s:
            time.sleep(0.05)
            waited_s = heartbeat._waited_for_processor_s(spinning[0].pid) - before_s
        assert waited_s >= 0.1
        os.kill(spinning[0].pid, signal.SIGSTOP)
        time.sleep(0.1)
        stopped_s = heartbeat._waited_for_processor_s(spinning[0].pid)
        time.sleep(0.1)
        assert heartbeat._waited_for_processor_s(spinning[0].pid) == stopped_s
    finally:
        for one in spinning:
            one.kill()
            one.wait()
    assert heartbeat._waited_for_processor_s(2**22 + 1) == 0


def test_the_faults_of_a_process_are_read_where_the_platform_has_them():
    assert heartbeat._major_faults(2**22 + 1) is None
    if os.path.exists("/proc/self/stat"):
        assert heartbeat._major_faults(PID) >= 0


def ends_after(steps: list, monkeypatch: pytest.MonkeyPatch) -> int:
    """Beats until a worker ends by itself, with these steps of its engine thread."""
    left = iter(steps)
    monkeypatch.setattr(os, "_exit", lambda _: (_ for _ in ()).throw(EndedError))
    with suppress(EndedError, StopIteration):
        while True:
            beats(len(steps), steps=left)
    return len(steps) - len(list(left))


@pytest.mark.usefixtures("reader")
def test_a_worker_ends_when_its_engine_thread_is_in_one_step_for_longer_than_it_may(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    assert ends_after([(5, 2.0, "mnist")] * 20, monkeypatch) == 11, "the first beat sees it, and 10 of 0.2 s follow"
    assert "the engine thread hangs: a batch of mnist takes longer than 2.0 s; this worker ends" in caplog.text


@pytest.mark.usefixtures("reader")
@pytest.mark.parametrize(
    "steps",
    [[(step // 8, 2.0, "mnist") for step in range(40)], [None, (5, 2.0, "mnist")] * 20, [(5, 60.0, "slow")] * 40],
    ids=["it goes on", "it waits for work", "its model is slow"],
)
def test_a_worker_whose_engine_thread_works_or_waits_goes_on(monkeypatch: pytest.MonkeyPatch, steps: list):
    monkeypatch.setattr(os, "_exit", lambda _: pytest.fail("it ended"))
    beats(40, steps=iter(steps))


def test_a_number_that_is_no_pipe_is_not_written_to(monkeypatch: pytest.MonkeyPatch, tmp_path):
    """A process that is started in another way may have any file under it, such as a client's connection."""
    with (tmp_path / "file").open("w+b", buffering=0) as file:
        monkeypatch.setenv(PIPE_VARIABLE, str(file.fileno()))
        beats(2)
        assert file.tell() == 0


@pytest.mark.usefixtures("reader")
def test_a_beat_is_written_whole():
    assert struct.calcsize("<id") <= os.fpathconf(int(os.environ[PIPE_VARIABLE]), "PC_PIPE_BUF")
