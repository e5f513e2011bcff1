"""A process uses the cores that it may run on, and no more than its container's quota pays for."""

from pathlib import Path

import pytest

from models import cores
from models.cores import cpu_quota, usable_cores
from service.settings import read_settings


def machine(folder: Path, own: str, **quotas: str) -> tuple[Path, Path]:
    """What the kernel shows of cgroup v2: the group of this process, and `cpu.max` of groups by their path."""
    hierarchy = folder / "cgroup"
    for path, line in quotas.items():
        group = hierarchy.joinpath(*path.removeprefix("root").split("_"))
        group.mkdir(parents=True, exist_ok=True)
        (group / "cpu.max").write_text(f"{line}\n")
    (folder / "own").write_text(own)
    return folder / "own", hierarchy


@pytest.mark.parametrize(
    ("own", "quotas", "cores"),
    [
        ("0::/\n", {"root": "200000 100000"}, 2),  # in a container with a name space of its own
        ("0::/\n", {"root": "max 100000"}, None),
        ("0::/a/b\n", {"root": "max 100000", "a": "150000 100000", "a_b": "max 100000"}, 1.5),
        ("0::/a/b\n", {"a": "400000 100000", "a_b": "50000 100000"}, 0.5),
        ("0::/../elsewhere\n", {"root": "300000 100000"}, 3),
        ("12:cpu:/a\n0::/b\n", {"a": "100000 100000", "b": "200000 100000"}, 2),
        ("4:cpu,cpuacct:/a\n", {"a": "100000 100000"}, None),  # version 1
        ("", {}, None),
        ("0::/\n", {"root": "lots"}, None),
        ("0::/\n", {"root": "100000 0"}, None),
    ],
)
def test_the_smallest_quota_of_the_groups_counts(own: str, quotas: dict[str, str], cores: float | None, tmp_path: Path):
    assert cpu_quota(*machine(tmp_path, own, **quotas)) == cores


def test_where_the_kernel_shows_nothing_there_is_no_quota(tmp_path: Path):
    assert cpu_quota(tmp_path / "none", tmp_path / "none") is None


@pytest.mark.parametrize(("quota", "used"), [(None, 8), (2.0, 2), (2.5, 2), (0.5, 1), (64.0, 8)])
def test_threads_are_as_many_as_the_cores_that_are_paid_for(
    quota: float | None, used: int, monkeypatch: pytest.MonkeyPatch
):
    """Before: a container with 2 of 64 cores drew with 64 threads."""
    monkeypatch.setattr(cores.os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.setattr(cores, "cpu_quota", lambda: quota)

    assert usable_cores() == used


@pytest.mark.parametrize(
    ("variables", "threads"),
    [
        ({}, 5),
        ({"ZOETROPE_WORKERS": "2"}, 2),
        ({"ZOETROPE_WORKERS": "8"}, 1),
        ({"ZOETROPE_WORKERS": "2", "ZOETROPE_THREADS": "7"}, 7),
    ],
)
def test_workers_divide_the_cores(variables: dict[str, str], threads: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("service.settings.usable_cores", lambda: 5)

    assert read_settings(variables).engine_threads == threads
