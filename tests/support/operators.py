"""The ONNX exporter lists its thousands of operators for every graph. The tests make hundreds of graphs: listed once.

    conftest -> [operators] -> torch.onnx, models.fidelity

A third of an export's time. The list depends on the opset alone, and graphs are the same to the byte. Knows no test:
where the exporter has changed, every export lists them again, and nothing else is lost. The fidelity of an export is
measured by fewer pictures, too: 4,096 take half a second.
"""

import sys
from functools import cache
from typing import Any

from models import fidelity

IMAGES_OF_AN_EXPORT, fidelity.IMAGES = fidelity.IMAGES, 256

_EXPORTER = "torch.onnx._internal.exporter._registration"


@cache
def _kept(registry: Any) -> Any:
    listed = registry.from_torchlib
    return cache(lambda opset: listed(opset_version=opset))


def list_operators_once() -> None:
    """From the second export of this process; one that exports nothing loads nothing for it."""
    registry = getattr(sys.modules.get(_EXPORTER), "ONNXRegistry", None)
    if registry is not None and hasattr(registry, "from_torchlib"):
        kept = _kept(registry)
        registry.from_torchlib = staticmethod(lambda opset_version: kept(opset_version))
