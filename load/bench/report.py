"""A benchmark run as the tables of README.md, and the machine and libraries that its figures belong to.

    measurements, criteria -> [report] -> __main__ -> load/README.md; gate (the machine)

Text from measurements. A workload that a server does not offer is an empty cell.
"""

import platform
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from load.bench.measurements import Measurements, cpu_s_per_image, images_per_cpu_s, images_per_s
from load.bench.servers import ServerUnderTest
from load.bench.workloads import Workload
from load.check_result import CheckResult
from load.server import usable_cores

BEGIN, END = "<!-- bench: begin -->", "<!-- bench: end -->"
LIBRARIES = (
    "bentoml", "fastapi", "uvicorn", "uvloop", "httptools", "numpy", "onnxruntime", "openvino", "torch", "litserve",
    "pillow", "deflate", "simplejpeg",
)  # fmt: skip
CPU_FEATURES = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8")
"""What decides which kernels an engine has."""


class MarkersMissing(Exception):
    """The page lacks the two lines that the table goes between."""


def insert_report(page: str, text: str, markers: tuple[str, str] = (BEGIN, END)) -> str:
    """A page with what is between its markers replaced.

    Raises:
        MarkersMissing: a marker is missing, or there are several.
    """
    begin, end = markers
    if page.count(begin) != 1 or page.count(end) != 1:
        found = f"found {page.count(begin)} lines {begin} and {page.count(end)} lines {end}"
        raise MarkersMissing(f"{found}; expected one of each. Put them where the table goes.")
    before, rest = page.split(begin)
    return f"{before}{begin}\n\n{text.strip()}\n\n{end}{rest.split(end)[1]}"


def criteria_table(results: Iterable[CheckResult]) -> str:
    """What was to be shown, and what was found."""
    return table(("", "ratio", "expected", "found"), [(r.mark, r.name, r.expected, r.found) for r in results])


def summary_table(measurements: Measurements, workloads: Iterable[Workload], names: Sequence[str]) -> str:
    """Images of a CPU second: a row for each workload, a column for each server."""
    rows = []
    for workload in workloads:
        medians = [_number(measurements.median(name, workload, images_per_cpu_s)) for name in names]
        if any(medians):
            rows.append((workload.model, f"{workload.n:,}", workload.format, str(workload.concurrency), *medians))
    return table(("model", "n", "as", "clients", *names), rows)


def measurements_table(measurements: Measurements, workloads: Iterable[Workload], names: Sequence[str]) -> str:
    """A row for each name and workload that was measured."""
    pairs = [(name, workload) for workload in workloads for name in names]
    rows = [_row(measurements, name, workload) for name, workload in pairs if (name, workload) in measurements.samples]
    head = (
        "model", "n", "as", "clients", "server", "CPU ms an image", "images/s", "p50 ms", "p99 ms", "client ms",
    )  # fmt: skip
    return table(head, rows)


def descriptions_list(servers: Iterable[ServerUnderTest]) -> str:
    """The settings of each server."""
    return "\n".join(f"- **{one.name}**: {one.description}." for one in servers)


def processor(cpuinfo: str | None = None) -> tuple[str, tuple[str, ...]]:
    """The processor's name and those of its features that matter here, from the text of /proc/cpuinfo."""
    text = Path("/proc/cpuinfo").read_text() if cpuinfo is None else cpuinfo
    fields = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in text.splitlines())}
    flags = fields.get("flags", "").split()
    return fields.get("model name", platform.machine()), tuple(one for one in CPU_FEATURES if one in flags)


def machine() -> str:
    """What two machines must have alike for ratios to be comparable: processor, cores and features."""
    name, features = processor()
    return f"{name}, {usable_cores()} cores, {' '.join(features)}"


def described_machine() -> str:
    """The day, the machine and the libraries."""
    day = datetime.now(UTC).date().isoformat()
    return f"{day}, {machine()}. Python {platform.python_version()}, {', '.join(map(_library, LIBRARIES))}."


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Rows of cells as Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _library(name: str) -> str:
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        return f"no {name}"


def _row(measurements: Measurements, name: str, workload: Workload) -> tuple[str, ...]:
    samples = [sample for _, sample in measurements.samples[name, workload]]
    answers, images = sum(one.answers for one in samples), sum(one.images for one in samples)
    client_ms = 1000 * sum(one.client_cpu_s for one in samples) / images if images and answers else None
    cpu_s = measurements.median(name, workload, cpu_s_per_image)
    p50_ms, p99_ms = (measurements.latency_ms(name, workload, share) for share in (0.5, 0.99))
    few = "*" if 0 < answers < 100 else ""
    return (
        workload.model,
        f"{workload.n:,}",
        workload.format,
        str(workload.concurrency) if workload.concurrency else "",
        name,
        _number(None if cpu_s is None else cpu_s * 1000),
        _number(measurements.median(name, workload, images_per_s)),
        _number(p50_ms),
        _number(p99_ms) + few,
        _number(client_ms),
    )


def _number(value: float | None) -> str:
    """Three significant digits, or whole numbers from 100 on."""
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
