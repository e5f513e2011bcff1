"""Which engine draws a model: a rule, and never a timing. And the loader of the engine that it names.

    card, engine, graph_check, onnxruntime_engine, openvino_engine -> engine_selection -> runtime, benchmark

The selection is a pure function of the card, the processor, the installed libraries
and the settings, so that replicas on equal machines agree and a start is quick.
Different processors may select differently: replicas that must draw the same
bytes pin library and precision. A fidelity holds on
every machine and is kept in the card; a speed does not, so the rule tells by the
counted multiply-adds where bfloat16 pays (1.2 to 2.1 times on plain convolutions, never
on transposed ones).
"""

import logging
import platform
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from models.card import Card, ReducedPrecision
from models.cores import usable_cores
from models.engine import ENGINE_NAMES, Device, Engine, EngineName, Library, Precision, reference_on
from models.errors import EngineUnavailable
from models.graph_check import check_graph

WORST_DB, MEDIAN_DB = 40.0, 45.0
"""The least fidelity of a reduced precision that the rule takes."""
MULTIPLY_ADDS, CONV_SHARE = 500_000, 0.9
"""The least work a picture, and the least share of it in Conv, where bfloat16 in OpenVINO pays."""

_BFLOAT16 = EngineName("openvino", "cpu", "bfloat16")
_log = logging.getLogger("zoetrope")


@dataclass(frozen=True)
class Machine:
    """All that the rule knows of a machine."""

    linux_x86_64: bool
    has_openvino: bool
    """OpenVINO is installed."""
    lists_bfloat16: Callable[[], bool]
    """Whether OpenVINO lists BF16 for this processor; asked last, because it loads OpenVINO."""
    has_onnx: bool
    """The package onnx is installed, which converts graphs to float16."""


@dataclass(frozen=True)
class Selection:
    """The engine that the rule names, and why."""

    name: EngineName
    reason: str
    missing_library: bool = False
    """Another engine would draw if a library were installed."""


def select_engine(
    card: Card, device: Device = "cpu", library: Library | None = None, precision: Precision | None = None
) -> EngineName:
    """The engine that draws a model on this machine, by `engine_rule`; the reason is logged.

    Args:
        library, precision: what the settings pin; None leaves them to the rule.

    Raises:
        EngineUnavailable: there is no such engine.
    """
    selection = engine_rule(card, this_machine(), device, library, precision)
    _log.log(
        logging.WARNING if selection.missing_library else logging.INFO,
        "%s %s: engine %s (%s)",
        card.name,
        card.version,
        selection.name,
        selection.reason,
    )
    return selection.name


def engine_rule(
    card: Card,
    machine: Machine,
    device: Device = "cpu",
    library: Library | None = None,
    precision: Precision | None = None,
) -> Selection:
    """The rule itself.

    On a CPU: bfloat16 in OpenVINO where all of `_reasons_against_bfloat16` are absent, else float32 in onnxruntime.
    On CUDA: float16 or tf32 where the card vouches for it, else float32. A pin is the operator's choice: what is
    pinned is taken, also a precision that the card does not vouch for, and only the rest follows the rule.

    Raises:
        EngineUnavailable: no engine has the pinned library and precision on this device.
    """
    open_to_rule = allowed_engines(device, library, precision)
    if precision is not None or len(open_to_rule) == 1:  # of several libraries the first is the reference
        return Selection(open_to_rule[0], "pinned")
    if device == "cuda":
        return _select_on_cuda(card, machine)
    if library == "onnxruntime":
        return Selection(reference_on("cpu"), "pinned")
    against = _reasons_against_bfloat16(card, machine)
    if not against:
        return Selection(_BFLOAT16, "the card vouches for bfloat16, and plain convolutions gain by it")
    missing = library is None and against == [_NO_OPENVINO]
    return Selection(open_to_rule[0], f"not bfloat16: {'; '.join(against)}", missing)


def allowed_engines(
    device: Device, library: Library | None = None, precision: Precision | None = None
) -> tuple[EngineName, ...]:
    """The engines of a device that have the pinned library and precision; None pins nothing. The reference is first.

    Raises:
        EngineUnavailable: there is none.
    """
    names = tuple(
        name
        for name in ENGINE_NAMES
        if name.device == device and library in (None, name.library) and precision in (None, name.precision)
    )
    if not names:
        pinned = ", ".join(filter(None, (device, library, precision)))
        raise EngineUnavailable(f"no engine is {pinned}; there are {', '.join(map(str, ENGINE_NAMES))}")
    return names


