"""Where a trainer works: the folders of models and runs, its name, and where the pictures of a model are.

    the working directory, ZOETROPE_MODELS, --pictures -> [place] -> rounds, loop

The pictures of a model are those that `--pictures` names for it, else those that the
run in `runs/` that saw the same pictures was begun with. Knows no HTTP and no torch.
"""

import fcntl
import os
import re
import secrets
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from models.card import NAME_PATTERN, Card
from models.picture_folders import BUILT_IN, inside, recorded_source
from training.data.splits import PREFIX
from training.run import RUNS

NAME_FILE = "trainer.name"
"""In the folder of runs: what this folder's trainer is called, and locked by it while it lives."""


@dataclass(frozen=True)
class Place:
    """The folders of a trainer."""

    models: Path
    """The folder that the service serves."""
    runs: Path = RUNS
    pictures: Mapping[str, str] = field(default_factory=dict)
    """Name of a model -> its pictures; under the empty name those of every model whose run does not say."""

    root: Path | None = None
    """The folder of pictures that runs may be started on."""

    @classmethod
    def here(cls, pictures: Sequence[str] = ()) -> "Place":
        """In the working directory.

        Args:
            pictures: `MODEL=PICTURES`, or `PICTURES`.
        """
        root = os.environ.get("ZOETROPE_PICTURES")
        models = Path(os.environ.get("ZOETROPE_MODELS", "models"))
        return cls(models, pictures=dict(map(_named, pictures)), root=Path(root) if root else None)

    def pictures_in(self, folder: str) -> str:
        """Where the pictures of a run are, by the name that a person chose.

        Raises:
            FileNotFoundError, NotInside: they are not there, or a link in them leads out of the folder of pictures.
            ValueError: this trainer has no folder of pictures.
        """
        if folder == BUILT_IN and (self.root is None or not (self.root / folder).exists()):
            return folder
        if self.root is None:
            raise ValueError(
                f"found no ZOETROPE_PICTURES where the trainer runs, expected the folder that has {folder}. Start it "
                "with the same one as the service."
            )
        return str(inside(self.root, folder))

    def pictures_of(self, card: Card) -> str:
        """Where the pictures are that a model was trained on.

        Raises:
            FileNotFoundError: they are not where they were, or it is not known where they are; says what to do.
        """
        option = f"--pictures {card.name}=FOLDER"
        recorded = recorded_source(self.runs, card.training.data_digest)
        known = [self.pictures.get(card.name), recorded, self.pictures.get("")]
        known += [BUILT_IN] if card.training.data == BUILT_IN else []
        sources = [source for source in known if source]
        if found := next(filter(_is_there, sources), None):
            return found
        if sources:
            raise FileNotFoundError(
                f"{sources[0]}: found nothing there, expected the pictures of {card.name}. Put them back, or start the "
                f"trainer with {option}. Nothing is lost: ask for the round again."
            )
        raise FileNotFoundError(
            f"found no run in {self.runs} that says where the pictures of {card.name} ({card.training.data}) are, "
            f"expected one. Start the trainer with {option}."
        )


@contextmanager
def only_trainer(runs: Path) -> Iterator[str]:
    """The name of this folder's trainer, which is this process alone; after a crash it is known by it again.

    Raises:
        ValueError: another process works here.
    """
    runs.mkdir(parents=True, exist_ok=True)
    with (runs / NAME_FILE).open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ValueError(
                f"{runs.absolute()}: found a trainer at work here, expected none. One is enough: it takes what waits, "
                "one after another. Stop it first, or start this one in another folder."
            ) from None
        file.seek(0)
        name = file.read().strip()
        if not name:
            host = re.sub(r"[^A-Za-z0-9.-]+", "-", socket.gethostname())[:60] or "trainer"
            name = f"{host}-{secrets.token_hex(4)}"
            file.write(f"{name}\n")
            file.flush()
        yield name


def _named(given: str) -> tuple[str, str]:
    model, _, source = given.partition("=")
    return (model, source) if source and re.fullmatch(NAME_PATTERN, model) else ("", given)


def _is_there(source: str) -> bool:
    path = source.removeprefix(PREFIX)
    return path == BUILT_IN or Path(path).exists()
