"""What the tests of data sets in a bucket share: moto's server, a bucket of each test, and the command."""

import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest
from support.bucket import KEY, SECRET, Bucket, Moto, serving_moto
from support.sampling import Said, sampled
from support.serving import ROOT

from models.runtime import Runtime

OURS = ("AWS_", "FSSPEC_", "S3FS_")


@pytest.fixture(scope="session")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Moto]:
    with serving_moto(tmp_path_factory.mktemp("moto")) as server:
        yield server


@pytest.fixture
def aws(moto: Moto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what a test gives: no credentials of this machine, and temporary files in a folder of its own."""
    for name in list(os.environ):
        if name.startswith(OURS):
            monkeypatch.delenv(name)
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", None)
    given = {
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_ENDPOINT_URL": moto.url,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": str(tmp_path / "none"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
        "TMPDIR": str(tmp_path / "temporary"),
        "ZOETROPE_MODELS": str(ROOT / "models"),
        "ZOETROPE_ENGINE": "onnxruntime",
        "ZOETROPE_THREADS": "1",
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)


_numbers = count()


@pytest.fixture
def bucket(moto: Moto, aws: None) -> Bucket:  # noqa: ARG001  # its variables
    return Bucket(moto, f"pictures-{next(_numbers)}")


@pytest.fixture
def rights(moto: Moto) -> Iterator[Callable[[bool], None]]:
    yield moto.require_rights
    moto.require_rights(False)


@pytest.fixture
def sample(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Callable[..., Said]:
    """`zoetrope sample`, in this process; it names no key, and leaves nothing in the folder of temporary files."""

    def run(*argv: object) -> Said:
        said = sampled(capsys, *argv)
        assert KEY not in said.out + said.err
        assert SECRET not in said.out + said.err
        assert list((tmp_path / "temporary").iterdir()) == []
        return said

    return run


@pytest.fixture
def after_draws():
    """`with after_draws(4, then)`: the engine draws four batches; before each further one `then` is called."""

    @contextmanager
    def patched(times: int, then: Callable[[], None]) -> Iterator[None]:
        drawn, left, lock = Runtime.draw, count(times, -1), threading.Lock()

        def draw(runtime: Runtime, *given: object) -> object:
            with lock:
                if next(left) <= 0:
                    then()
            return drawn(runtime, *given)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Runtime, "draw", draw)
            yield

    return patched
