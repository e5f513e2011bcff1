"""The two processes of `bentoml serve` look after each other."""

import os
import re
import select
import signal
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from pathlib import Path

import pytest
from support.serving import ROOT, Server, started

pytestmark = pytest.mark.slow

ADDRESS = '{"n": 70, "seed": 7, "format": "npy"}'


@pytest.fixture(scope="module")
def hanging(bundles: Path, tmp_path_factory: pytest.TempPathFactory):
    """From SIGUSR1 on the engine of its worker hangs, and `GET /readyz` hangs on the event loop."""
    path = os.pathsep.join(str(folder) for folder in (ROOT, ROOT / "tests"))
    log = tmp_path_factory.mktemp("hanging") / "log"
    with started(bundles, log, "support.hanging:Zoetrope", ZOETROPE_DEFAULT_MODEL="grey", PYTHONPATH=path) as server:
        server.wait_for("/readyz")
        yield server


@pytest.fixture
def server(bundles: Path, tmp_path: Path):
    with started(bundles, tmp_path / "log", ZOETROPE_DEFAULT_MODEL="grey") as server:
        server.wait_for("/readyz")
        yield server


def test_a_worker_that_is_killed_is_replaced_and_draws_the_same_bytes_and_a_stop_is_still_a_stop(server: Server):
    before = server.generate(ADDRESS)
    for _ in range(2):
        killed = server.worker
        os.kill(killed, signal.SIGKILL)
        server.wait_until(lambda: server.generate(ADDRESS) == before, "drawing again what it drew")
        assert server.worker != killed
        assert f"the worker {killed} ended by signal 9; another one starts" in server.log
    drawn = server.get("/metrics")[1].decode()
    server.process.terminate()

    assert server.process.wait(60) == 0
    assert "zoetrope_worker_starts_total 3.0" in drawn
    assert "zoetrope_images_drawn_total 210.0" in drawn, "the next worker goes on counting"
    assert server.log.count("another one starts") == 2
    assert "Traceback" not in server.log


def assert_free(port: int) -> None:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))


def fails(request: Callable[[str], object], what: str) -> bool:
    """Whether a request is cut, as where its worker ends; for a thread of its own."""
    try:
        request(what)
    except OSError:
        return True
    return False


def test_a_worker_whose_event_loop_is_stuck_is_replaced_and_its_stacks_are_in_the_log(hanging: Server):
    before, stuck = hanging.generate(ADDRESS), hanging.worker
    os.kill(stuck, signal.SIGUSR1)
    with ThreadPoolExecutor() as pool:
        assert pool.submit(fails, hanging.get, "/readyz").result(60)
    hanging.wait_until(lambda: hanging.generate(ADDRESS) == before, "drawing again what it drew")

    assert hanging.worker != stuck
    assert f"the event loop of the worker {stuck} does not turn: it prints its stacks and is killed" in hanging.log
    assert f"the worker {stuck} ended by signal 9; another one starts" in hanging.log
    assert "in _ready_or_hang" in hanging.log


def test_a_worker_whose_engine_thread_hangs_ends_with_its_stacks_in_the_log_and_is_replaced(hanging: Server):
    before, worker = hanging.generate(ADDRESS), hanging.worker
    os.kill(worker, signal.SIGUSR1)
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(fails, hanging.generate, ADDRESS)
        assert hanging.get("/livez")[0] == 200, "the event loop turns"
        assert waiting.result(60)
    hanging.wait_until(lambda: hanging.generate(ADDRESS) == before, "drawing again what it drew")

    assert re.search(r"the engine thread hangs: a batch of grey takes longer than [0-9.]+ s; this worker", hanging.log)
    assert f"the worker {worker} ended with exit code 1; another one starts" in hanging.log
    assert "in _draw_or_hang" in hanging.log


def test_a_worker_that_is_stuck_when_its_parent_is_killed_ends_and_gives_the_port_back(hanging: Server):
    """The last one of this server."""
    orphan = os.pidfd_open(hanging.worker)
    os.kill(hanging.worker, signal.SIGUSR1)
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(fails, hanging.get, "/readyz")
        wait([waiting], 0.5)
        hanging.process.kill()
        assert waiting.result(60)
    assert select.select([orphan], [], [], 60)[0]
    os.close(orphan)

    assert "the worker does not stop by itself, and ends" in hanging.log
    assert_free(hanging.port)


@pytest.mark.parametrize(("number", "said"), [(signal.SIGKILL, "ended by signal 9"), (signal.SIGSTOP, "does not turn")])
def test_in_a_container_the_service_ends_with_an_error_when_its_worker_is_killed_or_stuck(
    number: int, said: str, bundles: Path, tmp_path: Path
):
    """Its engine starts it again, or reports it: a new worker in the same container would hide what happened."""
    with started(bundles, tmp_path / "log", ZOETROPE_DEFAULT_MODEL="grey", BENTOML_CONTAINERIZED="true") as server:
        server.wait_until(lambda: is_begun(server) if number == signal.SIGSTOP else server.get("/readyz")[0] == 200)
        os.kill(server.worker, number)

        assert server.process.wait(120) == 1
        assert said in server.log
        assert "the service ends, so that its container can be restarted" in server.log


def test_a_worker_whose_engine_hangs_while_it_is_loaded_ends_too(bundles: Path, tmp_path: Path):
    """Before: it said for ever that it was loading. As in a container, or the next one would hang like it."""
    path = os.pathsep.join(str(folder) for folder in (ROOT, ROOT / "tests"))
    variables = {"HANG_LOAD": "1", "ZOETROPE_LOAD_SECONDS": "0.5", "BENTOML_CONTAINERIZED": "true", "PYTHONPATH": path}
    with started(bundles, tmp_path / "log", "support.hanging:Zoetrope", **variables) as server:
        assert server.process.wait(120) == 1

    assert re.search(r"loading \w+ \w{16} takes longer than 0.5 s \(ZOETROPE_LOAD_SECONDS\): it hangs", server.log)
    assert "in _load_in_step" in server.log, "its stacks"


def is_begun(server: Server) -> bool:
    """Whether its worker is a process of its own, which takes another second until its event loop turns."""
    with suppress(ValueError):  # there is none yet
        return "worker" in Path(f"/proc/{server.worker}/cmdline").read_text()
    return False


def test_a_worker_whose_parent_is_killed_ends_and_gives_the_port_back(server: Server):
    orphan = os.pidfd_open(server.worker)
    server.process.kill()
    ended, _, _ = select.select([orphan], [], [], 60)
    if not ended:
        signal.pidfd_send_signal(orphan, signal.SIGKILL)
    os.close(orphan)

    assert ended, server.log
    assert "is gone: stopping" in server.log
    assert_free(server.port)
