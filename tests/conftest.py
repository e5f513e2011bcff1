"""What many tests need: bundles made by our own code, and the API in this process."""

import os
import subprocess
import sys

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
os.environ.setdefault("BENTOML_DO_NOT_TRACK", "True")

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import is_hypothesis_test, settings
from starlette.testclient import TestClient
from support.browsing import Visitor, browser
from support.databases import Postgres
from support.in_process import started_app
from support.operators import list_operators_once
from support.serving import ROOT, Server, started
from support.untrained import write_untrained

from service.app import App
from service.middleware import RequestLimitsMiddleware
from service.ratings.store import Store

CLASSES = ("cat", "dog", "7")

with suppress(ModuleNotFoundError):  # .ci/lowest tests what needs no torch in an environment without it
    import torch

CAMPAIGN_CASES = int(os.environ.get("CAMPAIGN_CASES", "0"))  # `make campaign`: cases of each property and fuzz test
# Both lists begin with what takes longest. These groups are run first, so that both processes end at the same time.
SLOW_FIXTURES = ("learned_digits", "studio", "chromium", "postgres", "bento")
# Trains, exports or compiles in nearly every test. Single slow tests of other files carry the marker themselves.
SLOW_FILES = tuple(
    f"test_{name}.py"
    for name in (
        "slow_clients", "wheel", "server", "compare", "distributed", "cli", "train", "readme", "shipped", "simulation",
        "finetuning_round", "finetune", "healing", "export", "peers", "compiled", "onnx", "api", "reward_model",
        "reward", "profile", "doctor", "pretrained", "evaluate", "acceptance", "profiling", "inception", "encode",
        "trainer",
    )
)  # fmt: skip


@pytest.hookimpl(tryfirst=True)  # before xdist, which reads the groups
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests that use a browser, a database server or a trained model are slow, without a mark of their own."""
    missing = [name for name in SLOW_FILES if not (Path(__file__).parent / name).exists()]
    assert not missing, f"{missing} of SLOW_FILES in tests/conftest.py is not there any more"
    in_parallel = config.pluginmanager.hasplugin("xdist")
    groups = [_group_of(item) for item in items]
    with_slow_tests = {group for item, group in zip(items, groups, strict=True) if item.get_closest_marker("slow")}
    order = {group: at for at, group in enumerate((*SLOW_FIXTURES, *SLOW_FILES))}
    for item, group in zip(items, groups, strict=True):
        if group in order:
            item.add_marker(pytest.mark.slow)
        if in_parallel:
            item.add_marker(pytest.mark.xdist_group(group))
        test = getattr(item, "obj", None)
        if CAMPAIGN_CASES and is_hypothesis_test(test):
            # What @settings sets; hypothesis has no public way to set it over a test's own.
            test._hypothesis_internal_use_settings = settings(
                test._hypothesis_internal_use_settings or settings(), max_examples=CAMPAIGN_CASES, deadline=None
            )
    if in_parallel:
        ranks = [order.get(group, len(order) + (group not in with_slow_tests)) for group in groups]
        items[:] = [item for _, item in sorted(zip(ranks, items, strict=True), key=lambda pair: pair[0])]


def pytest_collection_finish(session: pytest.Session) -> None:
    """Some versions of xdist and pytest do not go together, and no group is kept: every process would train again."""
    if session.config.getoption("loadgroup", False) and session.items:
        assert session.items[0].nodeid.endswith(f"@{_group_of(session.items[0])}"), "xdist takes no notice of groups"


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """What a test chose for its whole process does not slow the next ones down: two threads wait for each other."""
    if "torch" in sys.modules:
        torch.set_num_threads(1)
        list_operators_once()


def _group_of(item: pytest.Item) -> str:
    """What shares an expensive fixture shares a process, else what shares a file."""
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    used = {*getattr(item, "fixturenames", ()), parameters.get("url")}
    return next((name for name in SLOW_FIXTURES if name in used), item.path.name)


@pytest.fixture(scope="session")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `grey` (8 x 8, Z = 5) in two versions, `colour` (12 x 20, Z = 7) and `pets` (with classes)."""
    folder = tmp_path_factory.mktemp("models")
    write_untrained(folder / "grey", 8, 8, 1, code_size=5, seed=1)
    write_untrained(folder / "grey", 8, 8, 1, code_size=5, seed=2)
    write_untrained(folder / "colour", 12, 20, 3, code_size=7)
    write_untrained(folder / "pets", 8, 8, 1, code_size=4, classes=CLASSES)
    return folder


