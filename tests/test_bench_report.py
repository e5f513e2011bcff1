"""The tables, to the character, and what is said of the machine."""

import pytest

from load.bench.measurements import Measurements, Sample
from load.bench.report import (
    BEGIN,
    END,
    MarkersMissing,
    criteria_table,
    described_machine,
    insert_report,
    machine,
    measurements_table,
    processor,
    summary_table,
)
from load.bench.workloads import saturated
from load.check_result import at_most

WORKLOAD = saturated("mnist", 64, "npy")


def test_a_table_replaces_what_was_between_its_markers_and_nothing_else():
    page = f"before\n\n{BEGIN}\n\nold\n\n{END}\n\nafter\n"

    assert insert_report(page, "new\n") == f"before\n\n{BEGIN}\n\nnew\n\n{END}\n\nafter\n"
    assert insert_report(insert_report(page, "new"), "new") == insert_report(page, "new")


def test_a_page_without_markers_is_refused():
    with pytest.raises(MarkersMissing, match=r"found 0 lines <!-- bench: begin --> .* expected one of each"):
        insert_report("nothing", "new")


def test_a_criterion_is_a_row_with_what_was_expected_and_found():
    assert criteria_table([at_most("a / b", 1.234, 1.1, digits=".2f")]).splitlines()[2] == (
        "| FAIL | a / b | at most 1.10 | 1.23 |"
    )


def test_a_row_says_cpu_throughput_latency_and_what_the_client_took():
    measurements = Measurements()
    measurements.add(
        "ours", WORKLOAD, 0, Sample(64, server_cpu_s=0.064, client_cpu_s=0.0064, wall_s=0.05, latencies_s=[0.01])
    )

    (row,) = measurements_table(measurements, [WORKLOAD], ["ours", "none"]).splitlines()[2:]

    assert row == "| mnist | 64 | npy | 4 | ours | 1 | 1,280 | 10 | 10* | 0.1 |"


def test_the_summary_has_a_column_for_each_and_is_empty_where_one_offers_nothing():
    measurements = Measurements()
    measurements.add("ours", WORKLOAD, 0, Sample(64, server_cpu_s=0.064, wall_s=0.05))

    table = summary_table(measurements, [WORKLOAD, saturated("mnist", 1024, "zip")], ["ours", "theirs"])

    assert table.splitlines()[2:] == ["| mnist | 64 | npy | 4 | 1,000 |  |"]


def test_a_sample_in_which_nothing_was_answered_is_an_empty_row():
    measurements = Measurements()
    measurements.add("ours", WORKLOAD, 0, Sample(errors=["status 503"], wall_s=1.0))

    assert (
        measurements_table(measurements, [WORKLOAD], ["ours"]).splitlines()[2]
        == "| mnist | 64 | npy | 4 | ours |  |  |  |  |  |"
    )


CPUINFO = """\
processor\t: 0
model name\t: A Processor 9000
flags\t\t: fpu sse2 avx2 avx512f amx_bf16 avx512_bf16

processor\t: 1
model name\t: A Processor 9000
flags\t\t: fpu sse2 avx2 avx512f amx_bf16 avx512_bf16
"""


def test_a_processor_has_a_name_and_the_features_that_choose_kernels():
    assert processor(CPUINFO) == ("A Processor 9000", ("avx2", "avx512f", "avx512_bf16", "amx_bf16"))


def test_the_same_machine_has_the_same_name_and_a_description_names_libraries_and_the_day():
    assert machine() == machine()
    assert machine() in described_machine()
    assert "onnxruntime " in described_machine()
    assert described_machine().startswith("20")
