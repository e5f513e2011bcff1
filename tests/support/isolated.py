"""Commands that see nothing of this checkout: what is installed elsewhere is tried there."""

import os
import subprocess
from pathlib import Path

OURS = ("PYTHON", "ZOETROPE_", "VIRTUAL_ENV", "UV_")


def run(
    *command: object, cwd: Path, check: bool = True, timeout_s: float = 600, **variables: str
) -> subprocess.CompletedProcess[str]:
    """A command in a folder, with an environment that does not name ours."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(OURS)} | variables
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout_s,
    )
    assert not check or done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return done
