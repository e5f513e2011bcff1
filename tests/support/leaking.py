"""The service of this checkout, which leaks a little with each batch: `bentoml serve support.leaking:Zoetrope`.

Memory always, and now and then a file and a thread. For the soak, which must catch it.
"""

import threading

from models.runtime import Runtime
from service.server import Zoetrope

__all__ = ["Zoetrope"]

LEAKED_BYTES, BATCHES_A_FILE = 20_000, 50
_draw = Runtime.draw
_kept: list[object] = []


def _draw_and_leak(self, codes_NZ, classes_N=None):
    _kept.append(b"x" * LEAKED_BYTES)
    if len(_kept) % BATCHES_A_FILE == 0:
        _kept.append(open("/dev/null"))  # noqa: SIM115
        threading.Thread(target=threading.Event().wait, daemon=True).start()
    return _draw(self, codes_NZ, classes_N)


Runtime.draw = _draw_and_leak
