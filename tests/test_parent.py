"""The two processes of `bentoml serve` look after each other."""

import os
import select
import signal
import socket
from pathlib import Path

import pytest
from support.serving import Server, started

pytestmark = pytest.mark.slow

ADDRESS = '{"n": 70, "seed": 7, "format": "npy"}'


@pytest.fixture
def server(bundles: Path, tmp_path: Path):
    with started(bundles, tmp_path / "log", ZOETROPE_DEFAULT_MODEL="grey") as server:
        server.wait_for("/readyz")
        yield server


def test_a_worker_that_is_killed_is_replaced_and_draws_the_same_bytes(server: Server):
    before, killed = server.generate(ADDRESS), server.worker
    os.kill(killed, signal.SIGKILL)
    server.wait_until(lambda: server.generate(ADDRESS) == before, "drawing again what it drew")

    assert server.worker != killed
    assert f"the worker {killed} ended by signal 9; another one starts" in server.log


def test_after_a_worker_was_replaced_a_stop_is_still_a_stop(server: Server):
    for _ in range(2):
        os.kill(server.worker, signal.SIGKILL)
        server.wait_until(lambda: server.get("/readyz")[0] == 200, "ready again")
    server.process.terminate()

    assert server.process.wait(60) == 0
    assert server.log.count("another one starts") == 2
    assert "Traceback" not in server.log


def test_in_a_container_the_service_ends_with_an_error_when_its_worker_is_killed(bundles: Path, tmp_path: Path):
    """Its engine starts it again, or reports it: a new worker in the same container would hide what happened."""
    with started(bundles, tmp_path / "log", ZOETROPE_DEFAULT_MODEL="grey", BENTOML_CONTAINERIZED="true") as server:
        server.wait_for("/readyz")
        os.kill(server.worker, signal.SIGKILL)

        assert server.process.wait(60) == 1
        assert "ended by signal 9; the service ends, so that its container can be restarted" in server.log


def test_a_worker_whose_parent_is_killed_ends_and_gives_the_port_back(server: Server):
    orphan = os.pidfd_open(server.worker)
    server.process.kill()
    ended, _, _ = select.select([orphan], [], [], 60)
    if not ended:
        signal.pidfd_send_signal(orphan, signal.SIGKILL)
    os.close(orphan)

    assert ended, server.log
    assert "is gone: stopping" in server.log
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", server.port))
