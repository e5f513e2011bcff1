"""What a family takes, and whether it can be held still."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import psutil
import pytest

from load.bench.process_stats import Meter

PARENT = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'while True: pass'])"


@pytest.fixture
def busy() -> Iterator[subprocess.Popen]:
    """A parent that waits for a child that works for ever."""
    process = subprocess.Popen([sys.executable, "-c", PARENT], stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        family = Meter(process.pid).family()
        for one in family[::-1]:
            one.kill()
        process.wait()


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_the_cpu_of_a_child_counts(busy: subprocess.Popen):
    meter = Meter(busy.pid)

    until(lambda: len(meter.family()) == 2)
    before = meter.cpu_s()
    until(lambda: meter.cpu_s() > before + 0.05)


def test_a_family_that_is_held_takes_nothing_until_it_is_let_go(busy: subprocess.Popen):
    meter = Meter(busy.pid)
    until(lambda: len(meter.family()) == 2)

    meter.hold()
    until(lambda: {one.status() for one in meter.family()} == {psutil.STATUS_STOPPED})
    held = meter.cpu_s()
    assert meter.cpu_s() == held
    meter.let_go()

    until(lambda: meter.cpu_s() > held)


def test_memory_is_of_all_of_them(busy: subprocess.Popen):
    meter = Meter(busy.pid)
    until(lambda: len(meter.family()) == 2)

    assert meter.resident_bytes() > psutil.Process(busy.pid).memory_info().rss > 0
