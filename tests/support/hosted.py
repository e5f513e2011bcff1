"""The API of this process behind a real port of this machine, for clients that speak HTTP by themselves.

    App -> [hosted] -> http://127.0.0.1:PORT

A real server without BentoML's processes around it, which take seconds to start; `serving` has those.
"""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from service.app import App
from service.middleware import RequestLimitsMiddleware


def free_port() -> int:
    """A port of this machine where no process listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def hosted(app: App, port: int) -> Iterator[str]:
    """Answer at this port within the block; yields the URL."""
    config = uvicorn.Config(RequestLimitsMiddleware(app, app), port=port, http="h11", log_config=None, lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), f"no server at port {port}"
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(30)
