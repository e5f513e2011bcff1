"""The machine and the libraries that figures are of: without them, figures are nobody's.

[hardware] -> bench, gate
"""

import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from load.bench.engine import usable_cores

LIBRARIES = (
    "bentoml", "fastapi", "uvicorn", "uvloop", "httptools", "numpy", "onnxruntime", "openvino", "torch", "litserve",
    "pillow", "isal", "simplejpeg",
)  # fmt: skip
FEATURES = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8")
"""What decides which kernels an engine has."""


def processor(text: str | None = None) -> tuple[str, tuple[str, ...]]:
    """The processor's name and those of its features that matter here, from /proc/cpuinfo."""
    text = Path("/proc/cpuinfo").read_text() if text is None else text
    fields = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in text.splitlines())}
    flags = fields.get("flags", "").split()
    return fields.get("model name", platform.machine()), tuple(one for one in FEATURES if one in flags)


def kind() -> str:
    """What two machines must have alike for ratios to be comparable: name, features and cores."""
    name, features = processor()
    return f"{name}, {usable_cores()} cores, {' '.join(features)}"


def described() -> str:
    """The machine, the libraries and the day, in a sentence each."""
    day = datetime.now(UTC).date().isoformat()
    return f"{day}, {kind()}. Python {platform.python_version()}, {', '.join(_versions())}."


def _versions() -> list[str]:
    found = []
    for name in LIBRARIES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            found.append(f"no {name}")
    return found
