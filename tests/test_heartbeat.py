"""What counts as a hang: looks without a beat, and beats in one step of the engine thread; nothing else does."""

import asyncio
import os
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from service import heartbeat
from service.heartbeat import LOOK_S, PIPE_VARIABLE, Heartbeat, HeartbeatReader, ProcessSigns

PID = os.getpid()


def told(state: str = "S", faults: int = 7, cpu_ticks: int | None = 100, waited_s: float = 5.0) -> ProcessSigns:
    """What the platform tells of a worker that does nothing, but for what is given."""
    return ProcessSigns(state, faults, cpu_ticks, waited_s)


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> Iterator[HeartbeatReader]:
    monkeypatch.setenv(PIPE_VARIABLE, "")
    monkeypatch.setattr(heartbeat, "process_signs", lambda _: told())
    reader = HeartbeatReader(2.0)
    yield reader
    for end in (reader._reader, int(os.environ[PIPE_VARIABLE])):
        os.close(end)


class EndedError(BaseException):
    pass


def beats(
    count: int,
    allowance_s: float = 2.0,
    loading: bool = False,
    steps: Iterator | None = None,
    loads: Iterator | None = None,
) -> None:
    """So many beats of a worker, one after another."""

    async def run() -> None:
        engine, loader = (lambda found=found: next(found) if found else None for found in (steps, loads))
        one = Heartbeat(allowance_s, lambda: loading, engine, loader)
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


def test_one_that_has_ended_is_forgotten(reader: HeartbeatReader):
    beats(1)
    reader.late([PID])
    assert reader.late([]) == []
    assert [reader.late([PID]) for _ in range(9)] == [[]] * 9


def test_one_that_has_not_begun_to_beat_and_does_nothing_is_late_after_a_minute(reader: HeartbeatReader):
    """Before: never. It may hang in an import, or wait for what never comes."""
    assert [reader.late([PID]) for _ in range(245)] == [[]] * 239 + [[PID]] + [[]] * 5


@pytest.mark.parametrize(
    "progress",
    [
        lambda look: told(cpu_ticks=look // 239),
        lambda look: told(faults=look),
        lambda _: told(state="D"),
        lambda look: told(waited_s=look * LOOK_S),
        lambda _: ProcessSigns("", 0, None, 0.0),
    ],
    ids=["computes", "reads its memory", "waits for the disk", "waits for the processor", "nothing is known of it"],
)
def test_one_that_starts_slowly_is_not_late(
    progress: Callable[[int], ProcessSigns], reader: HeartbeatReader, monkeypatch: pytest.MonkeyPatch
):
    """Ten milliseconds of work in a minute are enough."""
    looks = iter(range(1_000_000))
    monkeypatch.setattr(heartbeat, "process_signs", lambda _: progress(next(looks)))

    assert [reader.late([PID]) for _ in range(2_000)] == [[]] * 2_000


@pytest.mark.parametrize("has_begun", [True, False])
def test_one_that_is_stopped_is_late_after_two_seconds_however_far_it_has_come(
    has_begun: bool, reader: HeartbeatReader, monkeypatch: pytest.MonkeyPatch
):
    """While models are loaded its event loop may stand still for a minute, but it does not stop by itself."""
    if has_begun:
        beats(1, loading=True)
    reader.late([PID])
    monkeypatch.setattr(heartbeat, "process_signs", lambda _: told("T"))
    assert [reader.late([PID]) for _ in range(7)] == [[]] * 7
    monkeypatch.setattr(heartbeat, "process_signs", lambda _: told())
    assert reader.late([PID]) == [], "it goes on"
    monkeypatch.setattr(heartbeat, "process_signs", lambda _: told("T"))

    assert [reader.late([PID]) for _ in range(9)] == [[]] * 7 + [[PID]] + [[]]


def test_where_nothing_is_a_hang_none_is_late(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(PIPE_VARIABLE, "")
    monkeypatch.setattr(heartbeat, "process_signs", lambda _: told("T"))
    reader = HeartbeatReader(0)

    assert [reader.late([PID]) for _ in range(300)] == [[]] * 300
    for end in (reader._reader, int(os.environ[PIPE_VARIABLE])):
        os.close(end)


def test_while_models_are_loaded_a_minute_is_allowed_and_after_a_stop_for_ever(reader: HeartbeatReader):
    beats(1, loading=True)
    assert [reader.late([PID]) for _ in range(239)] == [[]] * 239

    async def stop() -> None:
        one = Heartbeat(2.0, lambda: False, lambda: None, lambda: None)
        one.start()
        one.stop()

    asyncio.run(stop())
    assert [reader.late([PID]) for _ in range(300)] == [[]] * 300


def test_a_look_in_which_the_process_read_its_memory_from_the_disk_does_not_count(
    reader: HeartbeatReader, monkeypatch: pytest.MonkeyPatch
):
    beats(1)
    faults = iter(range(30))
    monkeypatch.setattr(heartbeat, "process_signs", lambda _: told(faults=next(faults)))

    assert [reader.late([PID]) for _ in range(20)] == [[]] * 20


def test_what_it_waits_for_the_processor_does_not_count(reader: HeartbeatReader, monkeypatch: pytest.MonkeyPatch):
    """With three quarters of every look on the run queue, four looks are one."""
    waited = iter(0.75 * LOOK_S * look for look in range(100))
    monkeypatch.setattr(heartbeat, "process_signs", lambda _: told(waited_s=next(waited)))
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


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="this platform does not say")
def test_the_signs_of_a_process_are_read_where_the_platform_has_them():
    sleeping = subprocess.Popen(["sleep", "60"])
    try:
        os.kill(sleeping.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, sleeping.pid, os.WSTOPPED | os.WNOWAIT)
        found = heartbeat.process_signs(sleeping.pid)
    finally:
        sleeping.kill()
        sleeping.wait()

    assert (found.state, found.faults >= 0, found.cpu_ticks <= 5) == ("T", True, True)
    assert heartbeat.process_signs(PID).cpu_ticks >= 1
    assert heartbeat.process_signs(2**22 + 1) == ProcessSigns("", 0, None, 0.0)


def ends_after(steps: list, monkeypatch: pytest.MonkeyPatch, thread: str = "steps") -> int:
    """Beats until a worker ends by itself, with these steps of its engine thread, or its loads."""
    left = iter(steps)
    monkeypatch.setattr(os, "_exit", lambda _: (_ for _ in ()).throw(EndedError))
    with suppress(EndedError, StopIteration):
        while True:
            beats(len(steps), **{thread: left})
    return len(steps) - len(list(left))


@pytest.mark.usefixtures("reader")
def test_a_worker_ends_when_it_loads_one_model_for_longer_than_it_may(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    loads = [None, *[(1, 300.0, "mnist 6de6")] * 1_400, *[(2, 300.0, "eurosat 41ab")] * 1_600]

    assert ends_after(loads, monkeypatch, "loads") == 1 + 1_400 + 1_501, "each load counts by itself"
    assert "loading eurosat 41ab takes longer than 300 s (ZOETROPE_LOAD_SECONDS): it hangs" in caplog.text


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
