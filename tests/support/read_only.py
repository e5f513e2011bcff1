"""A folder that this process may read and not change, for root too: meanwhile it is not root."""

import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

NOT_ROOT = 65_534
_READABLE = 0o055


@contextmanager
def no_rights_to_write(folder: Path) -> Iterator[None]:
    """Take the right to write to a folder from this process, all its threads included."""
    with ExitStack() as changed:
        if os.geteuid() == 0:
            for one in folder.parents:
                mode = stat.S_IMODE(one.stat().st_mode)
                if mode & _READABLE != _READABLE:
                    changed.callback(one.chmod, mode)
                    one.chmod(mode | _READABLE)
        changed.callback(folder.chmod, stat.S_IMODE(folder.stat().st_mode))
        folder.chmod(0o555)
        if os.geteuid() == 0:
            changed.callback(os.seteuid, 0)
            os.seteuid(NOT_ROOT)
        yield
