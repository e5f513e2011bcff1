"""From the folder of runs to what the routes answer: a line a run, or one run with its curves.

    folder, curves -> [overview] -> routes/runs

What does not change is not read again: the curves of the last few logs are kept by
the size and time of the log. Knows no HTTP.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from service.training_runs.curves import IMAGES_SHOWN, SECONDS, curves_of, finite
from service.training_runs.folder import (
    CONFIG,
    FIRST_SHEET,
    LOG,
    NAME_PATTERN,
    LogLine,
    RunConfig,
    RunDiagnosis,
    RunFolder,
    RunUnreadable,
    SheetFile,
    last_lines,
)
from service.training_runs.schemas import (
    Curve,
    Diagnosis,
    RefusedRun,
    RunResponse,
    RunsResponse,
    RunState,
    RunSummary,
    Sheet,
)

MOST_RUNS, MOST_REFUSED = 100, 20
_MOST_ENTRIES = 10_000
_NEARLY_ALL = 0.99
"""Of the planned images, from which on a run that an older version trained counts as finished."""


class _Log(NamedTuple):
    last: LogLine
    curves: list[Curve]


def list_runs(root: Path) -> RunsResponse:
    """All runs of a folder; one that cannot be read is named with the reason.

    Args:
        root: the folder of runs; where there is none, there are no runs.
    """
    names = [name for _, name in sorted(_changed(root), reverse=True)]
    runs: list[RunSummary] = []
    refused: list[RefusedRun] = []
    for name in names[:MOST_RUNS]:
        try:
            folder = RunFolder(root, name)
            runs.append(_summary(folder, folder.config(), folder.diagnosis(), folder.last_line(), folder.sheets()))
        except RunUnreadable as error:
            refused.append(RefusedRun(name=name, reason=str(error)))
    return RunsResponse(runs=runs, count=len(names), refused=refused[:MOST_REFUSED])


def describe_run(root: Path, name: str) -> RunResponse:
    """One run.

    Raises:
        RunUnreadable: there is no such run, or it cannot be read; says why.
    """
    folder = RunFolder(root, name)
    config, found, sheets = folder.config(), folder.diagnosis(), folder.sheets()
    log = _log_of(folder)
    return RunResponse(
        run=_summary(folder, config, found, log.last, sheets),
        preset=config.settings.preset,
        images=config.data.images,
        height=config.data.height,
        width=config.data.width,
        channels=config.data.channels,
        classes=len(config.data.classes or ()),
        diagnosis=None if found is None else Diagnosis.model_validate(found.model_dump()),
        healings=config.healings,
        sheets=[_sheet(name, one) for one in sheets],
        curves=log.curves,
    )


def _changed(root: Path) -> Iterator[tuple[float, str]]:
    """When each run's log last grew, and its name."""
    try:
        entries = os.scandir(root)
    except OSError:
        return
    with entries:
        for entry in islice(entries, _MOST_ENTRIES):
            if not NAME_PATTERN.fullmatch(entry.name):
                continue
            config, log = (Path(entry.path) / name for name in (CONFIG, LOG))
            with suppress(OSError):  # it may not be read, or is removed meanwhile
                if config.is_file():
                    yield (log if log.is_file() else config).stat().st_mtime, entry.name


def _log_of(folder: RunFolder) -> _Log:
    return _read_log(folder.log, *folder.log_signature())


@lru_cache(maxsize=8)
def _read_log(log: Path, _size_bytes: int, _changed_ns: int) -> _Log:
    lines = last_lines(log)
    return _Log(lines[-1] if lines else {}, curves_of(lines))


def _summary(
    folder: RunFolder, config: RunConfig, found: RunDiagnosis | None, last: LogLine, sheets: list[SheetFile]
) -> RunSummary:
    planned, shown = config.settings.images_shown, int(finite(last.get(IMAGES_SHOWN)) or 0)
    speed, state = None if found is None else found.images_per_second, _state(folder, found, shown, planned)
    left = 0.0 if state == "finished" else None if speed is None else round(max(0, planned - shown) / speed, 1)
    parent = str((config.parent or {}).get("name") or config.settings.parent)[:200] or None
    return RunSummary(
        name=folder.name,
        state=state,
        method=config.settings.method,
        parent=parent,
        data=config.data.name,
        images_shown=shown,
        images_planned=planned,
        seconds=round(finite(last.get(SECONDS)) or 0.0, 1),
        seconds_left=left,
        images_per_second=speed,
        verdict=None if found is None else found.verdict,
        severity=None if found is None else found.severity,
        sheet=_sheet(folder.name, sheets[-1]) if sheets else None,
        changed_at=folder.changed_at(),
    )


def _state(folder: RunFolder, found: RunDiagnosis | None, shown: int, planned: int) -> RunState:
    if folder.is_training():
        return "training"
    if found is None:
        return "finished" if shown >= _NEARLY_ALL * planned else "stopped"
    return "finished" if found.finished and found.images_planned == planned else "stopped"


def _sheet(run: str, file: SheetFile) -> Sheet:
    url = f"runs/{run}/sheets/{file.name}.png?v={file.tag}"
    return Sheet(images_shown=file.images_shown, first=file.name == FIRST_SHEET, url=url)
