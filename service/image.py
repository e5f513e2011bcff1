"""The container's image: a slim Python, the locked packages, and nothing that compiles.

    pyproject.toml -> [image] -> `bentoml build` -> `bentoml containerize`

Read while a Bento is built. BentoML imports this module again inside of the
container, where the packages are installed and the list no longer matters.
"""

import os
import tomllib
from pathlib import Path

import bentoml

PYTHON_VERSION = "3.11"
HOME_FOLDERS = ("bentos", "models", "envs", "tmp", "prometheus_multiproc_dir")
"""What BentoML makes in BENTOML_HOME when it starts. Where they are there it writes nothing, so that the container
starts with a read-only file system and under any user."""
FURTHER_EXTRAS = ("postgres", "otel")
"""Extras that every image has."""
_PYPROJECT = Path(__file__).parent.parent / "pyproject.toml"


def packages(extra: str) -> list[str]:
    """What the service needs with an extra, `cpu` or `gpu`, by pyproject.toml; none where that file is missing.

    An image cannot be added to, so it also has what `deploy/` configures: grades in PostgreSQL, traces.
    """
    if not _PYPROJECT.exists():
        return []
    if extra not in ("cpu", "gpu"):
        raise ValueError(f"EXTRA is {extra!r}; it must be cpu or gpu")
    project = tomllib.loads(_PYPROJECT.read_text())["project"]
    extras = project["optional-dependencies"]
    return [*project["dependencies"], *(one for name in (extra, *FURTHER_EXTRAS) for one in extras[name])]


_extra = os.environ.get("EXTRA", "cpu")

# `distro="none"` leaves out BentoML's layer of compilers and git (about 640 MB), which nothing here needs.
image = bentoml.images.Image(base_image=f"python:{PYTHON_VERSION}-slim", distro="none", python_version=PYTHON_VERSION)
if _needed := packages(_extra):
    image.python_packages(*_needed)
image.run(f'cd "$BENTOML_HOME" && mkdir -p {" ".join(HOME_FOLDERS)} && chmod 755 . {" ".join(HOME_FOLDERS)}')

# An image for GPUs asks for one: where there is none it is not ready, instead of slow.
environment = [{"name": "ZOETROPE_DEVICE", "value": "cuda"}] if _extra == "gpu" else []
