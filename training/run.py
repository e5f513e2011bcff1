"""A run's folder: its configuration, its log and its checkpoint.

    train, run_logger -> [run] -> runs/<name>/

    config.json             the settings and the data: a run resumes only with the same ones, but for `changes`
    log.jsonl               a line every so many images: losses, margins, speed
    samples/first.png       256 codes through the weights that the run begins with
    samples/000123.png      a sheet from the same 64 codes after so many thousand images
    doctor.json, report.html, timelapse.webp, tensorboard/
                            made from the above by `monitoring`, at any time again
    evaluation.json         what `evaluate` found in a model of the run, for the report
    checkpoint.safetensors  see `checkpoint`
    checkpoint-earlier.safetensors, checkpoint-earliest.safetensors
                            what `healing` may go back to
    lock                    locked by the process that trains

`GET /runs` of a service shows it: `service.training_runs` reads config.json, log.jsonl, doctor.json,
samples/ and lock by these names, and imports nothing from here. Knows files and folders; knows no torch.
"""

import fcntl
import json
import math
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from models.files import replacing, write_atomically
from models.sheet import as_picture, contact_sheet
from training.changes import in_words, with_changes
from training.config import EDITION, Settings
from training.data.dataset import Pictures
from training.data.reading import FEWEST_TO_HOLD_OUT

RUNS = Path(os.environ.get("ZOETROPE_RUNS", "runs"))
FIRST_SHEET = "first.png"
_CONFIG = "config.json"
_MOST_DIFFERENCES_SHOWN = 3
_LOCK_TRIES, _LOCK_WAIT_S = 5, 0.05
"""A service that looks whether a run is being trained holds its lock for a moment, too."""


class RunDiffers(ValueError):
    """The folder holds a run with other settings or data."""


class RunBusy(ValueError):
    """Another process is training in the folder."""


