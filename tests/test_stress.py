"""What the experiments make of what they find, by hand, and the quick ones against a service."""

import asyncio
import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from support.serving import Server

from load.bench.client import Response
from load.bench.measurements import Sample
from load.check_result import CheckResult, at_most
from load.stress import overload
from load.stress.__main__ import SHORT, Lengths, _arguments, lengths_of
from load.stress.contract import failures
from load.stress.crash import Responses, Restart, break_bundle, check_crash
from load.stress.determinism import IMAGES, decode_images, slices
from load.stress.harness import Target, attached_target, metric_sums
from load.stress.mutations import Outcomes, exchange, mutant, valid_requests
from load.stress.overload import LOADS, Load, OverloadSample, check_overload, refusal_share
from load.stress.record import recorded
from load.stress.soak import check_growth, memory_growth
from load.stress.trainer import Turns, check_turns
from load.stress.watch import Notes


def overloaded(**changed: object) -> OverloadSample:
    """A minute in which all went as it should: 10 answers and 10 refusals a second."""
    fields = {
        "latencies_s": [0.5] * 600,
        "refusal_latencies_s": [0.01] * 600,
        "answered_in_time": 600,
        "send_delays_s": [0.001] * 1200,
        "resident_bytes": [100] * 60,
    }
    return OverloadSample(60.0, **{**fields, **changed})


def failed(sample: OverloadSample) -> list[str]:
    return [one.name for one in check_overload(sample, peak_per_s=2560, deadline_s=10) if not one.passed]


def test_an_overload_with_backpressure_fails_nothing():
    assert failed(overloaded()) == []


