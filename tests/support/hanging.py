"""The service of this checkout, which hangs from SIGUSR1 on: `bentoml serve support.hanging:Zoetrope`.

Its engine does, and `GET /readyz` does on the event loop.

For tests and experiments alone: nothing in the service itself can be made to hang from outside.
"""

import signal
import threading

from models.runtime import Runtime
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


Runtime.draw = _draw_or_hang
App.unready = property(_ready_or_hang)
if threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGUSR1, lambda *_: _hangs.set())
