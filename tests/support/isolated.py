"""Commands that see nothing of this checkout: what is installed elsewhere is tried there."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import uv

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


def environment_of(folder: Path, *packages: str) -> Path:
    """A new environment in a folder with packages of the index; returns its Python.

    Where they cannot be installed the test is skipped; in CI it fails.
    """
    run(uv.find_uv_bin(), "venv", "--python", sys.executable, folder / "venv", cwd=folder)
    python = folder / "venv" / "bin" / "python"
    done = run(uv.find_uv_bin(), "pip", "install", "--python", python, *packages, cwd=folder, check=False)
    if done.returncode:
        reason = f"{', '.join(packages)} cannot be installed: {done.stderr[-1500:]}"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    return python
