"""The engine of a model on this machine: measured once, written down, and obeyed at every later start.

    measuring -> [engines] -> service
    python -m models.engine_selection NAME: what each engine makes of a model here

What was found holds for one version of a model on one kind of processor, with
the same libraries and number of threads; where any of these is another, it is
measured anew. Replicas that must draw the same bytes pin their engine, because
two machines may find different ones.
"""

import argparse
import json
import logging
import os
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from models.benchmark import Measured, Missing, best_of, measure
from models.bundle import Bundle, open_bundle
from models.engine import NAMES, Device, EngineName, Library, Precision, machine, usable_cores
from models.errors import EngineUnavailable, ModelError

_log = logging.getLogger("zoetrope")


def possible(
    device: Device, library: Library | None = None, precision: Precision | None = None
) -> tuple[EngineName, ...]:
    """The engines that a person leaves open, the reference among them first.

    Args:
        library, precision: None leaves them to the rule.

    Raises:
        EngineUnavailable: there is no engine of this kind anywhere.
    """
    names = tuple(
        one
        for one in NAMES
        if one.device == device and library in (None, one.library) and precision in (None, one.precision)
    )
    if not names:
        wanted = ", ".join(filter(None, (device, library, precision)))
        raise EngineUnavailable(f"no engine is {wanted}; there are {', '.join(map(str, NAMES))}")
    return names


def engine_for(bundle: Bundle, names: Sequence[EngineName], threads: int | None, record: Path) -> EngineName:
    """The engine that draws a model: the only one that is left open, the one that is written down, or the best.

    Args:
        names: those left open, the reference first.
        threads: CPU threads of one call; all cores that this process may use, if not given.
        record: the file in which measurements are written down.

    Raises:
        EngineUnavailable: none of them is here; says why of each.
    """
    if len(names) == 1:
        return names[0]
    key = _key(bundle, names, threads)
    recorded = _read(record).get(key)
    found = next((name for name in names if str(name) == recorded), None)
    if found is None:
        found = best_of(measure(bundle, names, threads)[0]).name
        _write(record, key, found)
    return found


def _key(bundle: Bundle, names: Sequence[EngineName], threads: int | None) -> str:
    """All that a measurement holds for."""
    libraries = [f"{library} {_version(library)}" for library in dict.fromkeys(name.library for name in names)]
    cores = f"{threads or usable_cores()} of {usable_cores()} cores"
    return ", ".join([f"{bundle.card.name} {bundle.card.version}", machine(), cores, *libraries, *map(str, names)])


def _version(library: str) -> str:
    for package in (library, f"{library}-gpu"):
        try:
            return version(package)
        except PackageNotFoundError:
            continue
    return "not installed"


def _read(record: Path) -> dict[str, str]:
    try:
        found = json.loads(record.read_text())
    except (OSError, ValueError):  # a file that cannot be read is one that says nothing: it is measured again
        return {}
    return found if isinstance(found, dict) else {}


def _write(record: Path, key: str, name: EngineName) -> None:
    fresh = record.with_name(f".{record.name}.writing-{os.getpid()}")
    try:
        record.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_text(json.dumps({**_read(record), key: str(name)}, indent=2) + "\n")
        fresh.replace(record)
    except OSError as error:
        _log.warning("%s draws, but that cannot be written down, and is measured at every start: %s", name, error)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure every engine of a device on a bundle, and print what the rule makes of it."""
    parser = argparse.ArgumentParser(
        prog="python -m models.engine_selection", description="Which engine draws a model best here."
    )
    parser.add_argument("model", help="a bundle's folder, or its name in models/")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--threads", type=int, help="CPU threads of one call; all cores, if not given")
    asked = parser.parse_args(arguments)
    path = Path(asked.model) if "/" in asked.model else Path(__file__).parent / asked.model
    try:
        bundle = open_bundle(path)
        measured, missing = measure(bundle, possible(asked.device), asked.threads)
    except ModelError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{bundle.card.name} {bundle.card.version} on {machine()}, {asked.threads or usable_cores()} threads")
    print("\n".join(_lines(measured, missing)))
    return 0


def _lines(measured: Sequence[Measured], missing: Sequence[Missing]) -> list[str]:
    best = best_of(measured)
    rows = [
        f"{one.told:40} {one.images_per_s:8,.0f} images/s  {one.faster:5.2f} times  {one.worst_db:5.1f} dB at worst  "
        f"{one.median_db:5.1f} dB  {'drawn with' if one is best else _why_not(one, measured[0])}"
        for one in measured
    ]
    return rows + [f"{one.name!s:40} not here: {one.reason}" for one in missing]


def _why_not(one: Measured, reference: Measured) -> str:
    return "the reference" if one is reference else one.fault or "another is faster"


if __name__ == "__main__":
    sys.exit(main())
