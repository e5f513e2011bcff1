"""The page about fleets is arithmetic on committed measurements, and what it takes for granted is so."""

import re
import zipfile
from pathlib import Path

import pytest

from load.bench import scale
from load.bench.last_run import read_benchmark
from load.bench.scale import Assumptions, replica_of, tables
from service.ratings import database
from service.sample import main as sample

ROOT = Path(__file__).parent.parent
PAGE = scale.PAGE.read_text()
BENCHMARK = read_benchmark(scale.BENCHMARK.read_text())
MADE = """
<!-- bench: begin -->

2026-01-02, A Processor, 4 cores, avx2. Python 3.11.7, torch no. Drawn: mnist by openvino-1.2-cpu-bfloat16. One process.

| model | n | as | clients | server | CPU ms an image | images/s | p50 ms | p99 ms | client ms |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
| mnist | 1,024 | npy | 2 | zoetrope | 0.2 | 10,000 | 100 | 200* | 0.001 |
| mnist | 1,024 | npy | 2 | zoetrope, float32 | 0.4 | 5,000 | 100 | 200* | 0.001 |
| mnist | 1,024 | npy | 2 | LitServe |  |  |  |  |  |
| mnist | 256 | raw |  | openvino bfloat16, engine alone | 0.15 | 12,000 |  |  |  |
| mnist | 1,024 | npy |  | codes, engine and encoder alone | 0.19 | 11,000 |  |  |  |

<!-- bench: end -->
"""
FRONT = {
    "front": "2026-01-02, A Processor, 4 cores.",
    "nginx_cpu_s": {"cached": 0.00002, "not cached": 0.0001},
    "ratios": {"cached / not cached": 51.04, "n = 64, two replicas / one": 1.5},
}


def test_the_tables_of_the_page_follow_from_what_is_committed():
    """Where this fails measurements were renewed: `python -m load.bench scale --write`."""
    assert scale.page_with(PAGE) == PAGE


def test_a_billion_pictures_cost_the_cores_that_are_held_and_the_bytes_that_are_sent():
    one = replica_of(read_benchmark(MADE), "mnist", 1024, "npy", "1,024 as npy")
    assumed = Assumptions(core_hour=0.05, gigabyte=0.1, busy=0.5)

    assert one.core_hours(assumed) == pytest.approx(10**9 / 5_000 * 4 / 3600)  # 222
    assert one.core_hours_float32(assumed) == pytest.approx(2 * 10**9 / 5_000 * 4 / 3600)
    assert one.gigabytes() == 784
    assert one.prices(assumed) == pytest.approx((11.11, 78.4), rel=1e-3)


def test_a_fleet_draws_what_its_replicas_draw_and_fills_a_line_of_its_own_number():
    one = replica_of(read_benchmark(MADE), "mnist", 1024, "npy", "1,024 as npy")
    assumed = Assumptions(busy=0.5, line_gbit_s=10)

    assert one.fleet_images_per_s(100, assumed) == 500_000
    assert one.fleet_gbit_s(100, assumed) == pytest.approx(500_000 * 784 * 8 / 1e9)
    assert one.replicas_of_a_line(assumed) == pytest.approx(10e9 / (5_000 * 784 * 8))  # 319


def test_shares_are_of_the_cpu_time_of_a_picture():
    one = replica_of(read_benchmark(MADE), "mnist", 1024, "npy", "1,024 as npy")

    assert one.cores_busy == pytest.approx(2.0)
    assert one.engine_share == pytest.approx(0.75)
    assert one.encoding_share == pytest.approx(0.2)


def test_what_was_not_measured_says_so_and_has_no_figure():
    text = tables(BENCHMARK, None)

    assert text.count(scale.NOT_MEASURED) == len(scale.FLEETS) * len(scale.HITS) + len(scale.MULTIPLES)
    assert "| cached / not cached | not measured yet | `python .ci/deploy/measure.py --write` |" in text


def test_with_nginx_measured_its_cores_and_all_ratios_are_told():
    """A hundred replicas with 90 % hits answer ten times what they draw: nine of ten at 20 us, one at 100."""
    text = tables(BENCHMARK, FRONT)
    drawn = 100 * 0.7 * replica_of(BENCHMARK, "mnist", 1, "png", "one PNG").images_per_s

    cores = [float(f"{drawn * hits * 0.00002 + drawn * 0.0001:.3g}") for hits in (9, 99)]
    assert f"| {cores[0]:.3g} | {cores[1]:,.0f} |" in text
    assert "| cached / not cached | 51 | `python .ci/deploy/measure.py --write` |" in text
    assert text.count(scale.NOT_MEASURED) == len(scale.MULTIPLES) - 2


def test_a_page_without_the_benchmark_is_refused_in_words():
    with pytest.raises(
        ValueError, match=r"found no table of the benchmark; expected one\. Run `make bench WRITE=--write`"
    ):
        read_benchmark("nothing")


@pytest.mark.parametrize(("model", "n"), [("mnist", 1024), ("eurosat", 256)])
def test_files_are_as_large_as_the_page_takes_them_for(
    model: str, n: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("ZOETROPE_MODELS", str(ROOT / "models"))
    path = tmp_path / "drawn.zip"
    assert sample([model, "--n", str(n), "--seed", "7", "--out", str(path)]) == 0
    with zipfile.ZipFile(path) as file:
        pictures = [one.file_size for one in file.infolist() if one.filename.endswith(".png")]

    assert path.stat().st_size / n == pytest.approx(scale.FILE_BYTES[model, "zip"], rel=0.03)
    assert sum(pictures) / n == pytest.approx(scale.FILE_BYTES[model, "png"], rel=0.03)


def test_what_the_page_says_of_the_settings_of_others_is_so():
    """SQLAlchemy's pool as the service makes it, and nginx.conf: 8,000 names a megabyte, by nginx's documentation."""
    pool = database._engine("postgresql+psycopg://zoetrope@localhost/zoetrope").pool
    (megabytes,) = re.findall(r"keys_zone=pictures:(\d+)m", (ROOT / "deploy" / "nginx.conf").read_text())

    assert pool.size() == scale.CONNECTIONS_KEPT
    assert f"{megabytes} MB end at {int(megabytes) * 8000:,} pictures" in PAGE


def test_what_commands_measure_is_kept_next_to_what_others_did(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(scale, "FRONT", tmp_path / "measured.json")
    monkeypatch.setattr(scale, "PAGE", tmp_path / "SCALE.md")
    scale.PAGE.write_text("\n".join(scale.MARKERS))
    scale.keep({}, {"n = 64 as npy, a worker a core / one": 1.2345})
    scale.keep({name: FRONT[name] for name in ("front", "nginx_cpu_s")}, FRONT["ratios"])
    text = scale.PAGE.read_text()

    assert "| n = 64 as npy, a worker a core / one | 1.23 |" in text
    assert "| cached / not cached | 51 |" in text
    assert "nginx and replicas: 2026-01-02, A Processor, 4 cores." in text
