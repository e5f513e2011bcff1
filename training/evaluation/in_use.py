"""What happens where a model's pictures are used: are they worth learning from, and do they give away what it saw?

    features (one sample) -> usefulness, membership -> [in_use] -> evaluate -> the card

Decides which of the two questions can be asked of a model with these pictures, and
tells why one is left out. Knows neither probes nor attacks.
"""

from collections.abc import Callable
from dataclasses import dataclass

from models.card import Card
from models.runtime import Runtime
from models.scores import Leaks, Usefulness
from training.data.dataset import data_digest
from training.evaluation.features import MOST_IMAGES, SEEDS, FeatureSpace, attack_space, probe_space, take_sample
from training.evaluation.membership import leaks_of
from training.evaluation.probe import seconds_to_fit
from training.evaluation.reference import AnyEvaluator, RealPictures
from training.evaluation.usefulness import LEARNED, usefulness_of

FEWEST_IMAGES = 10
"""Of a part: fewer say nothing."""


@dataclass(frozen=True)
class Asked:
    """What is asked."""

    usefulness: bool = True
    leaks: bool = True
    seeds: int = SEEDS
    """Repetitions, 2 to 10: so many seeds of the model are drawn."""
    images: int | None = None
    """Of a kind, at most; 5,000 by default."""
    seed: int = 0
    """The first of the seeds."""


def examine(
    runtime: Runtime,
    real: RealPictures,
    evaluator: AnyEvaluator,
    asked: Asked = Asked(),
    report: Callable[[str], object] | None = None,
) -> dict[str, Usefulness | Leaks]:
    """Answer what is asked, and can be; by the names of the fields of `Scores`.

    Args:
        runtime: the model, loaded.
        real: the pictures whose use is in question; leaks are of the model's own training pictures.
        evaluator: whose features usefulness is measured in.
        report: gets a line that says how long it takes, before it does, and why something is left out.
    """
    card, spaces = runtime.card, dict[str, FeatureSpace]()
    reasons = {"usefulness": _why_not_useful(real, card), "leaks": _why_no_leaks(real, card)}
    for name, reason in reasons.items():
        if not getattr(asked, name):
            continue
        if reason is None:
            spaces[name] = attack_space(real) if name == "leaks" else probe_space(evaluator, real)
        elif report:
            report(f"{name} not measured: {reason}")
    if not spaces:
        return {}
    different = list({space.name: space for space in spaces.values()}.values())
    sample = take_sample(
        runtime,
        real,
        different,
        images=asked.images,
        seeds=asked.seeds,
        seed=asked.seed,
        purpose=f"{' and '.join(spaces)} ({', '.join(f'--no-{name}' for name in spaces)} to leave out)",
        later_s=_seconds_to_fit(spaces, real, asked),
        report=report,
    )
    found: dict[str, Usefulness | Leaks] = {}
    if "usefulness" in spaces:
        found["usefulness"] = usefulness_of(sample, spaces["usefulness"], real, card)
    if "leaks" in spaces:
        found["leaks"] = leaks_of(sample, spaces["leaks"])
    return found


def _seconds_to_fit(spaces: dict[str, FeatureSpace], real: RealPictures, asked: Asked) -> float:
    if "usefulness" not in spaces:
        return 0
    each = min(MOST_IMAGES, asked.images or MOST_IMAGES, len(real.train))
    features = spaces["usefulness"].extract(real.train[:1]).shape[1]
    return seconds_to_fit(round(asked.seeds * LEARNED * each), features, len(real.classes or ()))


def kept(card: Card, real: RealPictures) -> dict[str, Usefulness | Leaks | None]:
    """What a card says already of both: it stays until it is measured again, where it is about these pictures."""
    own = is_own(real, card)
    return {name: getattr(card.scores, name) for name in ("usefulness", "leaks") if own}


def is_own(real: RealPictures, card: Card) -> bool:
    """Whether a model was trained on these pictures, with or without their labels."""
    known = {data_digest(real.train, real.train_labels, real.classes), data_digest(real.train, None, None)}
    return card.training.data_digest in known


def _why_not_useful(real: RealPictures, card: Card) -> str | None:
    """Why the usefulness of a model cannot be measured with these pictures, in words; None: it can."""
    if card.classes is None:
        return f"{card.name} has no classes"
    if real.classes is None or real.train_labels is None or real.test_labels is None:
        return "these pictures have no labels"
    if unknown := [one.name for one in card.classes if one.name not in real.classes]:
        return f"{card.name} draws classes that these pictures do not have ({', '.join(unknown[:5])})"
    return _too_few(real)


def _why_no_leaks(real: RealPictures, card: Card) -> str | None:
    """Why training pictures cannot be told from test pictures, in words; None: they may be."""
    if not is_own(real, card):
        return f"{card.name} was not trained on these pictures"
    return _too_few(real)


def _too_few(real: RealPictures) -> str | None:
    fewest = min(len(real.train), len(real.test))
    return f"{fewest} pictures to train or to test with are too few" if fewest < FEWEST_IMAGES else None
