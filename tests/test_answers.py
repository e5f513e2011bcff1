"""An answer is whole, or a problem: whatever happens before its first byte is still said in words."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from asking import PINNED
from starlette.testclient import TestClient

from models.bundle import open_all
from service.gallery import Gallery
from service.routes import create_api
from service.settings import Settings


@pytest.fixture
def hurried(bundles: Path) -> Iterator[TestClient]:
    """A service whose deadline has always passed."""
    api = create_api()
    gallery = Gallery(open_all(bundles), Settings(models=bundles, deadline_seconds=1e-9, **PINNED))
    api.open(gallery, "none", encoder_threads=1)
    with TestClient(api) as client:
        yield client
    gallery.batcher.close()


@pytest.mark.parametrize("n", [1, 300], ids=["in one piece", "streamed"])
def test_pictures_that_were_not_begun_in_time_are_a_503(hurried: TestClient, n: int):
    answer = hurried.post("/generate", json={"n": n, "format": "npy"})

    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
    assert "not begun within 1e-09 s" in answer.json()["detail"]
    assert answer.headers["retry-after"] == "1"