def test_a_client_offers_no_more_than_it_has_connections_for_and_counts_the_rest(monkeypatch: pytest.MonkeyPatch):
    """Before: a service that was slow to accept made the client run out of files, and the experiment ended there."""
    monkeypatch.setattr(overload, "MOST_IN_FLIGHT", 3)
    opened: list[int] = []

    async def hang_up_late(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        opened.append(1)
        await asyncio.sleep(0.5)
        writer.close()

    async def attempt() -> OverloadSample:
        async with await asyncio.start_server(hang_up_late, "127.0.0.1", 0) as server:
            processes = SimpleNamespace(cpu_s=lambda: 0.0, resident_bytes=lambda: 1)
            url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            return await overload._overload(SimpleNamespace(url=url, processes=processes), b"x", Load(1), 100.0, 0.3)

    found = asyncio.run(attempt())

    assert (len(opened), len(found.errors)) == (3, 3)
    assert found.unsent == 27


def test_each_way_to_handle_it_badly_fails():
    assert failed(overloaded(answered_in_time=500)) == ["goodput / peak"]
    assert failed(overloaded(refusal_latencies_s=[0.01] * 500 + [0.06] * 100)) == ["p99 latency of a refusal"]
    assert failed(overloaded(refusals_without_retry_after=1)) == ["refusals without Retry-After"]
    assert failed(overloaded(latencies_s=[11.0] * 600)) == ["p99 latency of an answer"]
    assert failed(overloaded(errors=["status 500"])) == ["answers that are neither"]
    assert failed(overloaded(resident_bytes=[100] * 50 + [120] * 10)) == ["memory at the end / at the beginning"]
    assert failed(overloaded(send_delays_s=[0.1] * 1200)) == ["p99 delay of the client's own sending"]
    assert failed(overloaded(refusal_latencies_s=[])) == ["requests refused", "p99 latency of a refusal"]


def test_of_single_images_the_client_sends_what_it_can_and_is_not_late():
    single = overloaded(images=1, send_delays_s=[0.1] * 1200, answered_in_time=153_600, latencies_s=[0.5] * 153_600)

    assert failed(single) == []
    single.refusal_latencies_s = []
    assert failed(single) == [], "one client may send less than what is too much"


def test_what_refusals_take_is_what_answers_do_not_explain():
    """Twenty answers took 1 s at the capacity, so 600 explain 30 s."""
    peak = Sample(server_cpu_s=1.0, latencies_s=[0.1] * 20)

    assert refusal_share(overloaded(server_cpu_s=60.0), peak) == 0.5
    assert refusal_share(overloaded(server_cpu_s=30.0), peak) == 0
    assert refusal_share(overloaded(), peak) is None


def test_the_table_of_overloads_is_that_of_the_issue():
    assert {one.name for one in LOADS} == {
        *(f"{factor}x-{kind}" for factor in ("1.5", "5", "20") for kind in ("256-npy", "1024-png")),
        "5x-1-png",
        "5x-1-png-queue-256",
    }


def mutants() -> tuple[list[bytes], list[bytes]]:
    requests = valid_requests(Target("http://127.0.0.1:1", None, "mnist", 256, "6de6"))
    return requests, [mutant(requests, number) for number in range(1_000)]


def test_a_mutant_is_made_again_from_its_number_and_most_are_no_valid_requests():
    requests, made = mutants()

    assert made == mutants()[1]
    assert len(set(made)) > 950
    assert len(set(made) & set(requests)) < 20


def test_what_is_mutated_is_valid_but_for_the_file_that_is_no_picture(studio: Server):
    """A request that is refused for its model's sake never comes as far as the code behind it."""
    target = attached_target(studio.url, studio.process.pid, "mnist")
    requests = valid_requests(target)
    answers = [asyncio.run(exchange(target.url, one))[0] for one in requests]
    refused = [
        one.split()[1] for one, answer in zip(requests, answers, strict=True) if not answer.startswith(b"HTTP/1.1 2")
    ]

    assert refused == [b"/verify"]


@pytest.mark.parametrize(
    ("answer", "ended", "faults", "hung"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", True, 0, 0),
        (b"HTTP/1.1 500 Internal Server Error\r\n\r\n", True, 1, 0),
        (b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n\r\n", True, 0, 0),
        (b"HTTP/1.1 503 Service Unavailable\r\n\r\n", True, 1, 0),
        (b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 502 Bad Gateway\r\n\r\n", False, 1, 0),
        (b"", True, 0, 0),
        (b"", False, 0, 1),
    ],
)
def test_an_error_of_the_service_and_a_connection_without_end_are_counted(
    answer: bytes, ended: bool, faults: int, hung: int
):
    outcomes = Outcomes()
    outcomes.add(1, answer, ended)

    assert (len(outcomes.faults), len(outcomes.hung)) == (faults, hung)


def noted(**last: int) -> list[str]:
    """The checks of growth that fail when the last of thirty intervals has this."""
    intervals = [Notes(resident_bytes=[500], threads=[30, 20]) for _ in range(30)]
    for name, value in last.items():
        setattr(intervals[-1], name, [value, value + 9])
    return [one.name.partition(" ")[0] for one in check_growth(intervals, 1.05) if not one.passed]


def test_memory_and_threads_must_be_flat_by_the_least_of_an_interval():
    assert noted() == noted(resident_bytes=515, threads=22) == []
    assert noted(resident_bytes=560) == ["memory"]
    assert noted(threads=23) == ["threads"]


def test_every_attack_fails_where_probes_wait_memory_grows_or_other_pictures_come():
    good = {"probe_s": [0.1], "resident_bytes": [100_000_000, 300_000_000], "redrawn": True, "tracebacks": 0}

    def failing(**changed: object) -> int:
        return sum(not one.passed for one in Notes(**{**good, **changed}).checks())

    assert failing() == 0
    for changed in (
        {"probe_s": [0.1, 1.1]},
        {"probe_s": []},
        {"failed_probes": ["status 503"]},
        {"resident_bytes": [100_000_000, 500_000_000, 100_000_000]},
        {"redrawn": False},
        {"redrawn": None},
        {"tracebacks": 1},
    ):
        assert failing(**changed) == 1, changed


SAID = """
=================================== FAILURES ===================================
________________________________ POST /decode __________________________________
1. Test Case ID: DN1

- ST202 Schema-valid request rejected

    Valid data should have been accepted

[413] Content Too Large:

    `{"detail":"The body is larger than 1048576 bytes, which is the limit."}`

Reproduce with:

2. Test Case ID: DN2

- ST101 Server error

- ST301 Undocumented HTTP status code

[500] Internal Server Error:

    `{"detail":"?"}`
_______________________________ GET /models ____________________________________
1. Test Case ID: DN3

- ST202 Schema-valid request rejected

[422] Unprocessable Content:

    `{"detail":"no"}`
=================================== SUMMARY ====================================
"""


def test_a_failure_of_the_contract_is_named_with_its_reason_or_without_one():
    found = [(one.operation, one.code, one.status, one.reason is not None) for one in failures(SAID)]

    assert found == [
        ("POST /decode", "ST202", 413, True),
        ("POST /decode", "ST101", 500, False),
        ("POST /decode", "ST301", 500, False),
        ("GET /models", "ST202", 422, False),
    ]


def test_results_are_kept_and_an_experiment_that_has_them_is_not_run_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    def run() -> list[CheckResult]:
        print("a word of it")
        return [at_most("errors", 0, 0)]

    first = recorded(tmp_path / "out", "idle-mnist", run)
    again = recorded(tmp_path / "out", "idle-mnist", lambda: pytest.fail("it ran again"))

    assert first == again == run()
    assert "a word of it\npass  errors" in (tmp_path / "out" / "idle-mnist.txt").read_text()
    assert "idle-mnist was run before" in capsys.readouterr().out
    assert recorded(None, "idle-mnist", run) == first


def crashes(**changed: object) -> list[str]:
    """The checks that fail, of two kills after which all went as it should unless it is changed."""
    responses, restarts = Responses(compared=20), changed.pop("restarts", [Restart(0.5, 4.0), Restart(1.0, 5.0)])
    for name, value in changed.items():
        setattr(responses, name, value)
    return [one.name for one in check_crash(restarts, responses, 2) if not one.passed]


def test_each_way_not_to_survive_a_kill_fails():
    assert crashes() == []
    assert crashes(restarts=[Restart(0.5, 4.0)]) == ["workers that were killed and replaced"]
    assert crashes(restarts=[Restart(0.5, 4.0), Restart(3.1, 1.0)]) == ["longest time until another worker runs"]
    assert crashes(compared=1) == ["complete responses that were compared"]
    assert crashes(wrong=1) == ["of these, with a wrong byte"]
    assert crashes(unexpected=[500]) == ["responses that are neither pictures nor 503"]
    assert crashes(interrupted=19) == ["requests that failed because a worker ended, by kill"], "of 9 clients, twice"


def test_only_complete_pictures_are_compared():
    responses = Responses()
    found = [Response(200, {}, b"a"), Response(200, {}, b"b"), Response(503, {}, b"a"), Response(500, {}, b"a")]

    assert [responses.add(one, b"a") for one in found] == [True, False, False, False]
    assert responses == Responses(compared=2, wrong=1, refused=1, unexpected=[500])


def test_a_broken_bundle_has_its_folders_name_and_half_of_its_largest_file(tmp_path: Path):
    (tmp_path / "card.json").write_text('{"name": "mnist", "format": 2}')
    (tmp_path / "weights").write_bytes(bytes(1000))
    break_bundle(tmp_path)

    assert json.loads((tmp_path / "card.json").read_text()) == {"name": tmp_path.name, "format": 2}
    assert (tmp_path / "weights").stat().st_size == 500


def test_metrics_are_summed_over_their_labels():
    text = '# HELP a_total x\n# TYPE a_total counter\na_total{model="m"} 3\na_total{model="n"} 4.0\nb 1e3 1700000000\n'

    assert metric_sums(text) == {"a_total": 7, "b": 1000}


def test_memory_is_that_of_the_last_interval_over_the_fifths():
    intervals = [[900], [800], [700], [600], [100, 110, 120], [500], [121, 121]]

    assert memory_growth(intervals) == 1.1
    assert memory_growth(intervals[:5]) is None


def test_a_zip_and_an_npy_of_the_same_images_are_the_same_pixels():
    for channels in (1, 3):
        images = np.random.default_rng(channels).integers(0, 256, (2, 4, 5, channels), np.uint8)
        npy, zipped = io.BytesIO(), io.BytesIO()
        np.save(npy, images)
        with zipfile.ZipFile(zipped, "w") as entries:
            for number, pixels in enumerate(images):
                png = io.BytesIO()
                Image.fromarray(pixels.squeeze()).save(png, "PNG")
                entries.writestr(f"{number}.png", png.getvalue())

        assert np.array_equal(decode_images(npy.getvalue(), "npy"), images)
        assert np.array_equal(decode_images(zipped.getvalue(), "zip"), images)


def test_every_size_is_requested_as_npy_and_as_zip_within_the_reference():
    requested = list(slices())

    assert {(one.n, one.format) for one in requested} == {
        (n, kind) for n in (1, 7, 64, 1000) for kind in ("npy", "zip")
    }
    assert all(one.start + one.n <= IMAGES for one in requested)


def answered_in(seconds: float, **changed: object) -> OverloadSample:
    """A turn of half load: 100 answers."""
    fields = {"images": 1, "latencies_s": [seconds] * 100, "answered_in_time": 100, "send_delays_s": [0.0] * 100}
    return OverloadSample(10.0, **{**fields, **changed})


def test_a_trainer_next_to_the_service_may_make_it_slower_up_to_the_goals_of_half_load(
    capsys: pytest.CaptureFixture[str],
):
    turns = Turns([answered_in(0.01), answered_in(0.02)], [answered_in(0.03), answered_in(0.04)], [1.2, 1.3])

    assert all(one.passed for one in check_turns(turns, 0))
    assert "p95 10, 20 ms, and 30, 40 ms while it trains: 2.50 times as long" in capsys.readouterr().out
    for changed, name in (
        ({"latencies_s": [0.2] * 100}, "niceness 10: the same while it trains"),
        ({"answered_in_time": 60}, "niceness 10: achieved / offered while it trains"),
        ({"errors": ["status 500"]}, "niceness 10: answers that are no picture"),
    ):
        worse = Turns([answered_in(0.01)], [answered_in(0.01, **changed)], [1.0])
        assert [one.name for one in check_turns(worse, 10) if not one.passed] == [name]


def test_a_short_form_takes_seconds_and_options_win_over_it():
    lengths = lengths_of(_arguments(["soak", "--short"]))

    assert lengths == SHORT
    assert lengths.overload_s + lengths.fairness_s + 60 * lengths.soak_minutes < 60
    assert 4 * lengths.trainer_iterations * lengths.trainer_s < 60
    assert lengths_of(_arguments(["soak"])) == Lengths()
    assert lengths_of(_arguments(["soak", "--short", "--minutes", "2"])).soak_minutes == 2


@pytest.mark.parametrize(("old", "new"), [("callers", "batching"), ("same", "determinism")])
def test_an_old_name_of_an_experiment_still_runs_and_prints_the_new_one(
    old: str, new: str, capsys: pytest.CaptureFixture[str]
):
    assert _arguments([old]).experiment == new
    assert f"python -m load.stress {new}" in capsys.readouterr().err


def test_the_old_name_of_the_command_still_runs_and_prints_the_new_one():
    done = subprocess.run([sys.executable, "-m", "load.siege", "--help"], capture_output=True, text=True, check=True)

    assert "python -m load.stress" in done.stderr
    assert "overload" in done.stdout


@pytest.mark.slow
def test_a_short_soak_of_the_service_finds_no_error():
    """Twelve seconds of what `python -m load.stress soak` does for half an hour."""
    command = [sys.executable, "-m", "load.stress", "soak", "--short", "--minutes", "0.2"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "pass  errors" in done.stdout