class Run:
    """One folder in `runs/`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.checkpoint = path / "checkpoint.safetensors"
        self._config, self._log = path / _CONFIG, path / "log.jsonl"

    def begin(
        self,
        settings: Settings,
        pictures: Pictures,
        come_to: int | None = None,
        minutes: float | None = None,
        licence: str | None = None,
        parent: Mapping[str, str] | None = None,
        source: str | None = None,
    ) -> None:
        """Make the folder, or find in it the very run that is asked for.

        Args:
            come_to: images that it has shown, where it may also go on with what `changes` allows to change.
            minutes: the budget that its length follows from.
            licence: of the pictures.
            parent: the model that it starts from: name, version, and what that was trained on.
            source: where the pictures are, for a round of fine-tuning later.

        Raises:
            RunDiffers: says what to do, and names the first settings that differ.
        """
        config = self._configuration(settings, pictures, come_to)
        if minutes is not None or "minutes" in config:
            config = config | {"minutes": minutes}
        if licence is not None:
            config = config | {"licence": licence}
        if parent is not None:
            config = config | {"parent": dict(parent)}
        if source is not None:
            config = config | {"source": source}
        if not self._config.exists():
            (self.path / "samples").mkdir(parents=True, exist_ok=True)
            self._configure(config)
        elif config != self.config():
            self._configure(config)

    def change_length(self, images_shown: int, come_to: int) -> None:
        """Go on with another length from where the run is; nobody asked for it but the budget of its minutes."""
        stored = self.config()
        asked = stored | {"settings": stored["settings"] | {"images_shown": images_shown}}
        self._configure(with_changes(stored, asked, come_to))

    def check(self, settings: Settings, pictures: Pictures, come_to: int | None = None) -> list[str]:
        """Refuse what `begin` refuses, and write nothing; returns in words what would change within the run."""
        config = self._configuration(settings, pictures, come_to)
        return in_words(self.config(), config) if self._config.exists() else []

    def _configuration(self, settings: Settings, pictures: Pictures, come_to: int | None) -> dict[str, Any]:
        """What the folder's configuration becomes when this run begins, or goes on, in it."""
        asked: dict[str, Any] = json.loads(json.dumps({"settings": asdict(settings), "data": _facts(pictures)}))
        if not self._config.exists():
            return asked
        stored = self.config()
        changed = stored if come_to is None else with_changes(stored, asked, come_to)
        _compare(self.path, changed, asked)
        return changed

    def _configure(self, config: Mapping[str, Any]) -> None:
        write_atomically(self._config, f"{json.dumps(config, indent=2)}\n".encode())

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep other processes from training here; the lock goes with this process, however it ends.

        Raises:
            RunBusy: another process was first.
        """
        with (self.path / "lock").open("w") as file:
            if not _locked(file):
                raise RunBusy(
                    f"{self.path} is being trained by another process. Wait for it, or choose another with --run."
                )
            yield

    def config(self) -> dict[str, Any]:
        """What the run was begun with.

        Raises:
            FileNotFoundError: this folder holds no run.
        """
        if not self._config.exists():
            raise FileNotFoundError(
                f"{self._config}: no such file. Expected the folder of a run{_runs_next_to(self.path)}."
            )
        return dict(json.loads(self._config.read_text()))

    def settings(self) -> Settings:
        """The settings that the run was begun with."""
        return Settings.from_json(self.config()["settings"])

    def healings(self) -> list[dict[str, Any]]:
        """What `healing` did to the run, oldest first."""
        return list(self.config().get("healings", ())) if self._config.exists() else []

    @property
    def healing_steps(self) -> int:
        """Steps of healing that count: those since a person last chose rate or penalty."""
        if not self._config.exists():
            return 0
        config = self.config()
        chosen = [
            record["after_healings"]
            for record in config.get("changes", ())
            if {"learning_rate", "gamma"} & set(record["changed"])
        ]
        return len(config.get("healings", ())) - (chosen[-1] if chosen else 0)

    def record_healing(self, record: Mapping[str, Any]) -> None:
        """Add a step of healing to the configuration."""
        config = self.config()
        self._configure(config | {"healings": [*config.get("healings", ()), dict(record)]})

    @property
    def minutes(self) -> float | None:
        """The budget that the run's length follows from; None where it was given in images, or there is no run yet."""
        return self.config().get("minutes") if self._config.exists() else None

    def holds(self, settings: Mapping[str, Any], data_digest: str) -> bool:
        """Whether the folder holds the run with these settings, as a card has them, and this data."""
        if not self._config.exists():
            return False
        config = self.config()
        return bool(config["settings"] == dict(settings) and config["data"]["digest"] == data_digest)

    def data_digests(self) -> list[str]:
        """Of the pictures that the run was begun with, and of those that it went on with; none before it began."""
        if not self._config.exists():
            return []
        config = self.config()
        return [*config.get("data_digests", ()), config["data"]["digest"]]

    @property
    def edition(self) -> int:
        """Of the presets that the run was begun with; the current one where there is no run yet."""
        return self.settings().edition if self._config.exists() else EDITION

    @property
    def preset(self) -> str | None:
        """The row of the table that the run was begun with; None where there is no run yet."""
        return self.settings().preset if self._config.exists() else None

    @property
    def hold_out_from(self) -> int:
        """Fewest pictures of which a tenth is held out, as the run was begun; today's where there is no run yet."""
        return self.settings().hold_out_from if self._config.exists() else FEWEST_TO_HOLD_OUT

    @property
    def began(self) -> float:
        """When the folder was made, in seconds since 1970."""
        return self._config.stat().st_mtime

    def resume_from(self, images_shown: int) -> None:
        """Drop the log lines and sheets after a checkpoint: the run makes them again."""
        for shown, path in self.sheets():
            if shown > images_shown:
                path.unlink()
        if self._log.exists():
            lines = self._log.read_text().splitlines(keepends=True)
            kept = [line for line in lines if line.endswith("\n") and json.loads(line)["images_shown"] <= images_shown]
            write_atomically(self._log, "".join(kept).encode())

    def log(self, line: Mapping[str, float]) -> None:
        """Append one line to the log; NaN and infinity become null."""
        written = {name: value if math.isfinite(value) else None for name, value in line.items()}
        with self._log.open("a") as file:
            file.write(json.dumps(written) + "\n")

    @property
    def log_bytes(self) -> int:
        """Size of the log; another one says that it has changed."""
        return self._log.stat().st_size if self._log.exists() else 0

    def lines(self) -> list[dict[str, float | None]]:
        """The log so far; without a last line that is being written or was cut."""
        if not self._log.exists():
            return []
        return [json.loads(line) for line in self._log.read_text().splitlines(keepends=True) if line.endswith("\n")]

    def sheets(self) -> list[tuple[int, Path]]:
        """(images shown, to the thousand below; the picture), oldest first."""
        return [(int(path.stem) * 1000, path) for path in sorted((self.path / "samples").glob("[0-9]*.png"))]

    def show(self, images_NHWC: NDArray[np.uint8], images_shown: int) -> Path:
        """Save a sheet of what the run draws by now."""
        return self._save_sheet(f"{images_shown // 1000:06}.png", images_NHWC)

    @property
    def first_sheet(self) -> Path | None:
        """What the run drew before its first step; None of a run that began without."""
        path = self.path / "samples" / FIRST_SHEET
        return path if path.exists() else None

    def show_first(self, images_NHWC: NDArray[np.uint8]) -> Path:
        """Save what the run draws before its first step."""
        return self._save_sheet(FIRST_SHEET, images_NHWC)

    def _save_sheet(self, name: str, images_NHWC: NDArray[np.uint8]) -> Path:
        path = self.path / "samples" / name
        with replacing(path) as writing:
            as_picture(contact_sheet(images_NHWC)).save(writing, "PNG")
        return path

    def write(self, name: str, content: bytes) -> Path:
        """Put a file into the folder, in place of one of that name."""
        write_atomically(self.path / name, content)
        return self.path / name


