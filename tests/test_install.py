"""It installs from the package index alone, as wheels, on every platform and Python that the README names."""

import os
import re
import subprocess
import tomllib
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path

import pytest
import uv

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CONSTRAINED = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]

PYTHONS = ("3.11", "3.12", "3.13")
LINUX_X86 = "x86_64-manylinux_2_28"
PLATFORMS = (LINUX_X86, "aarch64-manylinux_2_35", "aarch64-apple-darwin")
MACOS_FLOOR = "14.0"
EVERYTHING = "cpu,mcp,postgres,c2pa,hub,s3,ray,otel,train,load,dev,fidelity,imagenet"
PAIRS = [*product(PLATFORMS, PYTHONS, (EVERYTHING, "cpu")), *product((LINUX_X86,), PYTHONS, ("gpu", "gpu,train"))]


def name_of(requirement: str) -> str:
    """The package of a requirement, as the index writes it."""
    return re.sub(r"[-_.]+", "-", re.split(r"[\[=<>;~! ]", requirement)[0]).lower()


def requirements() -> list[str]:
    """All that pyproject.toml asks for, in every extra."""
    extras = PROJECT["optional-dependencies"].values()
    return [*PROJECT["dependencies"], *(one for extra in extras for one in extra)]


def resolve(config: Path, platform: str, python: str, extras: str) -> str | None:
    """What keeps the wheels of a platform from being resolved; metadata only, nothing is installed."""
    chosen = [option for extra in extras.split(",") for option in ("--extra", extra)]
    target = ["--python-platform", platform, "--python-version", python]
    return uv_compile(config, "--constraint", "constraints.txt", *target, *chosen, "pyproject.toml")


def uv_compile(config: Path, *arguments: str, stdin: str = "") -> str | None:
    """The error of `uv pip compile` for wheels alone, without this machine's settings; None if it
    succeeds."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("UV_", "PIP_"))}
    command = [uv.find_uv_bin(), "pip", "compile", "--quiet", "--config-file", str(config), "--only-binary", ":all:"]
    done = subprocess.run(
        [*command, *arguments],
        cwd=ROOT,
        env={**environment, "MACOSX_DEPLOYMENT_TARGET": MACOS_FLOOR},
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stderr[-1500:] if done.returncode else None


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty configuration of uv: its default index, PyPI, and no local wheels.

    Where the index cannot be reached the tests are skipped; in CI they fail.
    """
    path = tmp_path_factory.mktemp("index") / "uv.toml"
    path.touch()
    error = uv_compile(path, "-", stdin="uv")
    if error is not None:
        reason = f"the package index cannot be reached: {error}"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    return path


@pytest.fixture(scope="module")
def unresolved(index: Path) -> dict[tuple[str, str, str], str | None]:
    """For every platform, Python and choice of extras: what is in the way, or None."""
    first = resolve(index, *PAIRS[0])  # fills the cache
    with ThreadPoolExecutor(8) as pool:
        others = pool.map(lambda pair: resolve(index, *pair), PAIRS[1:])
        return dict(zip(PAIRS, [first, *others], strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("pair", PAIRS, ids=[" ".join(pair) for pair in PAIRS])
def test_wheels_alone_resolve(pair: tuple[str, str, str], unresolved: dict[tuple[str, str, str], str | None]):
    assert unresolved[pair] is None


@pytest.mark.slow
def test_the_test_above_can_fail(index: Path):
    found = resolve(index, "x86_64-pc-windows-msvc", "3.11", "cpu")

    assert found is not None
    assert "uvloop" in found


def test_only_packages_that_pyproject_names_are_constrained():
    """What torch and others bring follows them: a pin of it is a pin against them."""
    assert {name_of(line) for line in CONSTRAINED} == {name_of(one) for one in requirements()}
    assert [line for line in CONSTRAINED if not re.fullmatch(r"[\w.-]+==[\w.]+", line)] == []


def make(*targets: str, **variables: str) -> str:
    """The commands that make would run for targets in a checkout that has no environment yet."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("MAKE", "TORCH_BACKEND"))}
    command = ["make", "--dry-run", "--always-make", *targets]
    return subprocess.run(
        command, cwd=ROOT, env=environment | variables, capture_output=True, text=True, check=True
    ).stdout


def test_an_environment_is_made_by_pip_from_the_index():
    commands = make("env")

    extras = "cpu,mcp,postgres,c2pa,hub,s3,ray,otel,train,load,dev,imagenet"
    assert f"bin/pip install --constraint constraints.txt --editable '.[{extras}]'" in commands
    assert "torch-backend" not in commands
    assert re.search(r"echo .*minutes", commands)


@pytest.mark.parametrize("backend", ["cpu", "cu130"])
def test_the_build_of_torch_can_be_chosen_and_the_message_says_what_that_needs(backend: str):
    commands = make("env", TORCH_BACKEND=backend)

    assert "bin/pip install --constraint constraints.txt uv\n" in commands
    uvs = [line for line in commands.splitlines() if "uv pip install" in line]
    assert len(uvs) == 1
    assert (
        f"--torch-backend={backend} --constraint constraints.txt --editable '.[cpu,mcp,postgres,c2pa,hub,s3,ray,otel,"
        in uvs[0]
    )
    assert re.search(r"echo .*PyTorch's own package index, which must be reachable", commands)
    assert re.search(r"\|\| \{ echo .*'make env' alone takes torch from PyPI", commands)


def test_uv_knows_the_option_that_chooses_the_build_of_torch():
    helped = subprocess.run([uv.find_uv_bin(), "pip", "install", "--help"], capture_output=True, text=True, check=True)

    assert "--torch-backend" in helped.stdout
