"""One run's files: names and links that stay inside of the folder of runs, and reads that are bounded.

    runs/<name>/ -> [folder] -> overview

`training.run` says what each file is; a test writes them with it and reads them here.
A process may be writing meanwhile, or be killed: the last line of a log may be half a
line, and every other file is replaced as a whole. Knows no HTTP.
"""

import fcntl
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from models.files import UnsafeFile, open_plain

LogLine = dict[str, object]
Severity = Literal["idle", "good", "warn", "bad"]
CONFIG, LOG, DIAGNOSIS, LOCK, SAMPLES, FIRST_SHEET = (
    "config.json",
    "log.jsonl",
    "doctor.json",
    "lock",
    "samples",
    "first",
)
NAME_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
SHEET_PATTERN = re.compile(rf"{FIRST_SHEET}|[0-9]{{6,12}}")
MOST_LOG_BYTES, MOST_SHEETS = 2 << 20, 400
"""Of a log the end is read: about 5,000 lines, where a run writes 400."""
_MOST_JSON_BYTES, _MOST_SHEET_BYTES, _LARGEST_LOG_BYTES = 4 << 20, 32 << 20, 1 << 50
_LAST_LINES_BYTES, _MOST_ENTRIES = 16 << 10, 10_000
_PNG = b"\x89PNG\r\n\x1a\n"
_Text = Annotated[str, Field(max_length=2_000)]
Kind = TypeVar("Kind", bound="_File")


class RunUnreadable(Exception):
    """What is in a folder is no run, or cannot be read; says what was found, without a path."""


class _File(BaseModel):
    model_config = ConfigDict(extra="ignore", allow_inf_nan=False)


class RunSettings(_File):
    """Those that are shown."""

    images_shown: int = Field(ge=1)
    method: _Text
    preset: _Text = ""
    parent: _Text = ""


class RunData(_File):
    """What the run learns from."""

    name: _Text
    images: int
    height: int
    width: int
    channels: int
    classes: list[Any] | None = None


class HealingStep(_File):
    """A run that went wrong went back, and on more gently."""

    images_shown: int = Field(description="Where it was noticed.")
    returned_to: int = Field(description="Images shown by the checkpoint that it went back to.")
    verdict: _Text
    explanation: _Text
    learning_rate: list[float] = Field(max_length=2, description="From then on: at the start and at the end.")
    gamma: list[float] = Field(max_length=2, description="From then on.")


class RunConfig(_File):
    """`config.json`."""

    settings: RunSettings
    data: RunData
    healings: list[HealingStep] = Field(default=[], max_length=1_000)
    parent: dict[str, Any] | None = None


class RunDiagnosis(_File):
    """`doctor.json`: what the doctor of training says."""

    verdict: _Text
    severity: Severity
    explanation: _Text
    advice: list[_Text] = Field(max_length=20)
    notes: list[_Text] = Field(max_length=20)
    images_planned: int
    images_per_second: Annotated[float, Field(gt=0)] | None
    finished: bool


@dataclass(frozen=True)
class SheetFile:
    """A sample sheet."""

    name: str
    """`first`, or the thousands of images that were shown, `000012`."""
    images_shown: int
    tag: str
    """Another one for other content."""


