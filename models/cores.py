"""The CPU cores that this process may use: those that it may run on, and no more than its container's quota pays for.

    the kernel -> [cores] -> engine_selection, service.settings, training

A container on a machine of 64 cores may have a quota of 2: the kernel lets it run on
all of them, and stops it for the rest of each tenth of a second in which it has used
up its share. Threads of one picture wait for one another, so more of them than the
quota pays for draw more slowly than as many. Reads cgroup v2 alone; where there is
none (version 1, macOS) only the cores count.
"""

import os
from pathlib import Path

_OWN_GROUP = Path("/proc/self/cgroup")
_HIERARCHY = Path("/sys/fs/cgroup")


def usable_cores() -> int:
    """CPU cores that this process may use, 1 or more; of a quota of 2.5 cores 2, because three threads would wait."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
    quota = cpu_quota()
    return cores if quota is None else max(1, min(cores, int(quota)))


def cpu_quota(own_group: Path = _OWN_GROUP, hierarchy: Path = _HIERARCHY) -> float | None:
    """The cores that the container's quota pays for (`cpu.max` of cgroup v2), as 2.5; None where there is none.

    The groups above have quotas too, and the smallest counts. In a container its own group is mostly the root of what
    it sees.

    Args:
        own_group: says which group this process is in.
        hierarchy: where the groups are folders.
    """
    group = next((line[3:] for line in _lines(own_group) if line.startswith("0::")), "/")
    steps = [step for step in group.split("/") if step not in ("", "..")]
    folders = [hierarchy.joinpath(*steps[:depth]) for depth in range(len(steps) + 1)]
    quotas = [quota for folder in folders if (quota := _quota(folder / "cpu.max")) is not None]
    return min(quotas, default=None)


def _quota(file: Path) -> float | None:
    """Of a line as `200000 100000`: microseconds of CPU time in a period, and the period; `max` is no quota."""
    fields = " ".join(_lines(file)).split()
    if len(fields) != 2 or not all(field.isdigit() for field in fields) or int(fields[1]) == 0:
        return None
    return int(fields[0]) / int(fields[1])


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text().splitlines()
    except (OSError, UnicodeDecodeError):
        return []
