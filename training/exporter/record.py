"""What a card says of the run that its model came from, and whether a bundle is of all that a run has learned.

    run, checkpoint -> [record] -> exporter.bundle, execution, comparison

Opens no graph and no weights.
"""

from pathlib import Path
from typing import Any

from models.bundle import CARD, read_card
from models.card import TrainingRecord
from models.errors import ModelError
from training.checkpoint import progress_in
from training.run import Run


def training_record(run: Run, images_shown: int, seconds: float) -> dict[str, Any]:
    """The card's `training`, of a run that has shown so many images in so many seconds."""
    config, settings = run.config(), run.settings()
    data = config["data"]
    return {
        "preset": settings.preset,
        "data": data["name"],
        "data_digest": data["digest"],
        "data_images": data["images"],
        "images_shown": images_shown,
        "seconds": round(seconds, 1),
        "seed": settings.seed,
        "options": config["settings"],
        "lengthened": tuple(config["lengthened"]) if "lengthened" in config else None,
        "healings": tuple(config["healings"]) if "healings" in config else None,
        "changes": tuple(config["changes"]) if "changes" in config else None,
        "licence": config.get("licence"),
        "parent": config.get("parent"),
    }


def is_exported(run: Run, out: Path) -> bool:
    """Whether a bundle is of all that a run's checkpoint holds.

    Args:
        run: one that has a checkpoint.
        out: the bundle's folder, which may be absent.
    """
    if not (out / CARD).exists():
        return False
    try:
        found = read_card(out).training
    except ModelError:
        return False
    # Whichever of the averages it is: a person may have exported another one.
    found = found.model_copy(update={"half_life_share": None})
    return found == TrainingRecord.model_validate(training_record(run, *progress_in(run.checkpoint)))