class RunFolder:
    """The folder of one run.

    Args:
        root: the folder of runs.
        name: of a folder in it; what a client sent.

    Raises:
        RunUnreadable: there is no such run, or a link leads out of the folder of runs.
    """

    def __init__(self, root: Path, name: str) -> None:
        self.name, path = name, root / name
        if not NAME_PATTERN.fullmatch(name):
            raise RunUnreadable("its name is not one that a run may have")
        try:
            self._path = path.resolve(strict=True)
            inside = self._path.is_relative_to(root.resolve(strict=True))
            is_run = inside and (self._path / CONFIG).is_file()
        except (OSError, RuntimeError):  # also a link that leads to itself
            is_run, inside = False, True
        if not inside:
            raise RunUnreadable("it is a link that leaves the folder of runs")
        if not is_run:
            raise RunUnreadable("there is no run of this name")

    def config(self) -> RunConfig:
        """What the run was begun with.

        Raises:
            RunUnreadable: the file is not whole, or of another kind.
        """
        return self._parsed(CONFIG, RunConfig)

    def diagnosis(self) -> RunDiagnosis | None:
        """What the doctor said last; None of a run that an older version trained, or that has only begun.

        Raises:
            RunUnreadable: as `config`.
        """
        return self._parsed(DIAGNOSIS, RunDiagnosis) if (self._path / DIAGNOSIS).exists() else None

    @property
    def log(self) -> Path:
        """For `last_lines`."""
        return self._path / LOG

    def log_signature(self) -> tuple[int, int]:
        """Size and time of the log: others for another log."""
        try:
            found = self.log.stat()
        except OSError:
            return 0, 0
        return found.st_size, found.st_mtime_ns

    def last_line(self) -> LogLine:
        """The newest line of the log; empty before the first."""
        lines = last_lines(self.log, _LAST_LINES_BYTES)
        return lines[-1] if lines else {}

    def is_training(self) -> bool:
        """Whether a process trains here now: whether it holds the lock that goes with it, however it ends."""
        try:
            descriptor = os.open(self._path / LOCK, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW)
        except OSError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:  # a file system without locks
            return False
        finally:
            os.close(descriptor)
        return False

    def changed_at(self) -> datetime:
        """When something was last written that is shown."""
        times = [0.0]
        for name in (CONFIG, LOG, DIAGNOSIS, SAMPLES):
            try:
                times.append((self._path / name).stat().st_mtime)
            except OSError:
                continue
        return datetime.fromtimestamp(max(times), UTC)

    def sheets(self) -> list[SheetFile]:
        """All sample sheets, oldest first: what was drawn before the first step, then the last ones."""
        found = sorted(self._sheet_files(), key=lambda one: (one.name != FIRST_SHEET, one.images_shown))
        first = [one for one in found[:1] if one.name == FIRST_SHEET]
        return first + found[len(first) :][-MOST_SHEETS:]

    def _sheet_files(self) -> Iterator[SheetFile]:
        try:
            with os.scandir(self._samples()) as found:
                entries = list(islice(found, _MOST_ENTRIES))
        except OSError:
            return
        for entry in entries:
            name, _, suffix = entry.name.rpartition(".")
            if suffix == "png" and SHEET_PATTERN.fullmatch(name):
                try:
                    facts = entry.stat()
                except OSError:  # it was dropped meanwhile
                    continue
                shown = 0 if name == FIRST_SHEET else 1_000 * int(name)
                yield SheetFile(name, shown, f"{facts.st_mtime_ns:x}-{facts.st_size:x}")

    def sheet(self, name: str) -> tuple[bytes, str]:
        """A sample sheet as PNG, and its tag.

        Raises:
            RunUnreadable: there is no such sheet, or it is no picture.
        """
        if not SHEET_PATTERN.fullmatch(name):
            raise RunUnreadable("there is no such sheet")
        try:
            with open_plain(self._samples() / f"{name}.png", _MOST_SHEET_BYTES) as file:
                facts = os.fstat(file.fileno())
                data = file.read(_MOST_SHEET_BYTES)
        except UnsafeFile as error:
            raise RunUnreadable(f"{name}.png: {error}") from None
        except OSError:
            raise RunUnreadable("there is no such sheet") from None
        if not data.startswith(_PNG):
            raise RunUnreadable(f"{name}.png: found no PNG file")
        return data, f"{facts.st_mtime_ns:x}-{facts.st_size:x}"

    def _samples(self) -> Path:
        """The folder of sheets.

        Raises:
            UnsafeFile: it is a link that leaves the run's folder.
        """
        path = self._path / SAMPLES
        if not path.resolve().is_relative_to(self._path):
            raise UnsafeFile("a link that leaves the folder", "a folder in it")
        return path

    def _parsed(self, name: str, kind: type[Kind]) -> Kind:
        try:
            with open_plain(self._path / name, _MOST_JSON_BYTES) as file:
                return kind.model_validate_json(file.read(_MOST_JSON_BYTES))
        except UnsafeFile as error:
            raise RunUnreadable(f"{name}: {error}") from None
        except OSError as error:
            raise RunUnreadable(f"{name}: {error.strerror}") from None
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(map(str, first["loc"])) or "the file"
            raise RunUnreadable(f"{name}: {where[:100]}: {first['msg'][:200]}") from None


def last_lines(log: Path, most_bytes: int = MOST_LOG_BYTES) -> list[LogLine]:
    """The last whole lines of a log, oldest first; what is no line is left out."""
    try:
        with open_plain(log, _LARGEST_LOG_BYTES) as file:
            begin = max(0, os.fstat(file.fileno()).st_size - most_bytes)
            file.seek(begin)
            whole = file.read(most_bytes).split(b"\n")[:-1]
    except OSError:
        return []
    return [line for text in whole[1 if begin else 0 :] if (line := _line(text)) is not None]


def _line(text: bytes) -> LogLine | None:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