def _locked(file: IO[str]) -> bool:
    for _ in range(_LOCK_TRIES):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_LOCK_WAIT_S)
        else:
            return True
    return False


def find_run(path: Path) -> Path:
    """A run's folder: the path itself, or the run of that name in `runs/`, as `fit --out models/NAME` makes it."""
    of_name = RUNS / path.name
    return of_name if not (path / _CONFIG).exists() and (of_name / _CONFIG).exists() else path


def _runs_next_to(path: Path) -> str:
    """The runs that a person may have meant, for an error."""
    # A person may also have named the folder that all runs are in.
    runs = [str(config.parent) for near in (path, path.parent) for config in sorted(near.glob("*/config.json"))]
    return f": {', '.join(runs)}" if runs else f"; there is none in {path.parent} yet, and `zoetrope fit` makes one"


def _facts(pictures: Pictures) -> dict[str, Any]:
    count, height, width, channels = pictures.images.shape
    return {
        "name": pictures.name,
        "digest": pictures.digest,
        "images": count,
        "height": height,
        "width": width,
        "channels": channels,
        "classes": _class_counts(pictures),
    }


def _class_counts(pictures: Pictures) -> list[list[str | int]] | None:
    counts = pictures.class_counts
    return (
        None if counts is None else [[name, count] for name, count in zip(pictures.classes or (), counts, strict=True)]
    )


def _compare(path: Path, stored: Mapping[str, Any], asked: Mapping[str, Any]) -> None:
    # A run of an older version lacks the settings that came since: it was trained as their defaults say.
    settings = json.loads(json.dumps(asdict(Settings.from_json(stored["settings"]))))
    before = {"settings": settings, "data": stored["data"]}
    differences = [
        f"{name} was {before[part].get(name)}, now {value}"
        for part in ("settings", "data")
        for name, value in asked[part].items()
        if before[part].get(name) != value
    ]
    if differences:
        more = len(differences) - _MOST_DIFFERENCES_SHOWN
        raise RunDiffers(
            f"{path} holds another run. Choose another folder with --run (of compare: --out), or delete this one, or "
            "ask for the same to resume; `fit` goes on with another length, rate, gamma or more pictures. Found: "
            f"{'; '.join(differences[:_MOST_DIFFERENCES_SHOWN])}{f'; and {more} more' if more > 0 else ''}."
        )
