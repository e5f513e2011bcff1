"""The service of this checkout, which hangs from SIGUSR1 on: `bentoml serve support.hanging:Zoetrope`.

Its engine does, and `GET /readyz` does on the event loop. With HANG_LOAD set it loads no model to its end.

For tests and experiments alone: nothing in the service itself can be made to hang from outside.
"""

import os
import signal
import threading

from models.runtime import Runtime
from service import loader
from service.app import App
from service.server import Zoetrope

__all__ = ["Zoetrope"]

_hangs = threading.Event()
_draw, _unready = Runtime.draw, App.unready.fget


def _draw_or_hang(self, codes_NZ, classes_N=None):
    if _hangs.is_set():
        threading.Event().wait()
    return _draw(self, codes_NZ, classes_N)


def _ready_or_hang(self):
    if _hangs.is_set():
        threading.Event().wait()
    return _unready(self)


if "HANG_LOAD" in os.environ:
    loader.load_runtime = lambda *_, **__: threading.Event().wait()
Runtime.draw = _draw_or_hang
App.unready = property(_ready_or_hang)
if threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGUSR1, lambda *_: _hangs.set())