@pytest.fixture
def grey(tmp_path: Path) -> Path:
    """One bundle that a test may harm."""
    return write_untrained(tmp_path / "grey", 8, 8, 1, code_size=5).path


@pytest.fixture(scope="session")
def client(bundles: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """The API with its middleware, in this process, drawing with `bundles`."""
    grades = f"sqlite:///{tmp_path_factory.mktemp('grades') / 'grades.db'}"
    app = started_app(bundles, grades, default_model="grey", encoder_threads=1)
    with TestClient(
        RequestLimitsMiddleware(app, app), base_url="http://127.0.0.1:3000", raise_server_exceptions=False
    ) as client:
        yield client
    app.stop()


@pytest.fixture(scope="module")
def app(bundles: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """The API of `bundles` without its middleware, with a database of its own; tests give it other settings."""
    app = started_app(bundles, f"sqlite:///{tmp_path_factory.mktemp('grades') / 'grades.db'}", default_model="grey")
    yield app
    app.stop()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A running PostgreSQL."""
    server = Postgres()
    yield server
    server.remove()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.slow)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'grades.db'}"
    return request.getfixturevalue("postgres").database()


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    """The grades in an empty database of each kind."""
    store = Store(url)
    yield store
    store.close()


@pytest.fixture(scope="session")
def studio(bundles: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A real service of the shipped models and of `bundles`, the first to be looked at being `mnist`; and of `levels`,
    which has an encoder. It has an index of training pictures of `grey`, one of which `grey` draws."""
    from support.copied import write_copied
    from support.encoding import write_with_encoder

    folder, index = tmp_path_factory.mktemp("studio"), tmp_path_factory.mktemp("index") / "squares.index"
    for bundle in (*bundles.iterdir(), ROOT / "models" / "mnist", ROOT / "models" / "eurosat"):
        (folder / bundle.name).symlink_to(bundle)
    write_untrained(folder / "levels", 12, 20, 3, code_size=7)
    write_with_encoder(folder / "levels", 1 / 8)
    write_copied(index, bundles / "grey")
    with started(folder, tmp_path_factory.mktemp("log") / "serve.log", ZOETROPE_INDEX=str(index)) as server:
        server.wait_for("/readyz")
        yield server


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A running Chromium, or the reason why there is none."""
    with browser() as running:
        yield running


@pytest.fixture
def arrive(chromium: Any, request: pytest.FixtureRequest) -> Iterator[Callable[..., Visitor]]:
    """Makes visitors of the studio, and sees to it that they leave without a complaint."""
    server, visitors = request.getfixturevalue("studio"), []

    def make(**options: Any) -> Visitor:
        visitors.append(Visitor(chromium, server, **options))
        return visitors[-1]

    yield make
    for visitor in visitors:
        visitor.leave()


@pytest.fixture(scope="session")
def learned_digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the model `digits`, trained for a fifth of its preset's length. Not to be changed."""
    folder = tmp_path_factory.mktemp("learned")
    run = tmp_path_factory.mktemp("runs") / "digits"
    command = [sys.executable, "-m", "training", "fit", "digits", "--out", folder / "digits", "--run", run]
    subprocess.run([*command, "--kimg", "40", "--threads", "1", "--device", "cpu"], cwd=ROOT, check=True)
    return folder