def vouches_for(card: Card, precision: ReducedPrecision) -> bool:
    """Whether a card holds a fidelity of this precision that is high enough."""
    found = card.fidelity.get(precision)
    return found is not None and found.worst_db >= WORST_DB and found.median_db >= MEDIAN_DB


@cache
def this_machine() -> Machine:
    """What the rule knows of the machine that this process runs on."""
    return Machine(
        linux_x86_64=sys.platform == "linux" and platform.machine() == "x86_64",
        has_openvino=find_spec("openvino") is not None,
        lists_bfloat16=_lists_bfloat16,
        has_onnx=find_spec("onnx") is not None,
    )


def _lists_bfloat16() -> bool:
    from models.openvino_engine import computes_bfloat16

    return computes_bfloat16()


def load_engine(graph: bytes, origin: Path, name: EngineName, threads: int | None, interface: Sequence[str]) -> Engine:
    """Load a graph with the engine of this name, and with no other.

    Args:
        graph: the bytes of an ONNX file.
        origin: the file that they came from, for errors.
        threads: CPU threads of one call; all cores that this process may use, if not given.
        interface: what its inputs and then its outputs must be, such as "z float32 [N, 64]".

    Raises:
        EngineUnavailable: the library, the device or the precision is not available; says why.
        BundleDamaged: the graph is refused by `check_graph`, the library does not load it, or its interface is another.
    """
    if name not in ENGINE_NAMES:
        raise EngineUnavailable(f"there is no engine {name}; there are {', '.join(map(str, ENGINE_NAMES))}")
    check_graph(graph, origin)
    threads = threads or usable_cores()
    if name.library == "onnxruntime":
        from models.onnxruntime_engine import OnnxruntimeEngine

        return OnnxruntimeEngine(graph, origin, name, threads, interface)
    from models.openvino_engine import OpenvinoEngine

    return OpenvinoEngine(graph, origin, name, threads, interface)


_NO_OPENVINO = "OpenVINO is not installed (the extra cpu brings it where it has a wheel); onnxruntime draws"


def _reasons_against_bfloat16(card: Card, machine: Machine) -> list[str]:
    against = []
    if not machine.linux_x86_64:
        against.append("this is not Linux on x86-64")
    if not vouches_for(card, "bfloat16"):
        against.append(_fidelity_in_words(card, "bfloat16"))
    if card.compute is None:
        against.append("the card has no multiply-adds")
    elif card.compute.multiply_adds < MULTIPLY_ADDS:
        against.append(f"{card.compute.multiply_adds:,} multiply-adds a picture, fewer than {MULTIPLY_ADDS:,}")
    elif card.compute.conv_share < CONV_SHARE:
        against.append(f"{card.compute.conv_share:.0%} of the multiply-adds are in Conv, less than {CONV_SHARE:.0%}")
    if not machine.has_openvino:
        against.append(_NO_OPENVINO)
    elif not against and not machine.lists_bfloat16():
        against.append("OpenVINO does not list BF16 for this processor")
    return against


def _select_on_cuda(card: Card, machine: Machine) -> Selection:
    if vouches_for(card, "float16") and machine.has_onnx:
        return Selection(EngineName("onnxruntime", "cuda", "float16"), "the card vouches for float16")
    if vouches_for(card, "tf32"):
        return Selection(EngineName("onnxruntime", "cuda", "tf32"), "the card vouches for tf32")
    reasons = f"{_fidelity_in_words(card, 'float16')}; {_fidelity_in_words(card, 'tf32')}"
    return Selection(reference_on("cuda"), f"float32: {reasons}")


def _fidelity_in_words(card: Card, precision: ReducedPrecision) -> str:
    found = card.fidelity.get(precision)
    if found is None:
        return f"the card has no fidelity of {precision}"
    return (
        f"{precision} is {found.worst_db:.1f} dB from float32 at worst and {found.median_db:.1f} in the median, "
        f"at least {WORST_DB:g} and {MEDIAN_DB:g} are needed"
    )
