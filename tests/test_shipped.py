"""The models that are shipped: whole, small, and as good as their cards say.

Each picture is compared with all training pictures only in the full form, which takes minutes; 500 are otherwise:

    CAMPAIGN_CASES=1000 python -m pytest tests/test_shipped.py
"""

from pathlib import Path

import numpy as np
import pytest
from conftest import CAMPAIGN_CASES
from PIL import Image
from support.pictures import DATA

from models.bundle import Bundle, open_all
from models.runtime import Runtime
from models.sheet import contact_sheet
from training.evaluation.controls import checked_controls, violations
from training.evaluation.evaluator_store import shipped_evaluator
from training.evaluation.quality_metrics import memorisation, nearest_distances
from training.evaluation.reference import RealPictures, Reference
from training.inputs import real_pictures_for

ROOT = Path(__file__).parent.parent
SHIPPED = [bundle for bundle in open_all(ROOT / "models") if "@" not in bundle.path.name]
COMPARED_IMAGES = 2_000
NEAREST_IMAGES, NEAREST_WITHIN = (10_000, 0.01) if CAMPAIGN_CASES else (500, 0.05)
"""How many pictures are compared with the training pictures, and how near their ratio is to that of all."""
every_shipped_bundle = pytest.mark.parametrize("bundle", SHIPPED, ids=lambda bundle: bundle.card.name)


@every_shipped_bundle
def test_a_shipped_bundle_is_small(bundle: Bundle):
    assert len(bundle.generator) < 6e6
    assert sum(path.stat().st_size for path in bundle.path.iterdir()) < 15e6


@every_shipped_bundle
def test_its_sheet_is_what_it_draws_here(bundle: Bundle):
    """Another machine may round differently, by one level of 255 at most."""
    expected = contact_sheet(Runtime(bundle).generate(seed=0, n=64)).squeeze()
    sheet = np.asarray(Image.open(bundle.path / "samples.png"))

    assert np.abs(sheet[..., : expected.shape[-1]].astype(int) - expected).max() <= 1


@every_shipped_bundle
def test_no_picture_repeats_another(bundle: Bundle):
    drawn = Runtime(bundle).generate(seed=7, n=COMPARED_IMAGES)

    assert len(np.unique(drawn.reshape(len(drawn), -1), axis=0)) == len(drawn)


@every_shipped_bundle
def test_it_was_scored_by_the_committed_evaluator_of_its_data(bundle: Bundle):
    scores = bundle.card.scores

    assert scores.evaluator_digest == shipped_evaluator(bundle.card.training.data).digest
    assert scores.fd_ratio is not None
    assert scores.coverage is not None


@pytest.fixture(scope="module")
def reals() -> dict[str, RealPictures]:
    return {}


@every_shipped_bundle
def test_the_evaluator_of_its_data_orders_pictures_of_known_quality(bundle: Bundle, reals: dict[str, RealPictures]):
    """Otherwise `evaluate` and `compare` would refuse it, and say nothing about any model of these data."""
    evaluator = shipped_evaluator(bundle.card.training.data)
    if evaluator.info.controls is not None:  # measured when it was trained
        assert violations(evaluator.info.controls) == []
        return
    checked_controls(evaluator, real_of(bundle, reals), images=500)


def real_of(bundle: Bundle, reals: dict[str, RealPictures]) -> RealPictures:
    """The data of a shipped bundle, read once; or skip."""
    source = DATA / bundle.card.training.data
    if not source.is_dir():
        pytest.skip(f"no {source.name} at {source}")
    return reals.setdefault(source.name, real_pictures_for(str(source), bundle.card, print))


def asserted_scores(drawn: np.ndarray, reference: Reference, requested: np.ndarray | None) -> dict[str, float | None]:
    """Those of `score` that the card is held to here; it computes floors of a minute as well."""
    features = reference.evaluator.extract(drawn)
    train, few = reference.real.train, slice(None, None, max(1, reference.images // NEAREST_IMAGES))
    nearest_test = nearest_distances(reference.test_images[few], train)
    ratio, near_share = memorisation(nearest_distances(drawn[few], train), nearest_test)
    return {
        "fd_ratio": reference.fd_ratio(features),
        "fd_floor": reference.fd_floor,
        "evaluator_accuracy": reference.accuracy,
        "class_agreement": None if requested is None else float(np.mean(features.classes == requested)),
        **reference.manifold(features)._asdict(),
        "nearest_ratio": ratio,
        "near_share": near_share,
    }


@every_shipped_bundle
def test_its_card_says_what_the_evaluator_finds_here(bundle: Bundle, reals: dict[str, RealPictures]):
    """The pictures are drawn and scored again; a difference of up to 1 % is that of another machine."""
    card = bundle.card
    real = real_of(bundle, reals)
    reference = Reference(real, shipped_evaluator(card.training.data), card.scores.images)
    runtime = Runtime(bundle)
    drawn, requested = runtime.generate(0, 0, reference.images), runtime.labels(0, 0, reference.images)
    found = asserted_scores(drawn, reference, requested)

    for name in ("fd_ratio", "fd_floor", "precision", "recall", "coverage", "evaluator_accuracy"):
        assert found[name] == pytest.approx(getattr(card.scores, name), rel=0.01), name
    assert found["nearest_ratio"] == pytest.approx(card.scores.nearest_ratio, rel=NEAREST_WITHIN)
    assert found["near_share"] < 0.05  # 0.01 for new pictures, 1 for those learned by heart
    if card.classes is not None:
        assert found["class_agreement"] == pytest.approx(card.scores.class_agreement, abs=0.005)
