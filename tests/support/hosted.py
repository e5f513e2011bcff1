"""The API of this process behind a real port of this machine, for clients that speak HTTP by themselves.

    App -> [hosted] -> http://127.0.0.1:PORT

A real server without BentoML's processes around it, which take seconds to start; `serving` has those.
"""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

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


@contextmanager
def answering(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """A server of the standard library within the block, for what other programs send; yields its URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(30)
