"""The fixtures of tests/: one service of the shipped models and one Chromium a file. And services with trainers."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import arrive, bundles, chromium, learned_digits, studio  # of tests/, which is on the path
from support.browsing import Visitor
from support.learner import Learner, started_learner
from support.serving import ROOT

__all__ = ["arrive", "bundles", "chromium", "learned_digits", "studio"]


@pytest.fixture
def models(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The folder of a shipped model, where one is named; else of digits that were learned."""
    if not hasattr(request, "param"):
        return request.getfixturevalue("learned_digits")
    shutil.copytree(ROOT / "models" / request.param, tmp_path / "shipped" / request.param)
    return tmp_path / "shipped"


@pytest.fixture
def learner(models: Path, tmp_path: Path) -> Iterator[Learner]:
    """A service of its own, and its trainers."""
    with started_learner(tmp_path, models) as one:
        yield one


@pytest.fixture
def visit(chromium: Any, learner: Learner) -> Iterator[Callable[..., Visitor]]:
    """Makes visitors of that service, and sees to it that they leave without a complaint."""
    visitors: list[Visitor] = []

    def make(**options: Any) -> Visitor:
        visitors.append(Visitor(chromium, learner.server, **options))
        return visitors[-1]

    yield make
    for visitor in visitors:
        visitor.leave()
